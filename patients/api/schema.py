"""The OpenAPI descriptions of patients."""

from drf_spectacular.utils import OpenApiExample, extend_schema, extend_schema_view

from core.api.openapi import problems
from patients.api.serializers import PatientFilters, PatientSerializer

TAGS = ["Register"]

_NEW_PATIENT = OpenApiExample(
    "A grandmother",
    request_only=True,
    value={
        "name": "Lakshmi Narayanan",
        "phone": "+91 98765 43210",
        "date_of_birth": "1951-08-15",
        "needs_assistance": True,
    },
)
_TWIN = OpenApiExample(
    "Same name, same phone, another person",
    request_only=True,
    value={"name": "Arjun Rao", "phone": "+91 98860 55001", "allow_duplicate": True},
)

_NO_PHONE = OpenApiExample(
    "Without a phone, and the age is all that is known",
    request_only=True,
    value={"name": "Moti Lal", "no_phone": True, "age_years": 70, "sex": "M"},
)

patient_list = extend_schema_view(
    get=extend_schema(
        tags=TAGS,
        operation_id="patients_list",
        summary="List or search the patients",
        description="A doctor sees the patients with a token in their slots, a patient their own family.",
        parameters=[PatientFilters],
        responses={200: PatientSerializer(many=True)},
    ),
    post=extend_schema(
        tags=TAGS,
        operation_id="patients_register",
        summary="Register a patient",
        description=(
            "409 `duplicate-patient` with `existing_id` if a patient of this name and phone is registered; send"
            " `allow_duplicate` if it is another person. A PATIENT adds a member of their family, up to 8 records."
        ),
        responses={201: PatientSerializer, **problems("duplicate-patient")},
        examples=[_NEW_PATIENT, _TWIN, _NO_PHONE],
    ),
)
patient_detail = extend_schema_view(
    get=extend_schema(
        tags=TAGS,
        operation_id="patients_read",
        summary="Read a patient",
        description="The ETag is the version: a change with If-Match fails if the record has changed since.",
    ),
    put=extend_schema(
        tags=TAGS,
        operation_id="patients_replace",
        summary="Change a patient",
        description="The body of a GET can be sent back. A field that is not sent keeps its value.",
        responses={200: PatientSerializer, **problems("duplicate-patient", "version-conflict")},
        examples=[_NEW_PATIENT],
    ),
    patch=extend_schema(
        tags=TAGS,
        operation_id="patients_change",
        summary="Change some fields of a patient",
        responses={200: PatientSerializer, **problems("duplicate-patient", "version-conflict")},
        examples=[OpenApiExample("A new phone", request_only=True, value={"phone": "+91 98450 70707"})],
    ),
    delete=extend_schema(
        tags=TAGS,
        operation_id="patients_delete",
        summary="Delete a patient who was never booked",
        description="409 `in-use` if a token or a waiting-list entry refers to the patient.",
        responses={204: None, **problems("in-use", "version-conflict")},
    ),
)

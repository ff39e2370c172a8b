"""The OpenAPI descriptions of facilities and doctors."""

from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiExample, extend_schema, extend_schema_view

from clinics.api.serializers import (
    DoctorFilters,
    DoctorSerializer,
    FacilityFilters,
    FacilitySerializer,
    NewFacilitySerializer,
)
from core.api.openapi import CONDITIONAL, NOT_MODIFIED, problems

TAGS = ["Register"]

_NEW_DOCTOR = OpenApiExample(
    "A paediatrician",
    request_only=True,
    value={
        "name": "Dr. Meera Iyer",
        "specialization": "Paediatrics",
        "email": "meera.iyer@hospital.example",
        "phone": "+91 98450 11223",
        "experience_years": 12,
        "consultation_minutes": 10,
    },
)

_LOGO = {
    "type": "object",
    "properties": {"logo": {"type": "string", "format": "binary"}},
    "required": ["logo"],
    "example": {"logo": "(a PNG file)"},
}

facility_list = extend_schema_view(
    get=extend_schema(
        tags=TAGS,
        operation_id="facilities_list",
        summary="List the facilities",
        description="Staff and keys see their own facility; patients and superusers see all of them.",
        parameters=[FacilityFilters],
        responses={200: FacilitySerializer(many=True)},
    ),
    post=extend_schema(
        tags=TAGS,
        operation_id="facilities_create",
        summary="Add a facility",
        description="Only a superuser adds facilities, and then its first ADMIN (`POST users/` with `facility`).",
        request=NewFacilitySerializer,
        responses={201: FacilitySerializer},
        examples=[
            OpenApiExample(
                "A second hospital",
                request_only=True,
                value={"name": "St. Martha's, Hosur Road", "code": "HOSUR", "time_zone": "Asia/Kolkata"},
            )
        ],
    ),
)
facility_detail = extend_schema_view(
    get=extend_schema(tags=TAGS, operation_id="facilities_read", summary="Read a facility"),
    patch=extend_schema(
        tags=TAGS,
        operation_id="facilities_change",
        summary="Change a facility",
        description=(
            "`rules` are merged: a rule that is not sent stays, null takes it back to the server's default. They apply "
            "to what is done from then on, within 5 seconds in every process. "
            "The time zone cannot change while a slot that is not over has live tokens or waiting-list entries. Slots "
            "keep their start and end; those that are not over get the local day of the new zone, and new tickets. "
            "Tokens that have ended keep their tickets and local days."
        ),
        examples=[
            OpenApiExample("Rename", request_only=True, value={"name": "St. Martha's Hospital, OPD"}),
            OpenApiExample(
                "Longer holds, default buffers",
                request_only=True,
                value={"rules": {"hold_seconds": 300, "buffer_minutes": None}},
            ),
        ],
        responses={200: FacilitySerializer, **problems("in-use")},
    ),
)
facility_logo = extend_schema_view(
    get=extend_schema(
        tags=TAGS,
        operation_id="facilities_logo_read",
        summary="Read a facility's logo",
        parameters=CONDITIONAL,
        responses={(200, "image/png"): OpenApiTypes.BINARY, 304: NOT_MODIFIED},
    ),
    post=extend_schema(
        tags=TAGS,
        operation_id="facilities_logo_set",
        summary="Set a facility's logo",
        description=(
            "The only body of the API that is multipart: one field `logo`, a PNG image of at most 200 KB and 4,000,000 "
            "pixels. The server encodes it again, without metadata."
        ),
        request={"multipart/form-data": _LOGO},
        responses={200: FacilitySerializer},
    ),
    delete=extend_schema(
        tags=TAGS,
        operation_id="facilities_logo_delete",
        summary="Delete a facility's logo",
        responses={204: None},
    ),
)
doctor_list = extend_schema_view(
    get=extend_schema(
        tags=TAGS,
        operation_id="doctors_list",
        summary="List the doctors",
        parameters=[DoctorFilters],
        responses={200: DoctorSerializer(many=True)},
    ),
    post=extend_schema(
        tags=TAGS,
        operation_id="doctors_create",
        summary="Add a doctor",
        request=DoctorSerializer,
        responses={201: DoctorSerializer},
        examples=[_NEW_DOCTOR],
    ),
)
doctor_detail = extend_schema_view(
    get=extend_schema(tags=TAGS, operation_id="doctors_read", summary="Read a doctor"),
    put=extend_schema(
        tags=TAGS,
        operation_id="doctors_replace",
        summary="Change a doctor",
        description="The body of a GET can be sent back. A field that is not sent keeps its value.",
        examples=[_NEW_DOCTOR],
    ),
    patch=extend_schema(
        tags=TAGS,
        operation_id="doctors_change",
        summary="Change some fields of a doctor",
        examples=[OpenApiExample("On leave", request_only=True, value={"is_active": False})],
    ),
    delete=extend_schema(
        tags=TAGS,
        operation_id="doctors_delete",
        summary="Delete a doctor without tokens",
        description="409 `in-use` if a token refers to the doctor: set `is_active` to false instead.",
        responses={204: None, **problems("in-use")},
    ),
)

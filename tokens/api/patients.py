"""patients/{id}/merge/: two records of one person become one, with their tokens and waiting-list entries."""

from functools import partial
from uuid import UUID

from drf_spectacular.utils import OpenApiExample, extend_schema, extend_schema_view

from accounts.access.principal import principal_of
from accounts.audit.read_trail import attributed, record_read
from core.api.answers import Answer
from core.api.commands import write
from core.api.endpoint import Endpoint
from core.api.openapi import problems
from core.api.request import ApiRequest
from core.api.serializers import StrictSerializer, StrictUUIDField
from patients.api.serializers import PatientSerializer
from patients.models import Patient
from tokens.api.duplicates import naming_token_of_kept_record
from tokens.api.examples import PATIENT_ID
from tokens.merging import merge_patients


class MergeRequest(StrictSerializer):
    """The record that stays."""

    into = StrictUUIDField()


@extend_schema_view(
    post=extend_schema(
        tags=["Register"],
        operation_id="patients_merge",
        summary="Merge a record into another one of the same person",
        description="Tokens, waiting-list entries and users move to `into`. The merged id then answers 410 `merged`.",
        request=MergeRequest,
        responses={200: PatientSerializer, **problems("duplicate-booking", "merged")},
        examples=[OpenApiExample("Registered twice", request_only=True, value={"into": PATIENT_ID})],
    )
)
class MergePatientView(Endpoint):
    """The merger of two records."""

    capability = "patients.merge"

    def post(self, request: ApiRequest, patient_id: UUID) -> Answer:
        into = MergeRequest.read_body(request.data)["into"]
        principal = principal_of(request)
        work = partial(
            merge_patients, patient_id=patient_id, into=into, actor=principal.actor, within=principal.facility_id
        )

        def kept(patient: Patient) -> Answer:
            record_read(request, [patient.pk], what=self.capability)
            return Answer(200, PatientSerializer(patient).data, {"ETag": f'"{patient.version}"'})

        naming = naming_token_of_kept_record(principal, patient_id=patient_id, into=into)
        with attributed(request), naming:
            return write(request, work, kept, versioned=True)

"""Views of patients/. `patients.selectors` decides which patients a caller may see; any other is a 404."""

from functools import partial
from typing import Any
from uuid import UUID

import orjson
from django.db.models import QuerySet

from accounts.access.permissions import capability_of
from accounts.access.principal import principal_of
from accounts.access.roles import Role
from accounts.access.scoping import facility_of_new_row
from accounts.audit.read_trail import attributed, record_read
from core.api.answers import Answer, json_of
from core.api.commands import REPLAYED, write, write_rows
from core.api.endpoint import Endpoint
from core.api.request import ApiRequest
from core.db.replica import from_replica
from core.errors import NotFound
from patients.api.schema import patient_detail, patient_list
from patients.api.serializers import PatientFilters, PatientSerializer
from patients.models import Patient
from patients.selectors import search, visible_patients
from patients.services import delete_patient, raise_if_merged, register_patient, update_patient


def _patient(patient: Patient, *, status: int = 200) -> Answer:
    return Answer(status, PatientSerializer(patient).data, {"ETag": f'"{patient.version}"'})


class _PatientsView(Endpoint):
    queryset = Patient.objects.none()
    serializer_class = PatientSerializer

    def visible(self) -> QuerySet[Patient]:
        """Return the patients that the caller may read or change with this request."""
        capability = capability_of(self, self.request.method or "") or ""
        return visible_patients(principal=principal_of(self.request), capability=capability)

    def family_of(self) -> UUID | None:
        """Return the user's id if the caller is a patient, who acts for their own family; None for the hospital."""
        principal = principal_of(self.request)
        return principal.id if principal.role == Role.PATIENT else None

    def refuse_others(self, patient_id: UUID) -> None:
        """Raise NotFound for a record outside the family of a patient; run no query for a caller of the hospital."""
        if self.family_of() is not None and not self.visible().filter(pk=patient_id).exists():
            raise_if_merged(patient_id, self.visible())
            raise NotFound

    def body(self, *, partly: bool = False) -> dict[str, Any]:
        """Return the validated fields of the request body."""
        body = PatientSerializer(data=self.request.data, partial=partly)
        body.is_valid(raise_exception=True)
        return dict(body.validated_data)


@patient_list
class PatientListView(_PatientsView):
    """The list of patients, by name."""

    capabilities = {"GET": "patients.read", "POST": "patients.register"}

    @from_replica
    def get(self, request: ApiRequest) -> Answer:
        filters = PatientFilters.read(request)
        patients = self.visible()
        if filters.get("search"):
            patients = search(patients=patients, text=filters["search"])
        page = self.paginate_queryset(patients) or []
        record_read(request, [patient.pk for patient in page])
        return self.get_paginated_response(self.get_serializer(page, many=True).data)

    def post(self, request: ApiRequest) -> Answer:
        fields = self.body()
        fields["facility_id"] = facility_of_new_row(principal_of(request), fields.get("facility_id"))
        work = partial(register_patient, of_user=self.family_of(), **fields)
        with attributed(request):
            answer = write_rows(request, work, partial(_patient, status=201))
        if REPLAYED in answer.headers:
            self.refuse_others(UUID(orjson.loads(json_of(answer))["id"]))  # the record may no longer be theirs
        return answer


@patient_detail
class PatientView(_PatientsView):
    """One patient."""

    capabilities = {
        "GET": "patients.read",
        "PUT": "patients.write",
        "PATCH": "patients.write",
        "DELETE": "patients.write",
    }

    def get(self, request: ApiRequest, patient_id: UUID) -> Answer:
        patient = self.visible().filter(pk=patient_id).first()
        if patient is None:
            raise_if_merged(patient_id, self.visible())
            raise NotFound
        record_read(request, [patient.pk])
        return _patient(patient)

    def put(self, request: ApiRequest, patient_id: UUID) -> Answer:
        return self._change(request, patient_id, partly=False)

    def patch(self, request: ApiRequest, patient_id: UUID) -> Answer:
        return self._change(request, patient_id, partly=True)

    def delete(self, request: ApiRequest, patient_id: UUID) -> Answer:
        work = partial(delete_patient, patient_id=patient_id, among=self.visible())
        with attributed(request):
            return write(request, work, lambda nothing: Answer(204), versioned=True)

    def _change(self, request: ApiRequest, patient_id: UUID, *, partly: bool) -> Answer:
        self.refuse_others(patient_id)
        changes = self.body(partly=partly)
        if "facility_id" in changes:
            facility_of_new_row(principal_of(request), changes["facility_id"])  # raises NotFound for an unknown one
        work = partial(
            update_patient,
            patient_id=patient_id,
            changes=changes,
            among=self.visible(),
            of_user=self.family_of(),
        )

        def shown(patient: Patient) -> Answer:
            record_read(request, [patient.pk], what="patients.write")  # even if nothing changed
            return _patient(patient)

        with attributed(request):
            return write(request, work, shown, versioned=True)

"""Views of facilities/ and doctors/; those that also change slots are in `tokens.api.clinics`."""

from functools import partial
from typing import Any
from uuid import UUID

from django.db.models import Q, QuerySet

from accounts.access.principal import principal_of
from accounts.access.scoping import facility_of_new_row, scoped
from accounts.audit.read_trail import attributed
from clinics.api.schema import doctor_list, facility_list
from clinics.api.serializers import (
    DoctorFilters,
    DoctorSerializer,
    FacilityFilters,
    FacilitySerializer,
    NewFacilitySerializer,
)
from clinics.doctors import create_doctor
from clinics.facilities import create_facility
from clinics.models import Doctor, Facility
from core.api.answers import Answer
from core.api.commands import write, write_rows
from core.api.endpoint import Endpoint
from core.api.request import ApiRequest
from core.db.replica import from_replica
from core.errors import NotFound


def doctor_answer(doctor: Doctor, *, status: int = 200) -> Answer:
    """Return the answer with a doctor."""
    return Answer(status, DoctorSerializer(doctor).data)


def _facilities(request: ApiRequest) -> QuerySet[Facility]:
    return scoped(Facility.objects.all(), principal_of(request))


def _doctors(request: ApiRequest) -> QuerySet[Doctor]:
    return scoped(Doctor.objects.select_related("facility"), principal_of(request))


@facility_list
class FacilityListView(Endpoint):
    """The list of facilities; a single hospital has one."""

    capabilities = {"GET": "facilities.read", "POST": "facilities.create"}
    queryset = Facility.objects.none()
    serializer_class = FacilitySerializer

    def get(self, request: ApiRequest) -> Answer:
        FacilityFilters.read(request)
        page = self.paginate_queryset(_facilities(request))
        return self.get_paginated_response(self.get_serializer(page, many=True).data)

    def post(self, request: ApiRequest) -> Answer:
        body = NewFacilitySerializer(data=request.data)
        body.is_valid(raise_exception=True)
        with attributed(request):
            return write_rows(
                request,
                partial(create_facility, **body.validated_data),
                lambda facility: Answer(201, FacilitySerializer(facility).data),
            )


class FacilityView(Endpoint):
    """A facility, read-only."""

    capabilities = {"GET": "facilities.read"}
    queryset = Facility.objects.none()
    serializer_class = FacilitySerializer

    def get(self, request: ApiRequest, facility_id: UUID) -> Answer:
        facility = _facilities(request).filter(pk=facility_id).first()
        if facility is None:
            raise NotFound
        return Answer(200, self.get_serializer(facility).data)


@doctor_list
class DoctorListView(Endpoint):
    """The list of doctors, by name."""

    capabilities = {"GET": "doctors.read", "POST": "doctors.write"}
    queryset = Doctor.objects.none()
    serializer_class = DoctorSerializer

    @from_replica
    def get(self, request: ApiRequest) -> Answer:
        page = self.paginate_queryset(_filtered(_doctors(request), **DoctorFilters.read(request)))
        return self.get_paginated_response(self.get_serializer(page, many=True).data)

    def post(self, request: ApiRequest) -> Answer:
        body = DoctorSerializer(data=request.data)
        body.is_valid(raise_exception=True)
        fields = dict(body.validated_data)
        fields["facility_id"] = facility_of_new_row(principal_of(request), fields.get("facility_id"))
        with attributed(request):
            return write_rows(request, partial(create_doctor, **fields), partial(doctor_answer, status=201))


class DoctorView(Endpoint):
    """A doctor: read and change."""

    capabilities = {"GET": "doctors.read", "PUT": "doctors.write", "PATCH": "doctors.write"}
    queryset = Doctor.objects.none()
    serializer_class = DoctorSerializer

    def get(self, request: ApiRequest, doctor_id: UUID) -> Answer:
        doctor = _doctors(request).filter(pk=doctor_id).first()
        if doctor is None:
            raise NotFound
        return Answer(200, self.get_serializer(doctor).data)

    def put(self, request: ApiRequest, doctor_id: UUID) -> Answer:
        return self._change(request, doctor_id, partly=False)

    def patch(self, request: ApiRequest, doctor_id: UUID) -> Answer:
        return self._change(request, doctor_id, partly=True)

    def _change(self, request: ApiRequest, doctor_id: UUID, *, partly: bool) -> Answer:
        body = DoctorSerializer(data=request.data, partial=partly)
        body.is_valid(raise_exception=True)
        principal = principal_of(request)
        work = partial(
            self.change_doctor,
            doctor_id=doctor_id,
            changes=body.validated_data,
            within=principal.facility_id,
            actor=principal.actor,
        )
        with attributed(request):
            return write(request, work, doctor_answer)

    def change_doctor(self, **facts: Any) -> Any:
        """Change the doctor; `tokens.api.clinics` also promotes the waiting entries of one who is active again."""
        raise NotImplementedError


def _filtered(doctors: QuerySet[Doctor], **filters: Any) -> QuerySet[Doctor]:
    if filters.get("specialization"):
        doctors = doctors.filter(specialization__iexact=filters["specialization"])
    if "facility" in filters:
        doctors = doctors.filter(facility_id=filters["facility"])
    if "is_active" in filters:
        doctors = doctors.filter(is_active=filters["is_active"])
    if filters.get("search"):
        text = filters["search"]
        doctors = doctors.filter(Q(name__icontains=text) | Q(specialization__icontains=text))
    return doctors

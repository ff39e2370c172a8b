"""Views of facilities/ and doctors/; those that also change slots are in `tokens.api.clinics`."""

from functools import partial
from typing import Any
from uuid import UUID

from django.db.models import Q, QuerySet

from accounts.audit.read_trail import attributed
from clinics.api.schema import doctor_list, facility_list
from clinics.api.serializers import DoctorFilters, DoctorSerializer, FacilityFilters, FacilitySerializer
from clinics.doctors import create_doctor, update_doctor
from clinics.models import Doctor, Facility
from core.api.answers import Answer
from core.api.commands import write, write_rows
from core.api.endpoint import Endpoint
from core.api.request import ApiRequest
from core.db.replica import from_replica
from core.errors import NotFound


def _doctor(doctor: Doctor, *, status: int = 200) -> Answer:
    return Answer(status, DoctorSerializer(doctor).data)


@facility_list
class FacilityListView(Endpoint):
    """The list of facilities; a single hospital has one."""

    capabilities = {"GET": "facilities.read"}
    queryset = Facility.objects.all()
    serializer_class = FacilitySerializer

    def get(self, request: ApiRequest) -> Answer:
        FacilityFilters.read(request)
        page = self.paginate_queryset(self.get_queryset())
        return self.get_paginated_response(self.get_serializer(page, many=True).data)


class FacilityView(Endpoint):
    """A facility, read-only."""

    capabilities = {"GET": "facilities.read"}
    queryset = Facility.objects.all()
    serializer_class = FacilitySerializer

    def get(self, request: ApiRequest, facility_id: UUID) -> Answer:
        facility = self.get_queryset().filter(pk=facility_id).first()
        if facility is None:
            raise NotFound
        return Answer(200, self.get_serializer(facility).data)


@doctor_list
class DoctorListView(Endpoint):
    """The list of doctors, by name."""

    capabilities = {"GET": "doctors.read", "POST": "doctors.write"}
    queryset = Doctor.objects.select_related("facility")
    serializer_class = DoctorSerializer

    @from_replica
    def get(self, request: ApiRequest) -> Answer:
        page = self.paginate_queryset(_filtered(self.get_queryset(), **DoctorFilters.read(request)))
        return self.get_paginated_response(self.get_serializer(page, many=True).data)

    def post(self, request: ApiRequest) -> Answer:
        body = DoctorSerializer(data=request.data)
        body.is_valid(raise_exception=True)
        with attributed(request):
            return write_rows(request, partial(create_doctor, **body.validated_data), partial(_doctor, status=201))


class DoctorView(Endpoint):
    """A doctor: read and change."""

    capabilities = {"GET": "doctors.read", "PUT": "doctors.write", "PATCH": "doctors.write"}
    queryset = Doctor.objects.select_related("facility")
    serializer_class = DoctorSerializer

    def get(self, request: ApiRequest, doctor_id: UUID) -> Answer:
        doctor = self.get_queryset().filter(pk=doctor_id).first()
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
        work = partial(update_doctor, doctor_id=doctor_id, changes=body.validated_data)
        with attributed(request):
            return write(request, work, _doctor)


def _filtered(doctors: QuerySet[Doctor], **filters: Any) -> QuerySet[Doctor]:
    if filters.get("specialization"):
        doctors = doctors.filter(specialization__iexact=filters["specialization"])
    if "is_active" in filters:
        doctors = doctors.filter(is_active=filters["is_active"])
    if filters.get("search"):
        text = filters["search"]
        doctors = doctors.filter(Q(name__icontains=text) | Q(specialization__icontains=text))
    return doctors

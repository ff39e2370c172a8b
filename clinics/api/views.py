"""facilities/ and doctors/."""

from functools import partial
from typing import Any
from uuid import UUID

from django.db.models import Q, QuerySet
from rest_framework.generics import GenericAPIView
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.trail import attributed
from clinics.api.schema import doctor_detail, doctor_list, facility_detail, facility_list
from clinics.api.serializers import DoctorFilters, DoctorSerializer, FacilityFilters, FacilitySerializer
from clinics.doctors import create_doctor, delete_doctor, update_doctor
from clinics.facilities import update_facility
from clinics.models import Doctor, Facility
from core.errors import NotFound
from core.replica import from_replica
from core.writes import Answer, write


def _facility(facility: Facility) -> Answer:
    return Answer(200, FacilitySerializer(facility).data)


def _doctor(doctor: Doctor, *, status: int = 200) -> Answer:
    return Answer(status, DoctorSerializer(doctor).data)


@facility_list
class FacilityListView(GenericAPIView[Facility]):
    """The facilities; a single hospital has one."""

    capabilities = {"GET": "facilities.read"}
    queryset = Facility.objects.all()
    serializer_class = FacilitySerializer

    def get(self, request: Request) -> Response:
        FacilityFilters.read(request)
        page = self.paginate_queryset(self.get_queryset())
        return self.get_paginated_response(self.get_serializer(page, many=True).data)


@facility_detail
class FacilityView(GenericAPIView[Facility]):
    """One facility."""

    capabilities = {"GET": "facilities.read", "PATCH": "facilities.write"}
    queryset = Facility.objects.all()
    serializer_class = FacilitySerializer

    def get(self, request: Request, facility_id: UUID) -> Response:
        facility = self.get_queryset().filter(pk=facility_id).first()
        if facility is None:
            raise NotFound
        return Response(self.get_serializer(facility).data)

    def patch(self, request: Request, facility_id: UUID) -> Response:
        body = FacilitySerializer(data=request.data, partial=True)
        body.is_valid(raise_exception=True)
        work = partial(update_facility, facility_id=facility_id, changes=body.validated_data)
        return write(request, work, _facility)


@doctor_list
class DoctorListView(GenericAPIView[Doctor]):
    """The doctors, by name."""

    capabilities = {"GET": "doctors.read", "POST": "doctors.write"}
    queryset = Doctor.objects.select_related("facility")
    serializer_class = DoctorSerializer

    @from_replica
    def get(self, request: Request) -> Response:
        page = self.paginate_queryset(_filtered(self.get_queryset(), **DoctorFilters.read(request)))
        return self.get_paginated_response(self.get_serializer(page, many=True).data)

    def post(self, request: Request) -> Response:
        body = DoctorSerializer(data=request.data)
        body.is_valid(raise_exception=True)
        with attributed(request):
            return write(request, partial(create_doctor, **body.validated_data), partial(_doctor, status=201))


@doctor_detail
class DoctorView(GenericAPIView[Doctor]):
    """One doctor."""

    capabilities = {
        "GET": "doctors.read",
        "PUT": "doctors.write",
        "PATCH": "doctors.write",
        "DELETE": "doctors.write",
    }
    queryset = Doctor.objects.select_related("facility")
    serializer_class = DoctorSerializer

    def get(self, request: Request, doctor_id: UUID) -> Response:
        doctor = self.get_queryset().filter(pk=doctor_id).first()
        if doctor is None:
            raise NotFound
        return Response(self.get_serializer(doctor).data)

    def put(self, request: Request, doctor_id: UUID) -> Response:
        return self._change(request, doctor_id, partly=False)

    def patch(self, request: Request, doctor_id: UUID) -> Response:
        return self._change(request, doctor_id, partly=True)

    def delete(self, request: Request, doctor_id: UUID) -> Response:
        with attributed(request):
            return write(request, partial(delete_doctor, doctor_id=doctor_id), lambda nothing: Answer(204))

    def _change(self, request: Request, doctor_id: UUID, *, partly: bool) -> Response:
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

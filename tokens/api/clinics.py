"""facilities/{id}/ and doctors/{id}/, where two changes affect slots: a new time zone, and deleting a doctor."""

from functools import partial
from typing import Any
from uuid import UUID

from accounts.access.principal import principal_of
from accounts.access.scoping import refuse_other_facility
from accounts.audit.read_trail import attributed
from clinics.api import views
from clinics.api.schema import doctor_detail, facility_detail
from clinics.api.serializers import FacilitySerializer
from clinics.models import Facility
from core.api.answers import Answer
from core.api.commands import write
from core.api.request import ApiRequest
from tokens.planning import PlanningService

service = PlanningService()


def _facility(facility: Facility) -> Answer:
    return Answer(200, FacilitySerializer(facility).data)


@facility_detail
class FacilityView(views.FacilityView):
    """One facility."""

    capabilities = {**views.FacilityView.capabilities, "PATCH": "facilities.write"}

    def patch(self, request: ApiRequest, facility_id: UUID) -> Answer:
        refuse_other_facility(principal_of(request), facility_id)
        body = FacilitySerializer(data=request.data, partial=True)
        body.is_valid(raise_exception=True)
        work = partial(
            service.change_facility,
            facility_id=facility_id,
            changes=body.validated_data,
            actor=principal_of(request).actor,
        )
        return write(request, work, _facility)


@doctor_detail
class DoctorView(views.DoctorView):
    """One doctor."""

    capabilities = {**views.DoctorView.capabilities, "DELETE": "doctors.write"}

    def change_doctor(self, **facts: Any) -> Any:
        return service.change_doctor(**facts)

    def delete(self, request: ApiRequest, doctor_id: UUID) -> Answer:
        work = partial(service.delete_doctor, doctor_id=doctor_id, actor=principal_of(request).actor)
        with attributed(request):
            return write(request, work, lambda nothing: Answer(204))

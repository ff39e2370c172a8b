"""Views of reports/."""

from uuid import UUID

from accounts.access.permission_table import Reach
from accounts.access.permissions import reach_of
from accounts.access.principal import principal_of
from accounts.access.scoping import scoped
from clinics.facilities import default_facility
from clinics.models import Doctor, Facility
from core import clock
from core.api.answers import Answer
from core.api.endpoint import Endpoint
from core.api.request import ApiRequest
from core.db.replica import from_replica
from core.errors import NotFound, PermissionDenied
from core.local_time import local_day
from reports.api.openapi import daily
from reports.api.serializers import DailyFilters
from reports.daily import daily_report


@daily
class DailyReportView(Endpoint):
    """The figures of one local day."""

    capability = "reports.read"

    @from_replica
    def get(self, request: ApiRequest) -> Answer:
        filters = DailyFilters.read(request)
        doctor_id, named = self._doctor(request, filters.get("doctor_id")), filters.get("facility")
        if doctor_id is None:
            facility = self._facility(request, named)
        else:
            doctors = scoped(Doctor.objects.select_related("facility"), principal_of(request))
            doctor = doctors.filter(pk=doctor_id).first()
            if doctor is None or named not in (None, doctor.facility_id):
                raise NotFound
            facility = doctor.facility
        now = clock.now()
        day = filters.get("date") or local_day(now, facility.time_zone)
        return Answer(200, daily_report(facility=facility, day=day, now=now, doctor_id=doctor_id))

    def _facility(self, request: ApiRequest, named: UUID | None) -> Facility:
        """Return the named facility, else the caller's own, else the first one.

        Raise NotFound for one that the caller may not see.
        """
        principal = principal_of(request)
        if named is not None:
            facility = scoped(Facility.objects.all(), principal).filter(pk=named).first()
            if facility is None:
                raise NotFound
            return facility
        own = principal.own_facility_id
        return default_facility() if own is None else Facility.objects.get(pk=own)

    def _doctor(self, request: ApiRequest, doctor_id: UUID | None) -> UUID | None:
        """Return the doctor to report on: `doctor_id`, or the caller if they may see only their own figures.

        Raise NotFound if such a caller requests another doctor.
        """
        if reach_of(request, self) is Reach.ALL:
            return doctor_id
        own = principal_of(request).doctor_id
        if own is None:
            raise PermissionDenied("This user is not linked to a doctor.")
        if doctor_id not in (None, own):
            raise NotFound
        return own

"""The event consumer of the reports, which renews the report of a closed day after a change of that day."""

from collections.abc import Sequence

from clinics.models import Slot
from core import clock
from core.local_time import local_day
from events.models import Event
from events.subscriptions import consumer
from reports.basis import basis_of
from reports.closing import renew
from reports.models import DailyReport


@consumer("daily-reports")
def renew_reports_of_changed_days(events: Sequence[Event]) -> None:
    """Renew the stored reports of the days whose slots these events belong to.

    It does not see the slots that were deleted; the hourly closing renews the reports of their days.
    """
    facilities, slots = {event.facility_id for event in events}, {event.slot_id for event in events}
    days = set(
        Slot.objects.filter(facility_id__in=facilities, id__in=slots)
        .values_list("facility_id", "local_date")
        .distinct()
    )
    now = clock.now()
    for report in DailyReport.objects.filter(
        facility_id__in={facility for facility, _ in days}, date__in={day for _, day in days}
    ).select_related("facility"):
        if (report.facility_id, report.date) in days and report.date < local_day(now, report.facility.time_zone):
            basis = basis_of(facility=report.facility, day=report.date)
            if basis != report.basis:
                renew(report, basis=basis, now=now)

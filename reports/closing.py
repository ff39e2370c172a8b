"""Closing the books: the report of a day that is over is stored, and never changes again.

A local day is closed when it is over and none of its slots still runs (a slot may run past midnight, or be late).
Tokens that nobody brought to an end by then are reported as they stand. A slot imported into a day that is stored does
not change its report.
"""

from collections.abc import Iterator
from datetime import date, datetime, timedelta

from django.db.models import F, Min

from clinics.models import Facility, Slot, SlotStatus
from core.local_time import local_day
from reports.daily import live_report
from reports.models import DailyReport

FARTHEST_BACK = 31


def store_closed_days(*, now: datetime) -> int:
    """Store the report of every closed day that has none, since the first slot and at most FARTHEST_BACK days back.

    Gives the number of days. Run twice, or by two at once, it stores each day once.
    """
    stored = 0
    for facility in Facility.objects.all():
        for day in _closed_days_without_report(facility, now):
            report = DailyReport(
                facility=facility, date=day, data=live_report(facility=facility, day=day), stored_at=now
            )
            DailyReport.objects.bulk_create([report], ignore_conflicts=True)
            stored += 1
    return stored


def _closed_days_without_report(facility: Facility, now: datetime) -> Iterator[date]:
    today = local_day(now, facility.time_zone)
    slots = Slot.objects.filter(facility=facility)
    first = slots.aggregate(first=Min("local_date"))["first"]
    if first is None:
        return
    day = max(first, today - timedelta(days=FARTHEST_BACK))
    past = {"local_date__gte": day, "local_date__lt": today}
    delay = F("delay_minutes") * timedelta(minutes=1)
    running = slots.filter(**past, end_time__gt=now - delay).exclude(status=SlotStatus.CANCELLED)
    left_out = set(running.values_list("local_date", flat=True))
    left_out |= set(DailyReport.objects.filter(facility=facility, date__gte=day).values_list("date", flat=True))
    while day < today:
        if day not in left_out:
            yield day
        day += timedelta(days=1)

"""Closing the books: the report of a day that is over is stored, and made anew when something of that day was changed.

A local day is closed when it is over and none of its slots still runs (a slot may run past midnight, or be late).
Tokens that nobody brought to an end by then are reported as they stand. Whatever changes a closed day later (a slot
that is added, changed, moved or removed, a token that is completed) is in its report at once, because a report that is
out of date is not answered, and is stored at the next closing.
"""

from collections.abc import Iterator
from datetime import date, datetime, timedelta

from django.db.models import F, Min

from clinics.models import Facility, Slot, SlotStatus
from core.local_time import local_day
from reports.basis import NO_SLOTS, bases
from reports.daily import live_report
from reports.models import DailyReport

FARTHEST_BACK = 31


def store_closed_days(*, now: datetime) -> int:
    """Store the report of every closed day that has none or an outdated one, since the first slot and at most
    FARTHEST_BACK days back.

    Gives the number of days. Run twice, or by two at once, it stores each day once.
    """
    return sum(
        _store(facility, day, basis, report, now)
        for facility in Facility.objects.all()
        for day, basis, report in _outdated(facility, now)
    )


def renew(report: DailyReport, *, basis: str, now: datetime) -> bool:
    """Make a stored report anew from the slots that `basis` stands for; whether nobody else did so before."""
    rows = DailyReport.objects.filter(pk=report.pk, basis=report.basis)
    data = live_report(facility=report.facility, day=report.date)
    return rows.update(data=data, basis=basis, stored_at=now) > 0


def _store(facility: Facility, day: date, basis: str, report: DailyReport | None, now: datetime) -> bool:
    if report is not None:
        return renew(report, basis=basis, now=now)
    data = live_report(facility=facility, day=day)
    row = DailyReport(facility=facility, date=day, data=data, basis=basis, stored_at=now)
    DailyReport.objects.bulk_create([row], ignore_conflicts=True)
    return True


def _outdated(facility: Facility, now: datetime) -> Iterator[tuple[date, str, DailyReport | None]]:
    """Each closed day whose report has to be made, what its slots are now, and the report that is outdated."""
    today = local_day(now, facility.time_zone)
    slots = Slot.objects.filter(facility=facility)
    reports = DailyReport.objects.filter(facility=facility)
    began = [rows.aggregate(first=Min(day))["first"] for rows, day in ((slots, "local_date"), (reports, "date"))]
    if not any(began):
        return
    day = max(min(filter(None, began)), today - timedelta(days=FARTHEST_BACK))
    delay = F("delay_minutes") * timedelta(minutes=1)
    past = slots.filter(local_date__gte=day, local_date__lt=today)
    running = past.filter(end_time__gt=now - delay).exclude(status=SlotStatus.CANCELLED)
    open_days = set(running.values_list("local_date", flat=True))
    stored = {report.date: report for report in reports.filter(date__gte=day).select_related("facility")}
    # Read before the reports are made: what is changed in between makes them outdated again, and is never lost.
    now_there = bases(facility=facility, first=day, last=today)
    while day < today:
        report, basis = stored.get(day), now_there.get(day, NO_SLOTS)
        if day not in open_days and (report is None or report.basis != basis):
            yield day, basis, report
        day += timedelta(days=1)

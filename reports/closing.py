"""Storing the reports of closed days, and renewing them when a slot of the day changes.

A local day is closed when it is over and none of its slots is still running (a slot may run past midnight or be late).
Tokens that have not ended by then are reported in their present status. A later change of a closed day (a slot that is
added, changed, moved or deleted, a token that is completed) is in its report at once, because an outdated stored report
is not used. The next closing stores the renewed report.
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
    """Store the report of every closed day whose report is missing or outdated; return the number of days.

    The days begin with the first slot, at most FARTHEST_BACK days back. Repeated or concurrent calls store each day
    once.
    """
    return sum(
        _store(facility, day, basis, report, now)
        for facility in Facility.objects.all()
        for day, basis, report in _outdated(facility, now)
    )


def renew(report: DailyReport, *, basis: str, now: datetime) -> bool:
    """Recompute a stored report from the slots that `basis` stands for; return whether this call updated it.

    It does not if another process has renewed the report since it was read.
    """
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
    """Yield each closed day whose report is missing or outdated, its present basis, and the outdated report or None."""
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
    # Read before the reports are computed: a change in between makes them outdated again, so it is not lost.
    present = bases(facility=facility, first=day, last=today)
    while day < today:
        report, basis = stored.get(day), present.get(day, NO_SLOTS)
        if day not in open_days and (report is None or report.basis != basis):
            yield day, basis, report
        day += timedelta(days=1)

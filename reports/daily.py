"""The daily report: slots, tokens and seats of a facility's local day, in total and for each doctor.

A report is plain JSON. The categories and statuses that occurred are listed in the order of the tiers and of a token's
life; the others are left out. `total_slots` and `total_tokens` include cancelled ones; the utilisation is the share of
seats held in the capacity of the slots that were not cancelled.
"""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import ROUND_HALF_UP, Decimal
from typing import Any
from uuid import UUID

from django.db.models import Count, F, Q, Sum

from clinics.models import Facility, Slot, SlotStatus
from core.local_time import local_day
from reports.basis import basis_of
from reports.models import DailyReport
from tokens.models import Token
from tokens.policy.lifecycle import Status
from tokens.policy.priority import Category

Report = dict[str, Any]

CONFIRMED = (Status.CONFIRMED, Status.CHECKED_IN, Status.CALLED, Status.IN_CONSULTATION)
_HELD = F("regular_seats") + F("emergency_seats")
_PLACES = Decimal("0.01")


@dataclass
class _Figures:
    """The counts of a doctor's day."""

    name: str = ""
    slots: int = 0
    seats: int = 0
    capacity: int = 0
    waiting: int = 0
    categories: Counter[str] = field(default_factory=Counter)
    statuses: Counter[str] = field(default_factory=Counter)

    def add(self, other: "_Figures") -> None:
        self.slots += other.slots
        self.seats += other.seats
        self.capacity += other.capacity
        self.waiting += other.waiting
        self.categories += other.categories
        self.statuses += other.statuses


def daily_report(*, facility: Facility, day: date, now: datetime, doctor_id: UUID | None = None) -> Report:
    """Return the report of a local day, of one doctor or of all.

    It is the stored report if the day is closed and has not changed since, and is computed otherwise. The report of a
    doctor without slots on that day has only zeros. Runs at most four queries, whatever the number of slots and tokens.
    """
    if day < local_day(now, facility.time_zone):
        stored = DailyReport.objects.filter(facility=facility, date=day).first()
        if stored is not None and stored.basis == basis_of(facility=facility, day=day):
            return of_doctor(report=stored.data, doctor_id=doctor_id) if doctor_id else stored.data
    report = live_report(facility=facility, day=day, doctor_id=doctor_id)
    return of_doctor(report=report, doctor_id=doctor_id) if doctor_id else report


def live_report(*, facility: Facility, day: date, doctor_id: UUID | None = None) -> Report:
    """Compute the report from the present rows, in two queries."""
    doctors = _count(facility, day, doctor_id)
    total = _Figures()
    for each in doctors.values():
        total.add(each)
    by_name = sorted(doctors.items(), key=lambda item: (item[1].name, item[0]))
    return {
        **_as_report(day.isoformat(), total),
        "doctors": [
            {"doctor": str(doctor), "doctor_name": each.name, **_as_report(day.isoformat(), each)}
            for doctor, each in by_name
        ],
    }


def of_doctor(*, report: Report, doctor_id: UUID) -> Report:
    """Return the part of a report for one doctor, in the form of a whole report."""
    for each in report["doctors"]:
        if each["doctor"] == str(doctor_id):
            figures = {name: value for name, value in each.items() if name not in ("doctor", "doctor_name")}
            return {**figures, "doctors": [each]}
    return {**_as_report(report["date"], _Figures()), "doctors": []}


def percent(part: int, whole: int) -> float:
    """Return `part` of `whole` in percent with two decimals, halves rounded up; 0.0 if `whole` is 0."""
    if not whole:
        return 0.0
    return float((Decimal(100 * part) / whole).quantize(_PLACES, ROUND_HALF_UP))


def _count(facility: Facility, day: date, doctor_id: UUID | None) -> dict[UUID, _Figures]:
    slots = Slot.objects.filter(facility=facility, local_date=day)
    tokens = Token.objects.filter(facility=facility, slot__facility=facility, slot__local_date=day)
    if doctor_id is not None:
        slots = slots.filter(doctor=doctor_id)
        tokens = tokens.filter(slot__doctor=doctor_id)
    open_slot = ~Q(status=SlotStatus.CANCELLED)
    counted = (
        slots.order_by()
        .values("doctor_id", "doctor__name")
        .annotate(
            slots=Count("pk"),
            waiting=Sum("waiting_count"),
            seats=Sum(_HELD, filter=open_slot, default=0),
            capacity=Sum("max_capacity", filter=open_slot, default=0),
        )
    )
    doctors = {
        row["doctor_id"]: _Figures(row["doctor__name"], row["slots"], row["seats"], row["capacity"], row["waiting"])
        for row in counted
    }
    rows = tokens.order_by().values("slot__doctor_id", "category", "status").annotate(number=Count("pk"))
    for row in rows:
        figures = doctors.setdefault(row["slot__doctor_id"], _Figures())
        figures.categories[row["category"]] += row["number"]
        figures.statuses[row["status"]] += row["number"]
    return doctors


def _as_report(day: str, figures: _Figures) -> Report:
    statuses = figures.statuses
    total = statuses.total()
    return {
        "date": day,
        "total_slots": figures.slots,
        "total_tokens": total,
        "confirmed_tokens": sum(statuses[status] for status in CONFIRMED),
        "cancelled_tokens": statuses[Status.CANCELLED],
        "no_show_tokens": statuses[Status.NO_SHOW],
        "completed_tokens": statuses[Status.COMPLETED],
        "waitlisted": figures.waiting,
        "cancellation_rate": percent(statuses[Status.CANCELLED], total),
        "no_show_rate": percent(statuses[Status.NO_SHOW], total),
        "capacity_utilization": percent(figures.seats, figures.capacity),
        "category_breakdown": _breakdown("category", Category, figures.categories),
        "status_breakdown": _breakdown("status", Status, statuses),
    }


def _breakdown(name: str, order: Iterable[Any], counts: Mapping[str, int]) -> list[dict[str, Any]]:
    return [{name: each.value, "count": counts[each]} for each in order if counts.get(each)]

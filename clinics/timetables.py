"""Slots for a doctor's working hours, as pure functions without Django.

All times are local to the facility. Hours that end at midnight, or before the time at which they start, end on the
next day; a slot of these hours that starts after midnight belongs to that next day. On a day when the clocks change, a
slot that would begin or end at a time that does not exist or occurs twice, or that would last longer or shorter than
planned, is skipped, because its time would be ambiguous for patients. The other slots are created.
"""

from bisect import bisect_left, bisect_right
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta

from core.local_time import LocalTimeError, at_local

MAX_SLOTS = 5_000
MAX_DAYS = 366
MAX_SLOT_MINUTES = 24 * 60
YEARS = range(1900, 2200)
EVERY_DAY = range(1, 8)
"""The ISO 8601 numbers of the days of the week: Monday is 1."""
WORKING_DAYS = range(1, 6)
MAX_WEEKS = 52

Interval = tuple[datetime, datetime]


class BadTimetable(ValueError):
    """The timetable is not valid: `field` names the field to correct, `code` and `detail` give the reason."""

    def __init__(self, field: str, code: str, detail: str) -> None:
        super().__init__(detail)
        self.field = field
        self.code = code
        self.detail = detail


@dataclass(frozen=True)
class Plan:
    """The slots to create, as (start, end) in UTC and in order, and the number of slots that were skipped."""

    slots: list[Interval]
    skipped: int


def slots_between(
    *,
    start_date: date,
    end_date: date,
    start_time: time,
    end_time: time,
    duration_minutes: int,
    zone: str,
    weekdays: Collection[int] = EVERY_DAY,
    week_interval: int = 1,
    busy: Iterable[Interval] = (),
) -> Plan:
    """Return the slots of `duration_minutes` from `start_time` to `end_time` on the planned days of the range.

    A slot that would end after `end_time` is left out. A slot is skipped if it overlaps a `busy` interval (touching is
    not overlapping) or is invalid because the clocks change. Raise BadTimetable for a range that ends before it starts
    or lies outside YEARS, for more than MAX_DAYS days, for a duration outside 1..MAX_SLOT_MINUTES minutes, and for more
    than MAX_SLOTS slots, including skipped ones.
    """
    _check(start_date, end_date, start_time, end_time, duration_minutes)
    length = timedelta(minutes=duration_minutes)
    per_day = _span(start_time, end_time) // length
    days = planned_days(start_date=start_date, end_date=end_date, weekdays=weekdays, week_interval=week_interval)
    wanted = per_day * len(days)
    if wanted > MAX_SLOTS:
        raise BadTimetable("end_date", "too-many-slots", f"These are {wanted} slots; at most {MAX_SLOTS} are allowed.")
    taken = _Busy(busy)
    slots: list[Interval] = []
    for day in days if per_day else ():
        for number in range(per_day):
            slot = _to_utc(datetime.combine(day, start_time) + number * length, length, zone)
            if slot is not None and not taken.overlaps(slot):
                slots.append(slot)
    return Plan(slots=slots, skipped=wanted - len(slots))


def planned_days(
    *, start_date: date, end_date: date, weekdays: Collection[int] = EVERY_DAY, week_interval: int = 1
) -> list[date]:
    """Return the days of the range, both ends included, that fall on `weekdays` (Monday is 1) of the planned weeks.

    Every `week_interval`-th week is planned, counted from the week of the first day. Weeks start on Monday.
    """
    before = start_date.weekday()
    offsets = range((end_date - start_date).days + 1)
    return [
        start_date + timedelta(days=offset)
        for offset in offsets
        if (before + offset) % 7 + 1 in weekdays and (before + offset) // 7 % week_interval == 0
    ]


def _check(start_date: date, end_date: date, start_time: time, end_time: time, duration_minutes: int) -> None:
    for field, day in (("start_date", start_date), ("end_date", end_date)):
        if day.year not in YEARS:
            raise BadTimetable(field, "out-of-range", f"The year must be from {YEARS.start} to {YEARS.stop - 1}.")
    if end_date < start_date:
        raise BadTimetable("end_date", "end-before-start", "The last day is before the first.")
    if (end_date - start_date).days >= MAX_DAYS:
        raise BadTimetable("end_date", "too-many-days", f"A timetable covers at most {MAX_DAYS} days.")
    if end_time == start_time != time.min:
        raise BadTimetable("end_time", "end-before-start", "The end time equals the start time.")
    if not 1 <= duration_minutes <= MAX_SLOT_MINUTES:
        raise BadTimetable("duration_minutes", "out-of-range", f"A slot lasts from 1 to {MAX_SLOT_MINUTES} minutes.")


def _span(start_time: time, end_time: time) -> timedelta:
    """Return the length of the hours; they last until the next day if they end at or before the start time."""
    span = datetime.combine(date.min, end_time) - datetime.combine(date.min, start_time)
    return span if span > timedelta() else span + timedelta(days=1)


def _to_utc(start: datetime, length: timedelta, zone: str) -> Interval | None:
    """Return the slot in UTC, or None if the change of the clocks makes it invalid."""
    end = start + length
    try:
        first = at_local(start.date(), start.time(), zone)
        last = at_local(end.date(), end.time(), zone)
    except LocalTimeError as error:
        if error.code not in ("nonexistent-time", "ambiguous-time"):
            raise
        return None
    return (first, last) if last - first == length else None


class _Busy:
    """Busy intervals, merged and sorted, so that a lookup takes logarithmic time."""

    def __init__(self, intervals: Iterable[Interval]) -> None:
        self._starts: list[datetime] = []
        self._ends: list[datetime] = []
        for start, end in sorted((start.astimezone(UTC), end.astimezone(UTC)) for start, end in intervals):
            if self._ends and start <= self._ends[-1]:
                self._ends[-1] = max(self._ends[-1], end)
            else:
                self._starts.append(start)
                self._ends.append(end)

    def overlaps(self, slot: Interval) -> bool:
        start, end = slot
        # An interval overlaps if it ends after the slot starts and begins before the slot ends.
        return bisect_right(self._ends, start) < bisect_left(self._starts, end)

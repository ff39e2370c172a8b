"""A doctor's working hours laid out as slots. Plain values in, plain values out; no Django.

The clock times are those on the wall of the facility. Hours that end at midnight, or before the clock time at which
they start, end on the next day; a slot of these hours that starts after midnight is a slot of that next day. On a day
when the clocks change, a slot that would begin or end at a time that does not exist or comes twice, or that would last
longer or shorter than planned, is left out and counted as skipped: nobody can be told unmistakably when to come. The
other slots of that day, and of the range, are made.
"""

from bisect import bisect_left, bisect_right
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta

from core.local_time import LocalTimeError, at_local

MAX_SLOTS = 5_000
LONGEST_SLOT = 24 * 60
YEARS = range(1900, 2200)
EVERY_DAY = range(1, 8)
"""The days of the week by their numbers in ISO 8601: Monday is 1."""
WORKING_DAYS = range(1, 6)
MAX_WEEKS = 52

Interval = tuple[datetime, datetime]


class BadTimetable(ValueError):
    """A timetable that cannot be laid out: `field` names what to correct, `code` and `detail` say why."""

    def __init__(self, field: str, code: str, detail: str) -> None:
        super().__init__(detail)
        self.field = field
        self.code = code
        self.detail = detail


@dataclass(frozen=True)
class Plan:
    """The slots to make, as (start, end) in UTC and in order, and how many of the timetable were left out."""

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
    """The whole slots of `duration_minutes` from `start_time` to `end_time` on the planned days of the range.

    A slot that overlaps a `busy` interval (touching is not overlapping) is skipped, as is one
    that the change of the clocks spoils. Raises BadTimetable for a range that ends before it starts or lies outside
    YEARS, a duration outside 1..LONGEST_SLOT, and a timetable of more than MAX_SLOTS slots, skipped ones included.
    """
    _check(start_date, end_date, start_time, end_time, duration_minutes)
    length = timedelta(minutes=duration_minutes)
    per_day = _span(start_time, end_time) // length
    days = planned_days(start_date=start_date, end_date=end_date, weekdays=weekdays, week_interval=week_interval)
    wanted = per_day * len(days)
    if wanted > MAX_SLOTS:
        raise BadTimetable("end_date", "too-many-slots", f"This would be {wanted} slots. At most {MAX_SLOTS} at once.")
    taken = _Busy(busy)
    slots: list[Interval] = []
    for day in days if per_day else ():
        for number in range(per_day):
            slot = _placed(datetime.combine(day, start_time) + number * length, length, zone)
            if slot is not None and not taken.overlaps(slot):
                slots.append(slot)
    return Plan(slots=slots, skipped=wanted - len(slots))


def planned_days(
    *, start_date: date, end_date: date, weekdays: Collection[int] = EVERY_DAY, week_interval: int = 1
) -> list[date]:
    """The days of the range, both ends included, that fall on `weekdays` (Monday is 1) of every `week_interval`-th
    week, counted from the Monday of the first day's week.
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
            raise BadTimetable(field, "out-of-range", f"The year lies outside {YEARS.start} to {YEARS.stop - 1}.")
    if end_date < start_date:
        raise BadTimetable("end_date", "end-before-start", "The last day is before the first.")
    if end_time == start_time != time.min:
        raise BadTimetable("end_time", "end-before-start", "The hours end when they start.")
    if not 1 <= duration_minutes <= LONGEST_SLOT:
        raise BadTimetable("duration_minutes", "out-of-range", f"A slot lasts between 1 and {LONGEST_SLOT} minutes.")


def _span(start_time: time, end_time: time) -> timedelta:
    """How long the hours last by the clock; until the next day if they end at or before the time they start."""
    span = datetime.combine(date.min, end_time) - datetime.combine(date.min, start_time)
    return span if span > timedelta() else span + timedelta(days=1)


def _placed(start: datetime, length: timedelta, zone: str) -> Interval | None:
    """The slot on the time line, or None where the change of the clocks leaves no such slot."""
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
    """Intervals that are taken, merged and sorted, so that asking costs the logarithm of their number."""

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
        # The intervals that end after the slot starts, and begin before it ends: any left?
        return bisect_right(self._ends, start) < bisect_left(self._starts, end)

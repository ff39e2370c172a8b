"""Timetables: whole slots, weekends, the change of the clocks, what is taken."""

from datetime import UTC, date, datetime, time, timedelta
from itertools import pairwise
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clinics.timetables import MOST_SLOTS, BadTimetable, Plan, slots_between, working_days

INDIA = "Asia/Kolkata"
LONDON = "Europe/London"
ZONES = [INDIA, LONDON, "America/New_York", "Australia/Lord_Howe", "UTC"]
Interval = tuple[datetime, datetime]


def plan(**facts: Any) -> Plan:
    usual = {
        "start_date": date(2026, 3, 2),
        "end_date": date(2026, 3, 2),
        "start_time": time(9),
        "end_time": time(12),
        "duration_minutes": 60,
        "exclude_weekends": False,
        "zone": INDIA,
    }
    return slots_between(**{**usual, **facts})


def local(slot: Interval, zone: str) -> tuple[str, str]:
    info = ZoneInfo(zone)
    return slot[0].astimezone(info).strftime("%a %H:%M"), slot[1].astimezone(info).strftime("%a %H:%M")


def test_whole_slots_only() -> None:
    made = plan(end_time=time(11, 59))
    assert [local(slot, INDIA) for slot in made.slots] == [("Mon 09:00", "Mon 10:00"), ("Mon 10:00", "Mon 11:00")]
    assert made.skipped == 0


def test_hours_shorter_than_a_slot_make_none() -> None:
    assert plan(end_time=time(9, 30)) == Plan(slots=[], skipped=0)


def test_weekends_can_be_left_out() -> None:
    fortnight = {"start_date": date(2026, 3, 2), "end_date": date(2026, 3, 15)}
    assert len(plan(**fortnight).slots) == 14 * 3
    made = plan(**fortnight, exclude_weekends=True)
    assert len(made.slots) == 10 * 3
    assert made.skipped == 0


def test_what_overlaps_is_skipped_and_what_touches_is_not() -> None:
    busy = [(datetime(2026, 3, 2, 4, 30, tzinfo=UTC), datetime(2026, 3, 2, 4, 31, tzinfo=UTC))]  # 10:00 in India
    made = plan(busy=busy)
    assert [local(slot, INDIA)[0] for slot in made.slots] == ["Mon 09:00", "Mon 11:00"]
    assert made.skipped == 1


def test_a_slot_in_the_skipped_hour_is_left_out() -> None:
    # London, 29 March 2026: 01:00 becomes 02:00.
    made = plan(
        start_date=date(2026, 3, 29), end_date=date(2026, 3, 29), start_time=time(0), end_time=time(4), zone=LONDON
    )
    assert [local(slot, LONDON) for slot in made.slots] == [("Sun 02:00", "Sun 03:00"), ("Sun 03:00", "Sun 04:00")]
    assert made.skipped == 2


def test_a_slot_that_the_change_would_shorten_is_left_out() -> None:
    made = plan(
        start_date=date(2026, 3, 28),
        end_date=date(2026, 3, 30),
        start_time=time(0, 30),
        end_time=time(3, 30),
        duration_minutes=180,
        zone=LONDON,
    )
    assert [local(slot, LONDON)[0] for slot in made.slots] == ["Sat 00:30", "Mon 00:30"]
    assert made.skipped == 1


def test_a_slot_in_the_repeated_hour_is_left_out() -> None:
    # London, 25 October 2026: 02:00 becomes 01:00, so 01:00 to 02:00 comes twice.
    made = plan(
        start_date=date(2026, 10, 25), end_date=date(2026, 10, 25), start_time=time(0), end_time=time(4), zone=LONDON
    )
    assert [local(slot, LONDON) for slot in made.slots] == [("Sun 02:00", "Sun 03:00"), ("Sun 03:00", "Sun 04:00")]
    assert made.skipped == 2


@pytest.mark.parametrize(
    ("facts", "field"),
    [
        ({"end_date": date(2026, 3, 1)}, "end_date"),
        ({"end_time": time(9)}, "end_time"),
        ({"end_time": time(8)}, "end_time"),
        ({"duration_minutes": 0}, "duration_minutes"),
        ({"duration_minutes": -5}, "duration_minutes"),
        ({"duration_minutes": 10**300}, "duration_minutes"),
        ({"end_date": date(9999, 12, 31)}, "end_date"),
        ({"start_date": date.min, "end_date": date.min}, "start_date"),
    ],
)
def test_what_cannot_be_laid_out_says_which_field(facts: dict[str, Any], field: str) -> None:
    with pytest.raises(BadTimetable) as refused:
        plan(**facts)
    assert refused.value.field == field


def test_five_thousand_slots_and_not_one_more() -> None:
    day = {"start_time": time(0), "end_time": time(10), "duration_minutes": 6}  # 100 slots a day
    assert len(plan(**day, end_date=date(2026, 3, 2) + timedelta(days=49)).slots) == MOST_SLOTS
    with pytest.raises(BadTimetable, match="5100 slots"):
        plan(**day, end_date=date(2026, 3, 2) + timedelta(days=50))


days = st.dates(min_value=date(2020, 1, 1), max_value=date(2035, 12, 31))


@given(start=days, length=st.integers(0, 2000))
def test_working_days_are_those_that_counting_gives(start: date, length: int) -> None:
    end = start + timedelta(days=length)
    counted = sum((start + timedelta(days=offset)).weekday() < 5 for offset in range(length + 1))
    assert working_days(start_date=start, end_date=end, exclude_weekends=True) == counted
    assert working_days(start_date=start, end_date=end, exclude_weekends=False) == length + 1


@st.composite
def intervals(draw: st.DrawFn, around: date) -> list[Interval]:
    made = []
    for _ in range(draw(st.integers(0, 12))):
        start = datetime.combine(around, time(), UTC) + timedelta(minutes=draw(st.integers(-1500, 6 * 1500)))
        made.append((start, start + timedelta(minutes=draw(st.integers(1, 400)))))
    return made


@given(data=st.data(), start=days, span=st.integers(0, 5), zone=st.sampled_from(ZONES), weekends=st.booleans())
def test_every_plan_keeps_its_promises(data: st.DataObject, start: date, span: int, zone: str, weekends: bool) -> None:
    opens, closes = sorted(data.draw(st.lists(st.times(), min_size=2, max_size=2, unique=True)))
    minutes = data.draw(st.integers(5, 300))
    busy = data.draw(intervals(start))
    end = start + timedelta(days=span)
    per_day = (datetime.combine(start, closes) - datetime.combine(start, opens)) // timedelta(minutes=minutes)
    try:
        made = plan(
            start_date=start, end_date=end, start_time=opens, end_time=closes, duration_minutes=minutes,
            exclude_weekends=weekends, zone=zone, busy=busy,
        )  # fmt: skip
    except BadTimetable:
        assert per_day * working_days(start_date=start, end_date=end, exclude_weekends=weekends) > MOST_SLOTS
        return
    info = ZoneInfo(zone)
    for first, last in made.slots:
        begins, ends = first.astimezone(info), last.astimezone(info)
        assert last - first == timedelta(minutes=minutes)
        assert start <= begins.date() == ends.date() <= end
        assert opens <= begins.time() < ends.time() <= closes
        assert not (weekends and begins.weekday() >= 5)
        assert all(last <= taken_from or taken_to <= first for taken_from, taken_to in busy)
    assert all(before[1] <= after[0] for before, after in pairwise(made.slots))
    planned = per_day * working_days(start_date=start, end_date=end, exclude_weekends=weekends)
    assert len(made.slots) + made.skipped == planned

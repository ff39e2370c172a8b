"""Timetables: whole slots, weekends, clock changes and overlaps."""

from datetime import UTC, date, datetime, time, timedelta
from itertools import pairwise
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clinics.timetables import MAX_SLOTS, WORKING_DAYS, BadTimetable, Plan, planned_days, slots_between

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
    made = plan(**fortnight, weekdays=WORKING_DAYS)
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
        ({"duration_minutes": 0}, "duration_minutes"),
        ({"duration_minutes": -5}, "duration_minutes"),
        ({"duration_minutes": 10**300}, "duration_minutes"),
        ({"end_date": date(9999, 12, 31)}, "end_date"),
        ({"start_date": date.min, "end_date": date.min}, "start_date"),
        ({"end_date": date(2026, 3, 2) + timedelta(days=366), "weekdays": []}, "end_date"),
        ({"end_date": date(2026, 3, 2) + timedelta(days=366), "duration_minutes": 24 * 60}, "end_date"),
    ],
)
def test_what_cannot_be_laid_out_says_which_field(facts: dict[str, Any], field: str) -> None:
    with pytest.raises(BadTimetable) as refused:
        plan(**facts)
    assert refused.value.field == field


def test_five_thousand_slots_and_not_one_more() -> None:
    day = {"start_time": time(0), "end_time": time(10), "duration_minutes": 6}  # 100 slots a day
    assert len(plan(**day, end_date=date(2026, 3, 2) + timedelta(days=49)).slots) == MAX_SLOTS
    with pytest.raises(BadTimetable, match="5100 slots"):
        plan(**day, end_date=date(2026, 3, 2) + timedelta(days=50))


def test_a_year_and_not_one_day_more() -> None:
    year = date(2026, 3, 2) + timedelta(days=365)
    assert len(plan(end_date=year, duration_minutes=120).slots) == 366


days = st.dates(min_value=date(2020, 1, 1), max_value=date(2035, 12, 31))


@given(
    start=days,
    length=st.integers(0, 800),
    weekdays=st.sets(st.integers(1, 7), min_size=1),
    interval=st.integers(1, 52),
)
def test_planned_days_are_those_that_counting_gives(
    start: date, length: int, weekdays: set[int], interval: int
) -> None:
    made = planned_days(
        start_date=start, end_date=start + timedelta(days=length), weekdays=weekdays, week_interval=interval
    )
    monday = start - timedelta(days=start.weekday())
    every = [start + timedelta(days=offset) for offset in range(length + 1)]
    assert made == [day for day in every if day.isoweekday() in weekdays and (day - monday).days // 7 % interval == 0]


def test_hours_may_end_on_the_next_day() -> None:
    night = {"start_time": time(21), "end_time": time(6)}
    assert [local(slot, INDIA) for slot in plan(**night, duration_minutes=540).slots] == [("Mon 21:00", "Tue 06:00")]
    steps = plan(**night, duration_minutes=180).slots
    assert [local(slot, INDIA)[0] for slot in steps] == ["Mon 21:00", "Tue 00:00", "Tue 03:00"]
    evening = plan(start_time=time(22), end_time=time(0)).slots
    assert [local(slot, INDIA) for slot in evening] == [("Mon 22:00", "Mon 23:00"), ("Mon 23:00", "Tue 00:00")]
    assert len(plan(start_time=time(0), end_time=time(0)).slots) == 24


def test_a_night_in_which_the_clocks_change_is_left_out() -> None:
    # London, the night to 29 March 2026: 01:00 becomes 02:00, and the night is an hour shorter.
    nights = {"start_date": date(2026, 3, 27), "end_date": date(2026, 3, 29), "zone": LONDON}
    made = plan(**nights, start_time=time(21), end_time=time(6), duration_minutes=540)
    assert [local(slot, LONDON)[0] for slot in made.slots] == ["Fri 21:00", "Sun 21:00"]
    assert made.skipped == 1


@st.composite
def intervals(draw: st.DrawFn, around: date) -> list[Interval]:
    made = []
    for _ in range(draw(st.integers(0, 12))):
        start = datetime.combine(around, time(), UTC) + timedelta(minutes=draw(st.integers(-1500, 6 * 1500)))
        made.append((start, start + timedelta(minutes=draw(st.integers(1, 400)))))
    return made


@given(
    data=st.data(),
    start=days,
    span=st.integers(0, 5),
    zone=st.sampled_from(ZONES),
    weekdays=st.sets(st.integers(1, 7), min_size=1),
)
def test_every_plan_keeps_its_promises(
    data: st.DataObject, start: date, span: int, zone: str, weekdays: set[int]
) -> None:
    opens, closes = data.draw(st.lists(st.times(), min_size=2, max_size=2, unique=True))
    minutes = data.draw(st.integers(5, 300))
    busy = data.draw(intervals(start))
    end = start + timedelta(days=span)
    hours = datetime.combine(start, closes) - datetime.combine(start, opens)
    hours += timedelta(days=closes < opens)
    planned = hours // timedelta(minutes=minutes) * len(planned_days(start_date=start, end_date=end, weekdays=weekdays))
    try:
        made = plan(
            start_date=start, end_date=end, start_time=opens, end_time=closes, duration_minutes=minutes,
            weekdays=weekdays, zone=zone, busy=busy,
        )  # fmt: skip
    except BadTimetable:
        assert planned > MAX_SLOTS
        return
    info = ZoneInfo(zone)
    for first, last in made.slots:
        begins, ends = (moment.astimezone(info).replace(tzinfo=None) for moment in (first, last))
        assert last - first == timedelta(minutes=minutes)
        day = begins.date() if begins.time() >= opens else begins.date() - timedelta(days=1)
        assert start <= day <= end
        assert day.isoweekday() in weekdays
        assert datetime.combine(day, opens) <= begins < ends <= datetime.combine(day, opens) + hours
        assert all(last <= taken_from or taken_to <= first for taken_from, taken_to in busy)
    assert all(before[1] <= after[0] for before, after in pairwise(made.slots))
    assert len(made.slots) + made.skipped == planned

"""Delay propagation: gaps absorb delay, and no slot starts before the previous one ends."""

import uuid
from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from tokens.policy.delays import PlannedSlot, cascade

DAY = datetime(2026, 3, 2, tzinfo=UTC)


def _slot(start: str, end: str, own: int = 0) -> PlannedSlot:
    def at(text: str) -> datetime:
        hours, minutes = text.split(":")
        return DAY + timedelta(hours=int(hours), minutes=int(minutes))

    return PlannedSlot(uuid.uuid4(), at(start), at(end), own)


def _delays(slots: list[PlannedSlot]) -> list[int]:
    found = dict(cascade(slots))
    return [found[slot.id] for slot in slots]


def test_the_worked_example() -> None:
    assert _delays([_slot("9:00", "10:00", 45), _slot("10:15", "11:15"), _slot("12:00", "13:00")]) == [45, 30, 0]


def test_the_larger_of_own_delay_and_what_is_forced_is_in_force() -> None:
    assert _delays([_slot("9:00", "10:00", 20), _slot("10:00", "11:00", 50), _slot("11:00", "12:00", 10)]) == [
        20,
        50,
        50,
    ]


def test_the_order_in_which_slots_are_given_does_not_matter() -> None:
    slots = [_slot("9:00", "10:00", 45), _slot("10:15", "11:15"), _slot("12:00", "13:00", 5)]
    assert dict(cascade(slots)) == dict(cascade(reversed(slots)))


def test_parts_of_a_minute_are_rounded_up() -> None:
    first = PlannedSlot(uuid.uuid4(), DAY, DAY + timedelta(minutes=10, seconds=30), 1)
    second = PlannedSlot(uuid.uuid4(), DAY + timedelta(minutes=11), DAY + timedelta(minutes=20), 0)
    assert _delays([first, second]) == [1, 1]


@st.composite
def _days(draw: st.DrawFn) -> list[PlannedSlot]:
    now, slots = DAY, []
    for _ in range(draw(st.integers(0, 8))):
        start = now + timedelta(minutes=draw(st.integers(0, 120)))
        now = start + timedelta(minutes=draw(st.integers(1, 120)))
        slots.append(PlannedSlot(uuid.uuid4(), start, now, draw(st.integers(0, 1440))))
    return slots


@given(_days())
def test_no_slot_starts_before_the_one_before_it_ends_and_none_waits_longer_than_it_must(
    day: list[PlannedSlot],
) -> None:
    delay = dict(cascade(day))
    for before, slot in zip([None, *day], day, strict=False):
        ends = None if before is None else before.end + timedelta(minutes=delay[before.id])
        assert delay[slot.id] >= slot.own_delay_minutes
        if ends is not None:
            assert slot.start + timedelta(minutes=delay[slot.id]) >= ends
        if delay[slot.id] > slot.own_delay_minutes:
            assert ends is not None
            assert slot.start + timedelta(minutes=delay[slot.id] - 1) < ends

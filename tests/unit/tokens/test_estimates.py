"""Estimated times."""

from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from tokens.policy.estimates import estimated_time, expected_end, queue_start, stands_until
from tokens.policy.grace import grace_ends
from tokens.queries.estimates import moment_of_list

NINE = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
MINUTES = st.integers(-600, 600).map(lambda minutes: NINE + timedelta(minutes=minutes))


def _start(*, now: int, called: bool, room: int | None = None) -> datetime:
    return queue_start(
        delayed_start=NINE,
        first_called_at=NINE if called else None,
        room_since=None if room is None else NINE + timedelta(minutes=room),
        consultation_minutes=10,
        now=NINE + timedelta(minutes=now),
    )


def test_before_the_first_call_the_queue_starts_with_the_slot() -> None:
    assert _start(now=-60, called=False) == NINE
    assert _start(now=30, called=False) == NINE


def test_after_the_first_call_never_before_now_nor_before_the_room_is_free() -> None:
    assert _start(now=30, called=True) == NINE + timedelta(minutes=30)
    assert _start(now=30, called=True, room=28) == NINE + timedelta(minutes=38)
    assert _start(now=30, called=True, room=5) == NINE + timedelta(minutes=30)


def test_a_doctor_who_starts_early_brings_nobody_forward_past_the_planned_start() -> None:
    assert _start(now=-20, called=True) == NINE


@given(
    start=MINUTES,
    called=st.none() | MINUTES,
    room=st.none() | MINUTES,
    now=MINUTES,
    minutes=st.integers(1, 60),
    ahead=st.integers(0, 50),
)
def test_estimates_never_decrease_along_the_queue(
    start: datetime, called: datetime | None, room: datetime | None, now: datetime, minutes: int, ahead: int
) -> None:
    first = queue_start(
        delayed_start=start, first_called_at=called, room_since=room, consultation_minutes=minutes, now=now
    )
    assert first >= start
    earlier = estimated_time(start_of_queue=first, consultation_minutes=minutes, ahead=ahead)
    later = estimated_time(start_of_queue=first, consultation_minutes=minutes, ahead=ahead + 1)
    assert later - earlier == timedelta(minutes=minutes)
    end = expected_end(delayed_end=start, start_of_queue=first, consultation_minutes=minutes, queue_length=ahead)
    assert end >= earlier


def test_the_grace_runs_from_the_estimated_time_or_from_now_if_later() -> None:
    grace = timedelta(minutes=15)
    told = NINE + timedelta(minutes=40)
    assert grace_ends(now=NINE, estimated_time=told, grace=grace) == told + grace
    assert grace_ends(now=told + grace, estimated_time=told, grace=grace) == told + 2 * grace
    assert grace_ends(now=NINE, estimated_time=None, grace=grace) == NINE + grace


@given(now=MINUTES, later=st.integers(0, 600), called=st.booleans(), room=st.none() | MINUTES)
def test_the_queue_start_is_constant_until_the_time_of_stands_until(
    now: datetime, later: int, called: bool, room: datetime | None
) -> None:
    facts: dict[str, Any] = {
        "delayed_start": NINE,
        "first_called_at": NINE if called else None,
        "room_since": room,
        "consultation_minutes": 10,
    }
    still, then = stands_until(**facts), now + timedelta(minutes=later)
    if still is None or then <= still:
        assert queue_start(**facts, now=now) == queue_start(**facts, now=then)
    else:
        assert queue_start(**facts, now=then) == then


def test_a_list_is_made_for_the_end_of_the_second_once_its_estimates_move() -> None:
    slot = SimpleNamespace(
        delayed_start=NINE, first_called_at=NINE, room_since=None, consultation_minutes=10, paused_until=None
    )
    assert moment_of_list(slot=slot, now=NINE) is None
    assert moment_of_list(slot=slot, now=NINE + timedelta(microseconds=1)) == NINE + timedelta(seconds=1)
    assert moment_of_list(slot=slot, now=NINE + timedelta(seconds=1)) == NINE + timedelta(seconds=1)
    slot.first_called_at = None
    assert moment_of_list(slot=slot, now=NINE + timedelta(days=1)) is None


@given(rooms=st.integers(1, 8), minutes=st.integers(1, 60), ahead=st.integers(0, 50))
def test_rooms_divide_the_queue(rooms: int, minutes: int, ahead: int) -> None:
    """As many patients as there are rooms have the same estimate, and the last of them ends the slot."""

    def at(place: int) -> datetime:
        return estimated_time(start_of_queue=NINE, consultation_minutes=minutes, ahead=place, rooms=rooms)

    assert at(ahead + rooms) == at(ahead) + timedelta(minutes=minutes)
    assert at(0) == at(rooms - 1) == NINE
    end = expected_end(
        delayed_end=NINE, start_of_queue=NINE, consultation_minutes=minutes, queue_length=ahead + 1, rooms=rooms
    )
    assert end == at(ahead) + timedelta(minutes=minutes)

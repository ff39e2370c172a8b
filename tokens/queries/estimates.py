"""Estimates for a slot and its tokens at a given time."""

from datetime import datetime, timedelta
from typing import Protocol

from clinics.models import Slot
from tokens.models import Token
from tokens.policy import estimates
from tokens.queries.queue import position_of


class Timed(Protocol):
    """The fields of a slot that estimates are computed from."""

    @property
    def delayed_start(self) -> datetime: ...
    @property
    def first_called_at(self) -> datetime | None: ...
    @property
    def room_since(self) -> datetime | None: ...
    @property
    def consultation_minutes(self) -> int: ...
    @property
    def paused_until(self) -> datetime | None: ...
    @property
    def room_count(self) -> int: ...


def moment_of_list(*, slot: Timed, now: datetime, stepped_out: int = 0) -> datetime | None:
    """Return the time for which a list of the slot's tokens is computed; None if it is the same at any time.

    While the estimates move with the clock, this is the end of the current second: no estimate lies in the past, and
    all requests within the second get the same list. The same holds while patients have stepped out (`stepped_out`, the
    number of those that the list shows), because they become overdue with time.
    """
    fixed_until = estimates.stands_until(
        delayed_start=estimates.earliest_start(delayed_start=slot.delayed_start, paused_until=slot.paused_until),
        first_called_at=slot.first_called_at,
        room_since=slot.room_since,
        consultation_minutes=slot.consultation_minutes,
    )
    if not stepped_out and (fixed_until is None or now <= fixed_until):
        return None
    return now if now.microsecond == 0 else now.replace(microsecond=0) + timedelta(seconds=1)


def start_of_queue(*, slot: Timed, now: datetime) -> datetime:
    """Return when the first patient of the slot's queue is expected to be seen."""
    return estimates.queue_start(
        delayed_start=estimates.earliest_start(delayed_start=slot.delayed_start, paused_until=slot.paused_until),
        first_called_at=slot.first_called_at,
        room_since=slot.room_since,
        consultation_minutes=slot.consultation_minutes,
        now=now,
    )


def estimate_at(*, slot: Timed, position: int, now: datetime) -> datetime:
    """Return when the patient at this position of the slot's queue is expected to be seen."""
    return estimates.estimated_time(
        start_of_queue=start_of_queue(slot=slot, now=now),
        consultation_minutes=slot.consultation_minutes,
        ahead=position - 1,
        rooms=slot.room_count,
    )


def estimate_in_queue(*, token: Token, slot: Slot, now: datetime) -> datetime:
    """Return when the patient of this queued token is expected to be seen."""
    return estimate_at(slot=slot, position=position_of(token=token) or 1, now=now)


def expected_end(*, slot: Slot, now: datetime) -> datetime:
    """Return when the slot is expected to be over: its delayed end, or the end of the last consultation if later."""
    return estimates.expected_end(
        delayed_end=slot.delayed_end,
        start_of_queue=start_of_queue(slot=slot, now=now),
        consultation_minutes=slot.consultation_minutes,
        queue_length=slot.queue_length,
        rooms=slot.room_count,
    )

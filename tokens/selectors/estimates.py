"""Estimates of a slot's row at a moment."""

from datetime import datetime

from clinics.models import Slot
from tokens.models import Token
from tokens.policy import estimates
from tokens.selectors.queue import position_of


def start_of_queue(*, slot: Slot, now: datetime) -> datetime:
    """When the first in the slot's queue is expected to be seen."""
    return estimates.queue_start(
        delayed_start=slot.delayed_start,
        first_called_at=slot.first_called_at,
        room_since=slot.room_since,
        consultation_minutes=slot.consultation_minutes,
        now=now,
    )


def estimate_at(*, slot: Slot, position: int, now: datetime) -> datetime:
    """When the patient at this position of the slot's queue is expected to be seen."""
    return estimates.estimated_time(
        start_of_queue=start_of_queue(slot=slot, now=now),
        consultation_minutes=slot.consultation_minutes,
        ahead=position - 1,
    )


def estimate_in_queue(*, token: Token, slot: Slot, now: datetime) -> datetime:
    """When the patient of this queued token is expected to be seen."""
    return estimate_at(slot=slot, position=position_of(token=token) or 1, now=now)


def expected_end(*, slot: Slot, now: datetime) -> datetime:
    """When the slot is expected to be over: its delayed end, or the last in the queue being done if that is later."""
    return estimates.expected_end(
        delayed_end=slot.delayed_end,
        start_of_queue=start_of_queue(slot=slot, now=now),
        consultation_minutes=slot.consultation_minutes,
        queue_length=slot.queue_length,
    )

"""What the engine refuses, as classes; `core.api.problem_details` turns them into answers."""

from django.db import IntegrityError

from clinics.errors import SlotOverlap
from core.api.problem_details import constraint_of
from core.errors import EngineError


class SlotFull(EngineError):
    """The slot is full"""

    code = "slot-full"
    template = "Every seat of this slot is held."


class DuplicateBooking(EngineError):
    """The patient already has a place"""

    code = "duplicate-booking"
    template = "The patient already holds a live token with this doctor on this day, or waits for this slot."


class SlotNotOpen(EngineError):
    """The slot is not open"""

    code = "slot-not-open"
    template = "The slot is cancelled, closed or over."


class CapacityInUse(EngineError):
    """More seats are held than that"""

    code = "capacity-in-use"
    template = "max_capacity can't be lower than the seats held by tokens that are not emergencies."


class InvalidTransition(EngineError):
    """This can't be done in its present state"""

    code = "invalid-transition"
    template = "It is {status}: {action} is not possible."


class HoldExpired(EngineError):
    """The hold has expired"""

    code = "hold-expired"
    template = "The hold was not confirmed in time; the seat was given back."


class GraceExpired(EngineError):
    """The grace is over"""

    code = "grace-expired"
    template = "The patient did not turn up in the grace period; the seat was given back."


class QueueEmpty(EngineError):
    """Nobody is ready to be called"""

    code = "queue-empty"
    template = "No patient of this slot's queue is checked in."


class RoomOccupied(EngineError):
    """There is a patient in the room"""

    code = "room-occupied"
    template = (
        'Another patient of this slot is in consultation; send {{"complete_current": true}} to complete that first.'
    )


# What the database itself refuses, and what that means to the one who asked.
ERROR_OF_CONSTRAINT: dict[str, type[EngineError]] = {
    "slot_never_oversold": SlotFull,
    "token_one_live_per_patient": DuplicateBooking,
    "waitlist_one_waiting_per_patient": DuplicateBooking,
    "token_one_in_the_room": RoomOccupied,
    "slot_no_overlap": SlotOverlap,
}


def refusal_of(error: IntegrityError) -> EngineError | None:
    """The engine's error for a broken constraint; None for a constraint that no request can break."""
    found = ERROR_OF_CONSTRAINT.get(constraint_of(error) or "")
    return found() if found else None

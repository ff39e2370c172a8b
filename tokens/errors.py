"""The errors of the engine; `core.api.problem_details` turns them into responses."""

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
    """More seats are held than max_capacity allows"""

    code = "capacity-in-use"
    template = "max_capacity can't be lower than the seats held by tokens that are not emergencies."


class InvalidTransition(EngineError):
    """This is not possible in the present state"""

    code = "invalid-transition"
    template = "It is {current_status}: {action} is not possible."


class HoldExpired(EngineError):
    """The hold has expired"""

    code = "hold-expired"
    template = "The hold was not confirmed in time; the seat was freed."


class GraceExpired(EngineError):
    """The grace period is over"""

    code = "grace-expired"
    template = "The patient did not arrive within the grace period; the seat was freed."


class UndoImpossible(EngineError):
    """This cannot be undone"""

    code = "undo-impossible"
    template = "There is nothing to undo, or it is too late."


class SlotPaused(EngineError):
    """The slot is paused"""

    code = "slot-paused"
    template = "The doctor has paused: no patients are called until the slot is resumed."


class QueueEmpty(EngineError):
    """No patient is ready to be called"""

    code = "queue-empty"
    template = "No patient of this slot's queue is checked in."


class RoomOccupied(EngineError):
    """Another patient is in the room"""

    code = "room-occupied"
    template = (
        'Another patient of this slot is in consultation; send {{"complete_current": true}} to complete that first.'
    )


# The error that a request gets when it breaks a constraint of the database.
ERROR_OF_CONSTRAINT: dict[str, type[EngineError]] = {
    "slot_never_oversold": SlotFull,
    "token_one_live_per_patient": DuplicateBooking,
    "waitlist_one_waiting_per_patient": DuplicateBooking,
    "token_one_in_the_room": RoomOccupied,
    "slot_no_overlap": SlotOverlap,
}


def refusal_of(error: IntegrityError) -> EngineError | None:
    """Return the engine's error for a broken constraint; None for a constraint that no request can break."""
    error_class = ERROR_OF_CONSTRAINT.get(constraint_of(error) or "")
    return error_class() if error_class else None

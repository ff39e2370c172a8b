"""The errors of doctors, facilities and their slots."""

from core.errors import EngineError, InUse


class SlotOverlap(EngineError):
    """The doctor has another slot at that time"""

    code = "slot-overlap"
    template = "The slot overlaps another slot of this doctor that is not cancelled."


class DoctorInactive(EngineError):
    """The doctor is inactive"""

    code = "doctor-inactive"
    template = "The doctor is inactive: no bookings and no new slots. Existing tokens stay valid."


class DoctorInUse(InUse):
    """Tokens refer to this doctor"""

    template = "Tokens refer to this doctor. Set is_active to false instead."


class RoomInUse(InUse):
    """Slots refer to this room"""

    template = "Slots refer to this room. Set is_active to false instead."


class PatientInRoom(InUse):
    """A patient was called to a room that the slot would lose"""

    template = "A patient is called to a room that the slot would lose, or is in it."


class TimeZoneInUse(InUse):
    """Future slots of this facility are in use"""

    template = "A future slot of this facility has live tokens or waiting-list entries: the time zone can't change."

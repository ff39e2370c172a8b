"""What can go wrong with doctors, facilities and their slots."""

from core.errors import EngineError


class SlotOverlap(EngineError):
    """The doctor has another slot at that time"""

    code = "slot-overlap"
    template = "It overlaps a slot of this doctor that is not cancelled."

"""The errors of boards, kiosks and tracking links."""

from core.errors import EngineError


class CheckInNotOpen(EngineError):
    """It is too early to check in"""

    code = "check-in-not-open"
    template = "Patients of this slot check in from {opens_at}."

"""The errors of boards, kiosks and tracking links."""

from core.errors import EngineError, ValidationFailed


class CheckInNotOpen(EngineError):
    """It is too early to check in"""

    code = "check-in-not-open"
    template = "Patients of this slot check in from {opens_at}."


class WrongPairingCode(ValidationFailed):
    """The request is not valid"""

    def __init__(self) -> None:
        detail = "No unpaired screen shows this code. It may have expired: read it from the screen again."
        super().__init__([{"field": "code", "code": "invalid-code", "detail": detail}])

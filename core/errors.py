"""The errors of the engine. A class's first docstring line is its title, `code` its name in the API.

The facts of an error become members of the problem. HTTP is dealt with in core.api.problem_details.
"""

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar


class EngineError(Exception):
    """The request could not be carried out"""

    code: ClassVar[str] = "error"
    template: ClassVar[str] = ""
    """The detail, unless one is given, as a format string for the facts."""

    def __init__(self, detail: str | None = None, **facts: Any) -> None:
        self.facts: dict[str, Any] = facts
        for name, value in facts.items():
            setattr(self, name, value)
        self.detail: str = detail if detail is not None else (self.template.format(**facts) or self.title())
        super().__init__(self.detail)

    @classmethod
    def title(cls) -> str:
        """Return the first line of the docstring, without its full stop."""
        return (cls.__doc__ or "").strip().split("\n")[0].rstrip(".")


class ValidationFailed(EngineError):
    """The request is not valid"""

    code = "validation-error"
    template = "See `errors` for each field."

    def __init__(self, errors: Sequence[Mapping[str, str]], detail: str | None = None) -> None:
        super().__init__(detail)
        self.errors = [dict(error) for error in errors]

    @classmethod
    def of(cls, field: str, code: str, detail: str) -> "ValidationFailed":
        """Return the error for one field."""
        return cls([{"field": field, "code": code, "detail": detail}])


class NotAuthenticated(EngineError):
    """Sign in first"""

    code = "not-authenticated"
    template = "Credentials are missing or not valid."


class PermissionDenied(EngineError):
    """This is not allowed"""

    code = "permission-denied"
    template = "You may not do this."


class NotFound(EngineError):
    """There is no such thing"""

    code = "not-found"
    template = "It does not exist, or you may not see it."


class Merged(EngineError):
    """This record was merged into another one"""

    code = "merged"
    template = "This record was merged into another one of the same person: use `into`."


class InUse(EngineError):
    """Something still refers to it"""

    code = "in-use"
    template = "Something still refers to it."


class VersionConflict(EngineError):
    """It has changed since it was read"""

    code = "version-conflict"
    template = "It has changed since you read it. Read it again."


class PayloadTooLarge(EngineError):
    """The body is too large"""

    code = "payload-too-large"
    template = "A body may have at most 256 KB."


class UnsupportedMediaType(EngineError):
    """This media type is not understood here"""

    code = "unsupported-media-type"
    template = "Send application/json."


class RequestTimeout(EngineError):
    """The body did not arrive in time"""

    code = "request-timeout"
    template = "The body must arrive within 10 seconds, and without long pauses. Nothing was changed."


class IdempotencyInProgress(EngineError):
    """The first request with this key is still running"""

    code = "idempotency-in-progress"
    template = "The first request with this Idempotency-Key is still running. Ask again shortly."


class IdempotencyMismatch(EngineError):
    """This key belongs to another request"""

    code = "idempotency-mismatch"
    template = "This Idempotency-Key was used for another request."


class Throttled(EngineError):
    """Too many requests"""

    code = "throttled"
    template = "Too many requests. Ask again later."


class SlotBusy(EngineError):
    """The slot is busy"""

    code = "slot-busy"
    template = "Others are booking in this slot. Nothing was changed; ask again."


class ChangeBlocked(SlotBusy):
    """The slot is busy"""

    # The locks of the slots were acquired, but then another transaction, perhaps of another slot, blocked a change.


class Unavailable(EngineError):
    """The service is not available right now"""

    code = "unavailable"
    template = "Nothing is known to have been changed. Ask again shortly."

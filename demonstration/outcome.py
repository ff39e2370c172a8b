"""How a scenario says that what it saw is not what the engine promises."""

from typing import Any


class SurpriseError(Exception):
    """Something happened that the engine promises will not happen."""


class UnreachableError(Exception):
    """The server cannot be reached or does not let us in; no scenario can run."""


def expect(promise: str, *, seen: Any, wanted: Any) -> None:
    """Raise SurpriseError unless what was seen is what was wanted; `promise` is the sentence a reader gets."""
    if seen != wanted:
        raise SurpriseError(f"{promise}: expected {wanted!r}, saw {seen!r}")


def expect_true(promise: str, holds: bool) -> None:
    """Raise SurpriseError with the promise unless it holds."""
    if not holds:
        raise SurpriseError(f"{promise}: it does not hold")

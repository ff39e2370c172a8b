"""Checks of a scenario and the errors that they raise."""

from typing import Any


class SurpriseError(Exception):
    """An answer of the engine contradicts what it promises."""


class UnreachableError(Exception):
    """The server cannot be reached or rejects the credentials; no scenario can run."""


def expect(promise: str, *, seen: Any, wanted: Any) -> None:
    """Raise SurpriseError with the promise unless the two values are equal."""
    if seen != wanted:
        raise SurpriseError(f"{promise}: expected {wanted!r}, saw {seen!r}")


def expect_true(promise: str, holds: bool) -> None:
    """Raise SurpriseError with the promise unless it holds."""
    if not holds:
        raise SurpriseError(f"{promise}: it does not hold")

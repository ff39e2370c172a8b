"""Asking the express lane and the ordinary lane the same."""

from collections.abc import Callable
from typing import Any

from tests.support.api import Answer
from tests.support.hospital import Hospital


def both(hospital: Hospital, settings: Any, taken: list[bool], ask: Callable[[], Answer]) -> tuple[Answer, Answer]:
    """What the express lane and then the ordinary lane answer to what is asked."""
    settings.OPD_EXPRESS = True
    fast = ask()
    assert taken == [True]
    settings.OPD_EXPRESS = False
    return fast, ask()


def shape(value: Any) -> Any:
    """The value with types in the place of facts."""
    if isinstance(value, dict):
        return {name: shape(inner) for name, inner in value.items()}
    return type(value).__name__


def headers_of(answer: Answer, *, but: set[str]) -> dict[str, str]:
    """The headers of an answer except some."""
    return {name.lower(): value for name, value in answer.headers.items() if name.lower() not in but}

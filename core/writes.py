"""The one way in which a view that writes answers, so that retry safety lies in one place."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol, TypeVar

from rest_framework.request import Request
from rest_framework.response import Response

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Answer:
    """What goes back to the client."""

    status: int
    body: Mapping[str, Any] | list[Any] | None = None
    headers: Mapping[str, str] = field(default_factory=dict)


class Work(Protocol):
    """An operation that calls `answer(result)` last inside its transaction and returns what that gave."""

    def __call__(self, *, answer: Callable[[Any], Any]) -> Any: ...


def as_is(result: T) -> T:
    """The answer of an operation that nobody asks over HTTP: its result."""
    return result


def write(request: Request, work: Work, render: Callable[[Any], Answer]) -> Response:
    """Run the work and answer with what `render` makes of its result, inside the work's own transaction."""
    made: Answer = work(answer=render)
    return Response(made.body, status=made.status, headers=dict(made.headers))

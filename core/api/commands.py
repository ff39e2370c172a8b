"""The one way in which a view that writes answers, so that retry safety lies in one place.

Without a key, a lost connection during COMMIT can't be told from a lost one before it once the answer was made, so the
client gets 503 and has to look. With a key the record tells: it is claimed anew, which waits for the lost transaction
to end one way or the other, and then either holds the answer or lets the work be done again.
"""

import uuid
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol, TypeVar

from django.db import DatabaseError, transaction
from rest_framework.exceptions import APIException
from rest_framework.request import Request
from rest_framework.response import Response

from core.api import idempotency
from core.api.idempotency import Asked, Claim, ClaimLost, Stored
from core.api.renderers import to_json
from core.db import retry
from core.errors import EngineError, IdempotencyInProgress, IdempotencyMismatch

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Answer:
    """What goes back to the client."""

    status: int
    body: Mapping[str, Any] | list[Any] | None = None
    headers: Mapping[str, str] = field(default_factory=dict)


class Work(Protocol):
    """An operation that calls `answer(result)` last inside its transaction and returns what that gave.

    It may be run again after a failure that is certain to have changed nothing.
    """

    def __call__(self, *, answer: Callable[[Any], Any]) -> Any: ...


class Rendered(Response):
    """A response whose bytes are already made, so that the first answer and its repetition are the same."""

    def __init__(self, stored: Stored, *, data: Any = None, replayed: bool = False) -> None:
        headers = dict(stored.headers)
        if replayed:
            headers["Idempotency-Replayed"] = "true"
        super().__init__(data, status=stored.status, headers=headers)
        self._bytes = stored.body

    @property
    def rendered_content(self) -> bytes:  # type: ignore[override]
        """The bytes as they were stored."""
        if self._bytes:
            self["Content-Type"] = "application/json"
        return self._bytes


def as_is(result: T) -> T:
    """The answer of an operation that nobody asks over HTTP: its result."""
    return result


def write(
    request: Request,
    work: Work,
    render: Callable[[Any], Answer],
    *,
    dry_run: bool = False,
    check_replay: Callable[[Stored], None] | None = None,
) -> Response:
    """Run the work and answer with what `render` makes of its result, once for each Idempotency-Key.

    The answer of a `dry_run` is not kept: its key stays free. The caller's right is checked before this is called.
    Where only the work itself checks it, `check_replay` gets the kept answer before a replay and raises if the caller
    may no longer see it.
    """
    request.came_to_write = True  # type: ignore[attr-defined]
    asked = idempotency.asked_of(request)
    if asked is None:
        made = without_key(work, render)
        return Response(made.body, status=made.status, headers=dict(made.headers))
    return _with_key(asked, work, render, check_replay, keep=not dry_run)


def kept_answer(request: Request | None) -> Response | None:
    """The kept answer to a request that was refused before it came to `write`, or None.

    IdempotencyMismatch if its key was used for another request.

    A repeated DELETE finds nothing to delete any more, and a repeated registration its own first record: such a request
    gets the first answer. Callers who reach only their own things get the refusal: it may be that this is no longer
    theirs.
    """
    if request is None or getattr(request, "came_to_write", False) or idempotency.HEADER not in request.headers:
        return None
    try:
        asked = idempotency.asked_of(request)
        stored = idempotency.find(asked) if asked is not None else None
    except IdempotencyMismatch:
        raise
    except (EngineError, APIException, DatabaseError):
        return None
    if stored is None or getattr(request, "reaches_own", False):
        return None
    return Rendered(stored, replayed=True)


def without_key(work: Work, render: Callable[[Any], Answer]) -> Answer:
    """Run the work, again after failures that certainly changed nothing."""
    answered = False

    def answer(result: Any) -> Answer:
        nonlocal answered
        made = render(result)
        answered = True  # from here on, COMMIT may be on its way
        return made

    def run() -> Answer:
        nonlocal answered
        answered = False
        return work(answer=answer)  # type: ignore[no-any-return]

    return retry.again(run, may_repeat=lambda _: not answered)


def _with_key(
    asked: Asked,
    work: Work,
    render: Callable[[Any], Answer],
    check_replay: Callable[[Stored], None] | None,
    *,
    keep: bool,
) -> Response:
    def run() -> Response:
        # Claiming again under the same token after a lost connection finds out what became of the last try.
        held = idempotency.claim(asked, token=token)
        if isinstance(held, Stored):
            if check_replay is not None:
                check_replay(held)
            return Rendered(held, replayed=not tried)
        tried.append(held)
        return _once(held, work, render, keep=keep)

    token = uuid.uuid4()
    tried: list[Claim] = []
    _free_left_over()
    try:
        return retry.again(run)
    except ClaimLost:
        raise IdempotencyInProgress() from None


def _once(held: Claim, work: Work, render: Callable[[Any], Answer], *, keep: bool) -> Response:
    committed = False

    def noted() -> None:
        nonlocal committed
        committed = True

    def answer(result: Any) -> Response:
        made = render(result)
        if not keep or not 200 <= made.status < 300:
            return Response(made.body, status=made.status, headers=dict(made.headers))
        stored = Stored(made.status, body_bytes(made), dict(made.headers))
        idempotency.complete(held, stored)
        transaction.on_commit(noted)
        return Rendered(stored, data=made.body)

    try:
        return work(answer=answer)  # type: ignore[no-any-return]
    finally:
        if not committed:
            _free(held)


_left_over: deque[Claim] = deque(maxlen=10_000)
"""Claims not released because the database was away: their keys would stay blocked for a whole lease."""


def _free(held: Claim) -> None:
    """Let the key go after an error, or after work that decided to change nothing."""
    if transaction.get_connection().needs_rollback:
        return
    try:
        idempotency.release(held)
    except DatabaseError:
        _left_over.append(held)


def _free_left_over() -> None:
    while _left_over:
        try:
            held = _left_over.popleft()
        except IndexError:
            return
        try:
            idempotency.release(held)
        except DatabaseError:
            _left_over.append(held)
            return


def body_bytes(made: Answer) -> bytes:
    """The body of an answer as it goes over the wire."""
    return b"" if made.body is None else to_json(made.body)

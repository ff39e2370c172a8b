"""How an endpoint changes something: once for each Idempotency-Key, and again after failures that changed nothing.

Without a key, a connection that is lost during COMMIT leaves it unknown whether the change was made, so the client gets
503 and has to look. With a key the request runs again and finds the stored answer if the change was made.
"""

from collections.abc import Callable
from functools import partial
from typing import Any, Protocol

from core.api import idempotency
from core.api.answers import Answer, json_of
from core.api.idempotency import Key, KeyTaken, Stored
from core.api.request import ApiRequest
from core.db import retry
from core.db.transactions import CommitUnknown, atomic
from core.errors import IdempotencyInProgress

TRIES = 5
REPLAYED = "Idempotency-Replayed"


class Reply:
    """How a request is answered: the form that its result takes, and the key under which the answer is stored."""

    __slots__ = ("_form", "key")

    def __init__(self, form: Callable[[Any], Answer], key: Key | None = None) -> None:
        self._form = form
        self.key = key

    def of(self, result: Any) -> Answer:
        """The answer that tells of the result."""
        return self._form(result)

    def kept(self, result: Any, *, changed: bool = True) -> Answer:
        """The answer that tells of the result, stored in the open transaction if the request has a key.

        The answer of a request that changed nothing is not stored: its key stays free.
        """
        answer = self.of(result)
        if self.key is not None and changed:
            idempotency.keep([(self.key, stored(answer))])
        return answer


class Work(Protocol):
    """An operation that answers `reply.kept(result)`, made inside its transaction."""

    def __call__(self, *, reply: Reply) -> Answer: ...


def stored(answer: Answer) -> Stored:
    """The form in which an answer is stored."""
    return Stored(answer.status, json_of(answer), answer.headers)


def replayed(answer: Stored) -> Answer:
    """The answer to a repeated request: the bytes of the first one, marked as a repetition."""
    return Answer(answer.status, answer.body or None, {**answer.headers, REPLAYED: "true"})


def write(
    request: ApiRequest, work: Work, form: Callable[[Any], Answer], *, keep: bool = True, batched: bool = False
) -> Answer:
    """Carry out an operation that opens its own transaction.

    `keep=False` for one that will change nothing; `batched` for one that looks for the stored answer itself.
    """
    key = idempotency.key_of(request)
    return run(partial(work, reply=Reply(form, key if keep else None)), key, looks=not batched)  # type: ignore[no-any-return]


def write_rows(request: ApiRequest, work: Callable[[], Any], form: Callable[[Any], Answer]) -> Answer:
    """Carry out an operation that needs no lock of its own, in one transaction with its stored answer."""
    reply = Reply(form, idempotency.key_of(request))

    def in_transaction() -> Answer:
        with atomic(durable=True):
            return reply.kept(work())

    return run(in_transaction, reply.key)


def run(step: Callable[[], Any], key: Key | None, *, looks: bool = True) -> Any:
    """Run a step until it ends one way or the other; the stored answer if the request with this key was answered."""

    def attempt() -> Any:
        if looks and key is not None and (known := idempotency.find(key)) is not None:
            return replayed(known)
        return step()

    for _ in range(TRIES):
        try:
            return retry.again(
                attempt, may_repeat=lambda error: key is not None or not isinstance(error, CommitUnknown)
            )
        except KeyTaken:
            continue
    raise IdempotencyInProgress

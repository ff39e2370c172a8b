"""Run an endpoint's change once for each Idempotency-Key, and retry it after failures that changed nothing.

If a connection is lost during COMMIT, it is unknown whether the change was made. Without a key the client gets 503 and
has to check. With a key the request runs again, and finds the stored answer if the change was made.
"""

from collections.abc import Callable, Collection
from contextlib import suppress
from functools import partial
from typing import Any, Protocol

from django.core.exceptions import ObjectDoesNotExist
from django.db import IntegrityError

from core.api import idempotency
from core.api.answers import Answer, json_of
from core.api.etags import named_versions
from core.api.idempotency import Key, KeyTaken, Stored
from core.api.request import ApiRequest
from core.db import retry
from core.db.transactions import CommitUnknown, atomic
from core.errors import EngineError, IdempotencyInProgress, IdempotencyMismatch, VersionConflict

REPLAYED = "Idempotency-Replayed"


class Reply:
    """How to answer a request: the function that renders its result, and the key under which the answer is stored.

    `versions`: the versions of the resource of which the request changes one; None for any.
    """

    __slots__ = ("_form", "_versions", "key")

    def __init__(
        self, form: Callable[[Any], Answer], key: Key | None = None, versions: Collection[int] | None = None
    ) -> None:
        self._form = form
        self._versions = versions
        self.key = key

    def check_version(self, version: int) -> None:
        """Raise VersionConflict if the request is for other versions of the resource than this one."""
        if self._versions is not None and version not in self._versions:
            raise VersionConflict

    def render(self, result: Any) -> Answer:
        """Return the answer with this result."""
        return self._form(result)

    def store(self, result: Any, *, changed: bool = True) -> Answer:
        """Return the answer with this result, and store it in the open transaction if the request has a key.

        The answer to a request that changed nothing is not stored: its key stays free.
        """
        answer = self.render(result)
        if self.key is not None and changed:
            idempotency.store([(self.key, stored(answer))])
        return answer


class ResultStore(Protocol):
    """What a transaction does with its result just before COMMIT: a Reply, or the replies of a batch."""

    def store(self, result: Any, *, changed: bool = True) -> Any:
        """Return what the transaction returns for this result, and store answers to requests with a key."""


class Work(Protocol):
    """An operation that returns `reply.store(result)`, called inside its transaction."""

    def __call__(self, *, reply: Reply) -> Answer: ...


def stored(answer: Answer) -> Stored:
    """Return the form in which an answer is stored."""
    return Stored(answer.status, json_of(answer), answer.headers)


def replayed(answer: Stored) -> Answer:
    """Return the answer to a repeated request: that of the first one, marked as a repetition."""
    return Answer(answer.status, answer.body or None, {**answer.headers, REPLAYED: "true"})


def write(
    request: ApiRequest,
    work: Work,
    form: Callable[[Any], Answer],
    *,
    store: bool = True,
    batched: bool = False,
    versioned: bool = False,
) -> Answer:
    """Run an operation that opens its own transaction; return the answer.

    `store=False` if the operation will change nothing; `batched` if it looks for the stored answer itself.
    `versioned` if the request is for a resource with an ETag: If-Match then names the versions that may be changed.
    """
    key = idempotency.key_of(request)
    versions = named_versions(request.META.get("HTTP_IF_MATCH")) if versioned else None
    reply = Reply(form, key if store else None, versions)
    return run(partial(work, reply=reply), key, find_stored=not batched)  # type: ignore[no-any-return]


def write_rows(request: ApiRequest, work: Callable[[], Any], form: Callable[[Any], Answer]) -> Answer:
    """Run an operation that takes no lock, in one transaction with its stored answer; return the answer."""
    reply = Reply(form, idempotency.key_of(request))

    def in_transaction() -> Answer:
        with atomic(durable=True):
            return reply.store(work())

    return run(in_transaction, reply.key)


def run(step: Callable[[], Any], key: Key | None, *, find_stored: bool = True) -> Any:
    """Run a step, again after transient failures; return its result, or the stored answer for this key.

    The stored answer is looked for before the step (unless the step does so itself) and again after a refusal.
    Raise IdempotencyInProgress if other requests with the key keep interfering.
    """

    def attempt() -> Any:
        if find_stored and (known := _stored_answer(key)) is not None:
            return known
        try:
            return step()
        except (EngineError, ObjectDoesNotExist, IntegrityError):
            # The first request with this key may have made the change while this one waited for it.
            with suppress(IdempotencyMismatch):
                if (known := _stored_answer(key)) is not None:
                    return known
            raise

    try:
        return retry.again(attempt, may_repeat=lambda error: key is not None or not isinstance(error, CommitUnknown))
    except KeyTaken:
        raise IdempotencyInProgress from None


def _stored_answer(key: Key | None) -> Answer | None:
    """Return the answer stored under this key, if any. A batch looks for the answers of its requests itself."""
    known = None if key is None else idempotency.find(key)
    return None if known is None else replayed(known)

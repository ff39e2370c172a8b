"""Group commit for bookings and cancellations.

Requests that wait at the same moment run in one transaction (OPD_COMBINE); each has its own result, error, event and
stored answer. Cancellations run before bookings, so that bookings can use the seats that they free. A batch of one
request runs like any other operation.
"""

from collections import defaultdict
from collections.abc import Sequence
from contextlib import suppress
from typing import Any, NamedTuple
from uuid import UUID

from django.conf import settings
from django.db import InterfaceError, OperationalError

from core.api import idempotency
from core.api.answers import Answer
from core.api.commands import Reply, replayed, stored
from core.api.idempotency import Key, Stored
from core.batching import Combiner
from core.db.sql import Found, Statement
from core.errors import ChangeBlocked, EngineError, NotFound, SlotBusy
from tokens.engine.ledger import Ledger, write_all
from tokens.engine.locate import facility_of_slot
from tokens.engine.transaction import on_slots
from tokens.operations.booking import Booked, BookingRequest, book_all, booking_queries
from tokens.operations.cancelling import Cancelled, CancelRequest, cancel_all, cancellation_queries

ROW_SECONDS = 0.25
"""Seconds that a batch waits for each row lock: one busy slot must not hold up the requests for the others."""
QUEUE_SECONDS = 0.5
"""Seconds that a request waits to be taken into a batch of any slots."""

_SHORT_WAITS = Statement("SELECT set_config('lock_timeout', %s, true)", (f"{int(ROW_SECONDS * 1000)}ms",))
"""For the changes of a batch that holds its locks: a blocked request must not hold up the others."""

Request = BookingRequest | CancelRequest
Outcome = Booked | Cancelled | EngineError | Stored


class QueuedRequest(NamedTuple):
    """A request that waits for a batch, and how it is answered."""

    request: Request
    reply: Reply | None

    @property
    def key(self) -> Key | None:
        return self.reply.key if self.reply is not None else None


RETRY_ALONE: Any = object()
"""The outcome of a request that this batch could not carry out; nothing was changed for it."""


class _BatchReply:
    """The replies to the requests of a batch; stores their answers in one statement."""

    def __init__(self, batch: Sequence[QueuedRequest]) -> None:
        self._batch = batch

    def store(self, outcomes: Sequence[Any], *, changed: bool = True) -> list[Any]:
        """Return the answer to each request, and store those of requests with a key."""
        answers: list[Any] = []
        to_store: list[tuple[Key, Stored]] = []
        for queued, outcome in zip(self._batch, outcomes, strict=True):
            answer = _answered(queued, outcome)
            if queued.key is not None and isinstance(answer, Answer) and not isinstance(outcome, Stored):
                to_store.append((queued.key, stored(answer)))
            answers.append(answer)
        if to_store:
            idempotency.store(to_store)
        return answers


def _answered(queued: QueuedRequest, outcome: Any) -> Any:
    if isinstance(outcome, Stored):
        return replayed(outcome)
    if isinstance(outcome, EngineError) or outcome is RETRY_ALONE or queued.reply is None:
        return outcome
    return queued.reply.render(outcome)


def serve(request: Request, *, reply: Reply | None) -> Any:
    """Book or cancel in a batch with the requests that wait at the same moment; return the result or the answer.

    Raise the error of this request. The request first runs in a batch for any slots; if that batch cannot commit, in a
    batch for its slot, with the Redis lock and the usual wait for locks; and finally alone.
    """
    outcome = _outcome_of(QueuedRequest(request, reply))
    if isinstance(outcome, EngineError):
        raise outcome
    return outcome


def _outcome_of(queued: QueuedRequest) -> Any:
    outcome: Any = RETRY_ALONE
    if settings.OPD_COMBINE:
        with suppress(TimeoutError):
            outcome = any_slots.submit(None, queued, timeout_seconds=QUEUE_SECONDS)
        if outcome is RETRY_ALONE:
            outcome = _submit_for_slot(queued)
    if outcome is RETRY_ALONE:
        [outcome] = run_batch([queued])
    return outcome


def _submit_for_slot(queued: QueuedRequest) -> Any:
    try:
        return one_slot.submit(queued.request.slot_id, queued, timeout_seconds=settings.OPD_LOCK_WAIT_SECONDS)
    except TimeoutError:
        raise SlotBusy from None


def _run_for_any_slots(batch: Sequence[QueuedRequest]) -> Sequence[Any]:
    if len({_facility_of(queued.request.slot_id) for queued in batch}) > 1:
        return _run_by_facility(batch)
    try:
        return run_or_retry_alone(batch, batched=True)
    except SlotBusy:
        return [RETRY_ALONE] * len(batch)


def run_or_retry_alone(batch: Sequence[QueuedRequest], *, batched: bool = False) -> Sequence[Any]:
    """Run a batch. An error of the database rolls back all its requests; each of them is then to run alone.

    A booking may wait for another transaction that books the same patient elsewhere. The others of its batch must not
    fail with it.
    """
    try:
        return run_batch(batch, batched=batched)
    except Exception as error:
        # After a lost connection it is unknown whether the batch was committed. No request got a busy slot's lock.
        concerns_all = isinstance(error, SlotBusy | OperationalError | InterfaceError)
        if len(batch) == 1 or (concerns_all and not isinstance(error, ChangeBlocked)):
            raise
        return [RETRY_ALONE] * len(batch)


def _run_by_facility(batch: Sequence[QueuedRequest]) -> list[Any]:
    """Run the requests of each facility in a transaction of their own; a failure of one does not affect the others."""
    outcomes: dict[int, Any] = {}
    indexes: dict[UUID | None, list[int]] = defaultdict(list)
    for index, queued in enumerate(batch):
        indexes[_facility_of(queued.request.slot_id)].append(index)
    for of_facility in indexes.values():
        try:
            results = _run_for_any_slots([batch[index] for index in of_facility])
        except Exception as error:
            results = [error] * len(of_facility)
        outcomes |= zip(of_facility, results, strict=True)
    return [outcomes[index] for index in range(len(batch))]


def run_batch(batch: Sequence[QueuedRequest], *, batched: bool = False) -> list[Any]:
    """Run a batch in one transaction; if `batched`, skip the Redis lock and wait briefly for row locks."""
    plan = _Plan(batch)
    answers: list[Any] = on_slots(
        {queued.request.slot_id for queued in batch},
        actor=batch[0].request.actor,
        operation=plan.carry_out,
        reply=_BatchReply(batch),
        batched=batched and len(batch) > 1,
        wait_seconds=ROW_SECONDS if batched else None,
        queries=plan.queries,
    )
    return answers


class _Plan:
    """The queries of a batch, which run with the locks, and the operation that uses their results."""

    def __init__(self, batch: Sequence[QueuedRequest]) -> None:
        self._batch = batch
        self._keys = [queued.key for queued in batch if queued.key is not None]
        bookings = [queued.request for queued in batch if isinstance(queued.request, BookingRequest)]
        cancellations = [queued.request for queued in batch if isinstance(queued.request, CancelRequest)]
        self._groups: list[list[Statement]] = [
            [idempotency.find_query(self._keys)] if self._keys else [],
            cancellation_queries(cancellations),
            # With cancellations the bookings are queried after them: a cancelled token no longer blocks a booking.
            [] if cancellations else booking_queries(bookings),
            [_SHORT_WAITS] if len(batch) > 1 else [],
        ]

    @property
    def queries(self) -> list[Statement]:
        return [query for group in self._groups for query in group]

    def carry_out(self, ledgers: dict[UUID, Ledger], found: list[Found]) -> list[Any]:
        """Serve each request of the batch; return the outcome of each."""
        results = iter(found)
        stored_rows, cancelled, booked, _ = ([next(results) for _ in group] for group in self._groups)
        outcomes = self._from_store(stored_rows[0]) if stored_rows else {}
        remaining = [queued.request for index, queued in enumerate(self._batch) if index not in outcomes]
        served = iter(_serve(ledgers, remaining, cancelled, booked))
        return [outcomes[index] if index in outcomes else next(served) for index in range(len(self._batch))]

    def _from_store(self, found: Found) -> dict[int, Any]:
        """Return the outcomes known in advance, by index: stored answers, and errors for keys of other requests."""
        outcomes: dict[int, Any] = {}
        seen: set[tuple[str, str]] = set()
        for index, queued in enumerate(self._batch):
            if queued.key is None:
                continue
            name = (queued.key.actor, queued.key.key)
            try:
                known = idempotency.stored_of(queued.key, found)
            except EngineError as mismatch:
                outcomes[index] = mismatch
                continue
            if known is not None:
                outcomes[index] = known
            elif name in seen:
                outcomes[index] = RETRY_ALONE  # another request of this batch has the same key
            seen.add(name)
        return outcomes


def _serve(
    ledgers: dict[UUID, Ledger], requests: Sequence[Request], cancelled: list[Found], booked: list[Found]
) -> list[Any]:
    """Cancel, then book; return the outcome of each request, in their order."""
    bookings = [one for one in requests if isinstance(one, BookingRequest)]
    cancellations = [one for one in requests if isinstance(one, CancelRequest)]
    cancel_outcomes = iter(cancel_all(ledgers, requests=cancellations, found=cancelled[0]) if cancellations else [])
    if bookings and not booked:
        booked = write_all(list(ledgers.values()), queries=booking_queries(bookings))
    book_outcomes = iter(book_all(ledgers, requests=bookings, found=booked) if bookings else [])
    return [next(cancel_outcomes if isinstance(one, CancelRequest) else book_outcomes) for one in requests]


def _facility_of(slot_id: UUID) -> UUID | None:
    with suppress(NotFound):
        return facility_of_slot(slot_id)
    return None


any_slots: Combiner[None, QueuedRequest] = Combiner(_run_for_any_slots)
one_slot: Combiner[UUID, QueuedRequest] = Combiner(run_or_retry_alone)

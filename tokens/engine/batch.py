"""Group commit for bookings and cancellations.

Requests that wait at the same moment run in one transaction (OPD_COMBINE); each has its own result, error, event and
stored answer. Cancellations run before bookings, so that the seats that they free are there for those who book. A batch
of one runs like any other operation.
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
from core.errors import EngineError, NotFound, SlotBusy
from tokens import rules
from tokens.engine.locate import facility_of_slot
from tokens.engine.transaction import on_slots
from tokens.engine.unit_of_work import Ledger, write_all
from tokens.operations.booking import Booked, BookRequest, book_all, booking_queries
from tokens.operations.cancelling import Cancelled, CancelRequest, cancel_all, cancellation_queries

ROW_SECONDS = 0.25
"""How long a batch waits for each lock of its rows before it gives up: one busy slot must not hold up the others."""
QUEUE_SECONDS = 0.5
"""How long a request waits for its turn in a batch before it runs alone."""

Request = BookRequest | CancelRequest
Outcome = Booked | Cancelled | EngineError | Stored


class QueuedRequest(NamedTuple):
    """A request that waits for its turn, and how it is answered."""

    request: Request
    reply: Reply | None

    @property
    def key(self) -> Key | None:
        return self.reply.key if self.reply is not None else None


RETRY_ALONE: Any = object()
"""The outcome of a request that cannot be carried out in this batch: nothing was done for it."""


class _Replies(Reply):
    """How the requests of a batch are answered."""

    def __init__(self, batch: Sequence[QueuedRequest]) -> None:
        self._batch = batch

    def kept(self, outcomes: Sequence[Any], *, changed: bool = True) -> list[Any]:  # type: ignore[override]
        """The answer to each request; those with a key are stored in the open transaction, in one statement."""
        answers: list[Any] = []
        to_keep: list[tuple[Key, Stored]] = []
        for queued, outcome in zip(self._batch, outcomes, strict=True):
            answer = _answered(queued, outcome)
            if queued.key is not None and isinstance(answer, Answer) and not isinstance(outcome, Stored):
                to_keep.append((queued.key, stored(answer)))
            answers.append(answer)
        if to_keep:
            idempotency.keep(to_keep)
        return answers


def _answered(queued: QueuedRequest, outcome: Any) -> Any:
    if isinstance(outcome, Stored):
        return replayed(outcome)
    if isinstance(outcome, EngineError) or outcome is RETRY_ALONE or queued.reply is None:
        return outcome
    return queued.reply.of(outcome)


def serve(request: Request, *, reply: Reply | None) -> Any:
    """Book or cancel, together with the requests that wait at the same moment; the answer that `reply` makes of it.

    Raises the refusal of this request. It runs first among all that wait, whichever slots they are for; if that batch
    cannot commit, among those for the same slot, behind the Redis lock and with the usual wait; at last alone.
    """
    outcome = _outcome_of(QueuedRequest(request, reply))
    if isinstance(outcome, EngineError):
        raise outcome
    return outcome


def _outcome_of(queued: QueuedRequest) -> Any:
    outcome: Any = RETRY_ALONE
    if settings.OPD_COMBINE:
        with suppress(TimeoutError):
            outcome = _any_slots.submit(None, queued, patience_seconds=QUEUE_SECONDS)
        if outcome is RETRY_ALONE:
            outcome = _submit_for_slot(queued)
    if outcome is RETRY_ALONE:
        [outcome] = _run([queued])
    return outcome


def _submit_for_slot(queued: QueuedRequest) -> Any:
    try:
        return _one_slot.submit(queued.request.slot_id, queued, patience_seconds=rules.current().lock_wait_seconds)
    except TimeoutError:
        raise SlotBusy from None


def _run_for_any_slots(batch: Sequence[QueuedRequest]) -> Sequence[Any]:
    if len({_facility_of(queued.request.slot_id) for queued in batch}) > 1:
        return _run_by_facility(batch)
    try:
        return _run_or_retry_alone(batch, gathered=True)
    except SlotBusy:
        return [RETRY_ALONE] * len(batch)


def _run_or_retry_alone(batch: Sequence[QueuedRequest], *, gathered: bool = False) -> Sequence[Any]:
    """Run a batch. What the database refuses to one request rolls all of them back: then each is tried alone."""
    try:
        return _run(batch, gathered=gathered)
    except (SlotBusy, OperationalError, InterfaceError):
        raise  # after a lost connection nobody knows whether it was committed
    except Exception:
        if len(batch) == 1:
            raise
        return [RETRY_ALONE] * len(batch)


def _run_by_facility(batch: Sequence[QueuedRequest]) -> list[Any]:
    """Run the requests of each facility in a transaction of their own; a failure of one is not that of the others."""
    outcomes: dict[int, Any] = {}
    places: dict[UUID | None, list[int]] = defaultdict(list)
    for place, queued in enumerate(batch):
        places[_facility_of(queued.request.slot_id)].append(place)
    for of_facility in places.values():
        try:
            done = _run_for_any_slots([batch[place] for place in of_facility])
        except Exception as error:
            done = [error] * len(of_facility)
        outcomes |= zip(of_facility, done, strict=True)
    return [outcomes[place] for place in range(len(batch))]


def _run(batch: Sequence[QueuedRequest], *, gathered: bool = False) -> list[Any]:
    """Run a batch in one transaction. One `gathered` for any slots skips the Redis lock and waits briefly for rows."""
    plan = _Plan(batch)
    answers: list[Any] = on_slots(
        {queued.request.slot_id for queued in batch},
        actor=batch[0].request.actor,
        operation=plan.carry_out,
        reply=_Replies(batch),
        gathered=gathered and len(batch) > 1,
        wait_seconds=ROW_SECONDS if gathered else None,
        queries=plan.queries,
    )
    return answers


class _Plan:
    """What a batch asks with the locks, and what it does with the findings."""

    def __init__(self, batch: Sequence[QueuedRequest]) -> None:
        self._batch = batch
        self._keys = [queued.key for queued in batch if queued.key is not None]
        bookings = [queued.request for queued in batch if isinstance(queued.request, BookRequest)]
        cancellations = [queued.request for queued in batch if isinstance(queued.request, CancelRequest)]
        self._groups: list[list[Statement]] = [
            [idempotency.find_query(self._keys)] if self._keys else [],
            cancellation_queries(cancellations),
            # Where somebody cancels, the bookings are looked up afterwards: a cancelled place is no longer in the way.
            [] if cancellations else booking_queries(bookings),
        ]

    @property
    def queries(self) -> list[Statement]:
        return [query for group in self._groups for query in group]

    def carry_out(self, ledgers: dict[UUID, Ledger], found: list[Found]) -> list[Any]:
        """Serve each request of the batch; the outcome of each."""
        each = iter(found)
        kept, cancelled, booked = ([next(each) for _ in group] for group in self._groups)
        outcomes = self._from_store(kept[0]) if kept else {}
        open_ones = [queued.request for place, queued in enumerate(self._batch) if place not in outcomes]
        served = iter(_serve(ledgers, open_ones, cancelled, booked))
        return [outcomes[place] if place in outcomes else next(served) for place in range(len(self._batch))]

    def _from_store(self, found: Found) -> dict[int, Any]:
        """The outcomes that are known before anything is done: stored answers, and keys of other requests."""
        outcomes: dict[int, Any] = {}
        seen: set[tuple[str, str]] = set()
        for place, queued in enumerate(self._batch):
            if queued.key is None:
                continue
            name = (queued.key.actor, queued.key.key)
            try:
                known = idempotency.stored_of(queued.key, found)
            except EngineError as mismatch:
                outcomes[place] = mismatch
                continue
            if known is not None:
                outcomes[place] = known
            elif name in seen:
                outcomes[place] = RETRY_ALONE  # another request of this batch has the same key
            seen.add(name)
        return outcomes


def _serve(
    ledgers: dict[UUID, Ledger], requests: Sequence[Request], cancelled: list[Found], booked: list[Found]
) -> list[Any]:
    """Cancel, then book; the outcome of each request, in their order."""
    bookings = [one for one in requests if isinstance(one, BookRequest)]
    cancellations = [one for one in requests if isinstance(one, CancelRequest)]
    left = iter(cancel_all(ledgers, requests=cancellations, found=cancelled[0]) if cancellations else [])
    if bookings and not booked:
        booked = write_all(list(ledgers.values()), asking=booking_queries(bookings))
    came = iter(book_all(ledgers, requests=bookings, found=booked) if bookings else [])
    return [next(left if isinstance(one, CancelRequest) else came) for one in requests]


def _facility_of(slot_id: UUID) -> UUID | None:
    with suppress(NotFound):
        return facility_of_slot(slot_id)
    return None


_any_slots: Combiner[None, QueuedRequest] = Combiner(_run_for_any_slots)
_one_slot: Combiner[UUID, QueuedRequest] = Combiner(_run_or_retry_alone)

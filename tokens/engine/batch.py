"""The way of a booking and of a cancellation, alone or in a crowd: one page, one meaning.

Those who wait at the same time are served together in one transaction by one of them (`OPD_COMBINE`); each keeps its
own answer, error, event and idempotency record. Who leaves goes first: the seat is free for who comes. A crowd of one
takes the way of every operation.
"""

from collections import defaultdict
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Any, NamedTuple
from uuid import UUID

from django.conf import settings
from django.db import OperationalError

from accounts.auth.authentication import Caller, admit, asking_who_stands
from core.batching import Combiner
from core.db import retry
from core.db.sql import Found, ask
from core.errors import EngineError, NotAuthenticated, NotFound, SlotBusy
from tokens import rules
from tokens.engine.locate import facility_of_slot
from tokens.engine.transaction import on_slots
from tokens.engine.unit_of_work import Ledger, write_all
from tokens.operations.booking import Asked as Coming
from tokens.operations.booking import Booked, asking_about, book_all
from tokens.operations.cancelling import Cancelled, Leaving, asking_for, cancel_all
from tokens.operations.expiring import SWEEPER

ROWS_SECONDS = 0.25
"""How long a crowd waits for each holder of its rows before it breaks up: one busy slot must not hold up the others."""
TURN_SECONDS = 0.5
"""How long somebody waits to be taken into a crowd before they come alone."""

Asked = Coming | Leaving
Outcome = Booked | Cancelled | EngineError
Answer = Callable[[Any], Any]


class Waiting(NamedTuple):
    """One who waits to be served, how to tell of it, and who asks if that is still to be looked up."""

    asked: Asked
    answer: Answer
    caller: Caller | None = None

    @property
    def is_admitted(self) -> bool:
        """Whether nothing more has to be known of who asks."""
        return self.caller is None or self.caller.admitted is not None


BREAK_UP = object()
"""The outcome of who can't be served in this crowd: nothing was done."""


def serve(asked: Asked, *, answer: Answer, caller: Caller | None = None) -> Any:
    """Book or cancel, together with those who wait at the same time; what `answer` made of the result.

    Raises the refusal; NotAuthenticated if the `caller` is not admitted. First among all who wait, whichever slots they
    want; if that crowd breaks up, among those who want the same slot, through the gate and with the usual patience; at
    last alone.
    """
    try:
        outcome = _outcome_of(Waiting(asked, answer, caller))
        if isinstance(outcome, EngineError):
            raise outcome
    except EngineError:
        if caller is not None and not caller.admitted:  # refused before it was known who asks
            admit([caller], ask(*asking_who_stands([caller])))
            if not caller.admitted:
                raise NotAuthenticated from None
        raise
    return outcome


def _outcome_of(waiting: Waiting) -> Any:
    outcome: Any = BREAK_UP
    if settings.OPD_COMBINE:
        with suppress(TimeoutError):
            outcome = _crowds.submit(None, waiting, patience_seconds=TURN_SECONDS)
        if outcome is BREAK_UP:
            outcome = _among_those_for_the_slot(waiting)
    if outcome is BREAK_UP:
        [outcome] = _in_one_transaction([waiting])
    return outcome


def _among_those_for_the_slot(waiting: Waiting) -> Any:
    try:
        return _slot_crowds.submit(waiting.asked.slot_id, waiting, patience_seconds=rules.current().lock_wait_seconds)
    except TimeoutError:
        raise SlotBusy from None


def _for_any_slots(crowd: Sequence[Waiting]) -> Sequence[Any]:
    if len({_facility_of(one.asked.slot_id) for one in crowd}) > 1:
        return _by_facility(crowd)
    try:
        return _unless_refused(crowd, gathered=True)
    except SlotBusy:
        return [BREAK_UP] * len(crowd)


def _unless_refused(crowd: Sequence[Waiting], *, gathered: bool = False) -> Sequence[Any]:
    """Serve them all. What the database refuses to one undoes it for all: then they break up, and only that one is
    refused.
    """
    try:
        return _in_one_transaction(crowd, gathered=gathered)
    except (SlotBusy, OperationalError):
        raise
    except Exception as error:
        if len(crowd) == 1 or retry.lost_connection(error):
            raise  # after a lost connection nobody knows whether it was done
        return [BREAK_UP] * len(crowd)


def _by_facility(crowd: Sequence[Waiting]) -> list[Any]:
    """No transaction spans two facilities, and what goes wrong in one is not the others'."""
    outcomes: dict[int, Any] = {}
    parts: dict[UUID | None, list[int]] = defaultdict(list)
    for place, one in enumerate(crowd):
        parts[_facility_of(one.asked.slot_id)].append(place)
    for places in parts.values():
        try:
            done = _for_any_slots([crowd[place] for place in places])
        except Exception as error:
            done = [error] * len(places)
        outcomes |= zip(places, done, strict=True)
    return [outcomes[place] for place in range(len(crowd))]


def _in_one_transaction(crowd: Sequence[Waiting], *, gathered: bool = False) -> list[Any]:
    """Serve them all at once. A crowd `gathered` for whichever slots goes past the gate, and its patience is short."""
    callers = [one.caller for one in crowd if one.caller is not None]
    coming = [one.asked for one in crowd if isinstance(one.asked, Coming)]
    leaving = [one.asked for one in crowd if isinstance(one.asked, Leaving)]
    questions = [asking_who_stands(callers), asking_for(leaving), [] if leaving else asking_about(coming)]

    def grouped(found: list[Found]) -> list[list[Found]]:
        each = iter(found)
        return [[next(each) for _ in group] for group in questions]

    def admitting(found: list[Found]) -> set[UUID]:
        admit(callers, grouped(found)[0])
        return {one.asked.slot_id for one in crowd if one.is_admitted}

    def serve_all(ledgers: dict[UUID, Ledger], found: list[Found]) -> list[Outcome]:
        _, those_who_leave, those_who_come = grouped(found)
        admitted = [one.asked for one in crowd if one.is_admitted]
        served = iter(_serve(ledgers, admitted, those_who_leave, those_who_come))
        return [next(served) if one.is_admitted else NotAuthenticated() for one in crowd]

    def answers(outcomes: list[Outcome]) -> list[Any]:
        return [
            outcome if isinstance(outcome, EngineError) else one.answer(outcome)
            for one, outcome in zip(crowd, outcomes, strict=True)
        ]

    done: list[Any] = on_slots(
        {one.asked.slot_id for one in crowd},
        actor=SWEEPER,  # until each request puts its own name into the ledger
        operation=serve_all,
        admitting=admitting,
        answer=answers,
        gathered=gathered and len(crowd) > 1,
        wait_seconds=ROWS_SECONDS if gathered else None,
        asking=[question for group in questions for question in group],
    )
    return done


def _serve(
    ledgers: dict[UUID, Ledger], asked: Sequence[Asked], those_who_leave: list[Found], those_who_come: list[Found]
) -> list[Outcome]:
    """Who leaves goes first, and then who comes is looked for among the places as they are."""
    coming = [one for one in asked if isinstance(one, Coming)]
    leaving = [one for one in asked if isinstance(one, Leaving)]
    left = iter(cancel_all(ledgers, asked=leaving, found=those_who_leave[0]) if leaving else [])
    if coming and not those_who_come:
        those_who_come = write_all(list(ledgers.values()), asking=asking_about(coming))
    booked = iter(book_all(ledgers, asked=coming, found=those_who_come) if coming else [])
    return [next(left if isinstance(one, Leaving) else booked) for one in asked]


def _facility_of(slot_id: UUID) -> UUID | None:
    with suppress(NotFound):
        return facility_of_slot(slot_id)
    return None


_crowds: Combiner[None, Waiting] = Combiner(_for_any_slots)
_slot_crowds: Combiner[UUID, Waiting] = Combiner(_unless_refused)

"""The way of a booking, alone or in a crowd: one page, one meaning.

Those who wait for the same slot are booked together in one transaction by one of them (`OPD_COMBINE`); each keeps its
own answer, error, event and idempotency record. A crowd of one takes the same way.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, cast
from uuid import UUID

from django.conf import settings
from django.db import InterfaceError, OperationalError

from core.errors import EngineError, NotFound, SlotBusy
from tokens import rules
from tokens.combining import Combiner
from tokens.ledger import Ledger
from tokens.operations.booking import Booked, BookingRequest, book_all
from tokens.selectors.queue import note_positions
from tokens.unit_of_work import on_slot


@dataclass(frozen=True, slots=True)
class Asked:
    """One booking that was asked for, by whom, and how it is answered."""

    request: BookingRequest
    actor: str
    answer: Callable[[Booked], Any]


def book(slot_id: UUID, asked: Asked) -> Any:
    """Book, together with those who wait for the same slot; what `asked.answer` made of the result, or the refusal."""
    if settings.OPD_COMBINE:
        return _crowd.submit(slot_id, asked, patience_seconds=rules.current().lock_wait_seconds)
    [outcome] = _book_in_one_transaction(slot_id, [asked])
    if isinstance(outcome, EngineError):
        raise outcome
    return outcome


def _carry_out(slot_id: UUID, crowd: Sequence[Asked]) -> Sequence[Any]:
    try:
        return _book_in_one_transaction(slot_id, crowd)
    except (SlotBusy, NotFound, OperationalError, InterfaceError):
        raise  # everybody's, and after a lost connection nobody knows whether it was done
    except Exception:
        if len(crowd) == 1:
            raise
    # What the database refused to one undid everybody's: then each comes alone, and only that one is refused.
    return [_alone(slot_id, asked) for asked in crowd]


def _alone(slot_id: UUID, asked: Asked) -> Any:
    try:
        [outcome] = _book_in_one_transaction(slot_id, [asked])
    except Exception as error:
        return error
    return outcome


def _book_in_one_transaction(slot_id: UUID, crowd: Sequence[Asked]) -> Sequence[Any]:
    def operation(ledger: Ledger) -> list[Booked | EngineError]:
        return book_all(ledger, asked=[(asked.request, asked.actor) for asked in crowd])

    def answers(outcomes: list[Booked | EngineError]) -> list[Any]:
        note_positions([outcome for outcome in outcomes if not isinstance(outcome, EngineError)])
        return [
            outcome if isinstance(outcome, EngineError) else asked.answer(outcome)
            for asked, outcome in zip(crowd, outcomes, strict=True)
        ]

    return cast(Sequence[Any], on_slot(slot_id, actor=crowd[0].actor, operation=operation, answer=answers))


_crowd: Combiner[Asked] = Combiner(_carry_out)

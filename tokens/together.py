"""The way of a booking, alone or in a crowd: one page, one meaning.

Those who wait at the same time are booked together in one transaction by one of them (`OPD_COMBINE`); each keeps its
own answer, error, event and idempotency record. A crowd of one takes the way of every operation.
"""

from collections import defaultdict
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import lru_cache
from typing import Any
from uuid import UUID

from django.conf import settings
from django.db import InterfaceError, OperationalError

from clinics.models import Slot
from core.combining import Combiner
from core.errors import EngineError, SlotBusy
from tokens.operations.booking import Asked, Booked, book_all
from tokens.selectors.queue import note_positions
from tokens.unit_of_work import on_slots

ROWS_SECONDS = 0.25
"""How long a crowd waits for the rows of its slots before it breaks up: one busy slot must not hold up the others."""
TURN_SECONDS = 0.5
"""How long somebody waits to be taken into a crowd before they come alone."""

Answer = Callable[[Booked], Any]
Waiting = tuple[Asked, Answer]


@dataclass(frozen=True, slots=True)
class BreakUp:
    """The crowd can't be booked together: nothing was done, and each comes alone."""


def book(asked: Asked, *, answer: Answer) -> Any:
    """Book, together with those who wait at the same time; what `answer` made of the result. Raises the refusal."""
    outcome: Any = BreakUp()
    if settings.OPD_COMBINE:
        with suppress(TimeoutError):
            outcome = _crowds.submit((asked, answer), patience_seconds=TURN_SECONDS)
    if isinstance(outcome, BreakUp):
        [outcome] = _book_in_one_transaction([(asked, answer)])
    if isinstance(outcome, EngineError):
        raise outcome
    return outcome


def _carry_out(crowd: Sequence[Waiting]) -> Sequence[Any]:
    try:
        if len(crowd) > 1 and len({_facility_of(asked.slot_id) for asked, _ in crowd}) > 1:
            return _by_facility(crowd)
        return _book_in_one_transaction(crowd, wait_seconds=ROWS_SECONDS)
    except (OperationalError, InterfaceError):
        raise  # after a lost connection nobody knows whether it was done
    except Exception as error:
        if len(crowd) == 1 and not isinstance(error, SlotBusy):
            raise
        # What the database refused to one has undone it for all; alone, only that one is refused.
        return [BreakUp()] * len(crowd)


def _by_facility(crowd: Sequence[Waiting]) -> list[Any]:
    """No transaction spans two facilities."""
    outcomes: dict[int, Any] = {}
    parts: dict[UUID | None, list[int]] = defaultdict(list)
    for place, (asked, _) in enumerate(crowd):
        parts[_facility_of(asked.slot_id)].append(place)
    for places in parts.values():
        outcomes |= zip(places, _carry_out([crowd[place] for place in places]), strict=True)
    return [outcomes[place] for place in range(len(crowd))]


def _book_in_one_transaction(crowd: Sequence[Waiting], *, wait_seconds: float | None = None) -> list[Any]:
    def answers(outcomes: list[Booked | EngineError]) -> list[Any]:
        note_positions([outcome for outcome in outcomes if not isinstance(outcome, EngineError)])
        return [
            outcome if isinstance(outcome, EngineError) else answer(outcome)
            for (_, answer), outcome in zip(crowd, outcomes, strict=True)
        ]

    asked = [one for one, _ in crowd]
    done: list[Any] = on_slots(
        {one.slot_id for one in asked},
        actor=asked[0].actor,
        operation=lambda ledgers: book_all(ledgers, asked=asked),
        answer=answers,
        wait_seconds=wait_seconds,
    )
    return done


@lru_cache(maxsize=65_536)
def _facility_of(slot_id: UUID) -> UUID | None:
    """The facility of a slot, which never changes."""
    return Slot.objects.filter(id=slot_id).values_list("facility_id", flat=True).first()


_crowds: Combiner[Waiting] = Combiner(_carry_out)

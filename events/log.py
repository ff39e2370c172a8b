"""Writing the event log. No other code creates events."""

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from core.db.sql import Rows, Statement
from core.db.transactions import is_atomic
from core.ids import new_id
from events.models import Event

_events = Rows(Event)
_canonical = json.JSONEncoder(sort_keys=True, separators=(",", ":")).encode


@dataclass(frozen=True, slots=True)
class Draft:
    """An event before it gets its number in the slot's log.

    `data` holds ids and figures, never a name or a phone number.
    """

    type: str
    actor: str
    token_id: UUID | None = None
    data: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class ChainEnd:
    """The number and the hash of the last event in a slot's log."""

    number: int
    hash: bytes


def seal(*, previous: bytes, event: Event) -> bytes:
    """Return the hash of an event: SHA-256 over the hash of the event before it in its slot, and its own fields."""
    facts = [
        str(event.id),
        str(event.facility_id),
        str(event.slot_id),
        str(event.token_id or ""),
        event.number,
        event.type,
        event.at.astimezone(UTC).isoformat(timespec="microseconds"),
        event.actor,
        event.data,
    ]
    return hashlib.sha256(previous + _canonical(facts).encode()).digest()


def chain(
    drafts: Sequence[Draft], *, facility_id: UUID, slot_id: UUID, at: datetime, after: ChainEnd
) -> tuple[list[Event], ChainEnd]:
    """Return the drafts as numbered and hashed events of the slot's log, and the new end of its chain.

    Write nothing.
    """
    events: list[Event] = []
    number, head = after.number, after.hash
    for draft in drafts:
        number += 1
        event = Event(
            id=new_id(),
            facility_id=facility_id,
            slot_id=slot_id,
            token_id=draft.token_id,
            number=number,
            type=draft.type,
            at=at,
            actor=draft.actor,
            data=draft.data,
        )
        event.hash = head = seal(previous=head, event=event)
        events.append(event)
    return events, ChainEnd(number, head)


def appending(events: Sequence[Event]) -> list[Statement]:
    """Return the statements that write chained events in the caller's transaction, which holds their slots' locks.

    Raise RuntimeError outside a transaction: an event must be committed together with the change that it records.
    """
    if not is_atomic():
        raise RuntimeError("an event must be written in the transaction that makes the change")
    return _events.inserting(events)

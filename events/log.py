"""Writing the log: the one way an event comes into being."""

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
    """What happened, before it has its number in the slot's log. `data` holds ids and figures, never a name or a
    phone.
    """

    type: str
    actor: str
    token_id: UUID | None = None
    data: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class ChainEnd:
    """The last number and hash of a slot's log."""

    number: int
    hash: bytes


def seal(*, previous: bytes, event: Event) -> bytes:
    """The hash that binds an event to the one before it in its slot: SHA-256 over the previous hash and the event's
    facts.
    """
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
    """The drafts as events of the slot's log, numbered and sealed, and the new end of the chain. Nothing is written."""
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
    """What writes chained events, in the caller's transaction, which holds the locks of their slots.

    Without an open transaction it refuses: an event must never outlive or precede the change that it tells of.
    """
    if not is_atomic():
        raise RuntimeError("an event is recorded in the transaction that makes the change")
    return _events.inserting(events)

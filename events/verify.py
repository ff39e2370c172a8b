"""Detection of changes to the event log: the hash chain of a slot is checked from its first event to its end."""

from collections.abc import Iterable
from dataclasses import dataclass
from uuid import UUID

from events.log import ChainEnd, seal
from events.models import Event


@dataclass(frozen=True, slots=True)
class BadRow:
    """The first row of a slot's chain that was removed or changed; `event_id` is None for a removed row."""

    slot_id: UUID
    number: int
    event_id: UUID | None
    why: str

    def __str__(self) -> str:
        row = f"event {self.event_id}" if self.event_id else "an event"
        return f"slot {self.slot_id}: {row} (number {self.number}) {self.why}"


def first_bad_row(*, slot_id: UUID, events: Iterable[Event], end: ChainEnd | None) -> BadRow | None:
    """Return the first row of the slot's log that was removed, altered or reordered; None if the chain is intact.

    `events` are in order of their numbers. `end` is the last event according to the slot's row; None for a deleted
    slot, of which nothing records where the log ended.
    """
    number, head, seq = 0, b"", 0
    for event in events:
        number += 1
        if event.number != number:
            why = "was removed" if event.number > number else "exists twice"
            return BadRow(slot_id, number, event.id if event.number < number else None, why)
        if seal(previous=head, event=event) != bytes(event.hash):
            return BadRow(slot_id, number, event.id, "was altered, or the event before it was")
        if event.seq <= seq:
            return BadRow(slot_id, number, event.id, "was reordered")
        head, seq = bytes(event.hash), event.seq
    if end is None or (end.number == number and end.hash == head):
        return None
    if end.number > number:
        return BadRow(slot_id, number + 1, None, "was removed")
    if end.number < number:
        return BadRow(slot_id, end.number + 1, None, "was added: the slot's row ends before it")
    return BadRow(slot_id, number, None, "is not the last event of the slot's row: the chain was replaced")

"""Whether the log still says what it said when it was written: every slot's chain, from its first event to its end."""

from collections.abc import Iterable
from dataclasses import dataclass
from uuid import UUID

from events.log import ChainEnd, seal
from events.models import Event


@dataclass(frozen=True, slots=True)
class BadRow:
    """The first row of a slot's chain that is not what it was; `event_id` is None when the row itself is gone."""

    slot_id: UUID
    number: int
    event_id: UUID | None
    why: str

    def __str__(self) -> str:
        row = f"event {self.event_id}" if self.event_id else "an event"
        return f"slot {self.slot_id}: {row} (number {self.number}) {self.why}"


def first_bad_row(*, slot_id: UUID, events: Iterable[Event], end: ChainEnd | None) -> BadRow | None:
    """The first row of the slot's log that was removed, altered or reordered; None if the chain is whole.

    `events` come in order of their numbers; `end` is what the slot's row says of its last event, None if the slot is
    gone and nothing tells where its log ended.
    """
    number, head, seq = 0, b"", 0
    for event in events:
        number += 1
        if event.number != number:
            why = "was removed" if event.number > number else "is there twice"
            return BadRow(slot_id, number, event.id if event.number < number else None, why)
        if seal(previous=head, event=event) != bytes(event.hash):
            return BadRow(slot_id, number, event.id, "was altered, or the one before it was")
        if event.seq <= seq:
            return BadRow(slot_id, number, event.id, "was reordered")
        head, seq = bytes(event.hash), event.seq
    if end is None or (end.number == number and end.hash == head):
        return None
    if end.number > number:
        return BadRow(slot_id, number + 1, None, "was removed")
    if end.number < number:
        return BadRow(slot_id, end.number + 1, None, "was added: the slot knows nothing of it")
    return BadRow(slot_id, number, None, "is not the one that the slot ended with: the chain was made anew")

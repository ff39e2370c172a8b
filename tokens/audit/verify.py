"""Verification of the hash chains of the event log against their slots, on one snapshot."""

from collections.abc import Iterator, Sequence
from itertools import groupby
from operator import attrgetter
from uuid import UUID

from clinics.models import Slot
from core.db.transactions import snapshot
from events.log import ChainEnd
from events.models import Event
from events.verify import BadRow, first_bad_row

SLOT_DELETED = "slot.deleted"
SLOTS_AT_ONCE = 200


def bad_rows(*, slot_ids: Sequence[UUID] | None = None) -> Iterator[BadRow]:
    """Yield the first bad row of each broken chain, of all slots or of `slot_ids`; write nothing."""
    with snapshot():
        wanted = list(slot_ids) if slot_ids is not None else _every_slot()
        for start in range(0, len(wanted), SLOTS_AT_ONCE):
            yield from _bad_rows_of(wanted[start : start + SLOTS_AT_ONCE])


def _every_slot() -> list[UUID]:
    """Return the ids of all slots in the tables or in the log."""
    logged = Event.objects.order_by().values_list("slot_id", flat=True)
    return sorted(set(Slot.objects.order_by().values_list("id", flat=True)) | set(logged.distinct()))


def _bad_rows_of(slot_ids: Sequence[UUID]) -> Iterator[BadRow]:
    slots = Slot.objects.filter(id__in=slot_ids).values_list("id", "last_event", "last_event_hash")
    ends = {slot_id: ChainEnd(number, bytes(head)) for slot_id, number, head in slots}
    rows = Event.objects.filter(slot_id__in=slot_ids).order_by("slot_id", "number")
    chains = {slot_id: list(events) for slot_id, events in groupby(rows, key=attrgetter("slot_id"))}
    for slot_id in slot_ids:
        events, end = chains.get(slot_id, []), ends.get(slot_id)
        bad = first_bad_row(slot_id=slot_id, events=events, end=end)
        if bad is None and end is None and (not events or events[-1].type != SLOT_DELETED):
            bad = BadRow(slot_id, len(events) + 1, None, "was removed: the log does not record the slot's deletion")
        if bad is not None:
            yield bad

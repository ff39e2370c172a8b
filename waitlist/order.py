"""The order of the waiting list, the next entries, and positions."""

from collections import defaultdict
from collections.abc import Iterable
from uuid import UUID

from django.db.models import QuerySet

from clinics.models import Slot
from core.db.sql import Rows, Statement, ask
from patients.models import Patient
from waitlist.models import EntryStatus, WaitlistEntry


def waiting_in(*, slot: Slot) -> QuerySet[WaitlistEntry]:
    """Return the WAITING entries of a slot, best first: by priority, then by arrival."""
    waiting = WaitlistEntry.objects.filter(facility_id=slot.facility_id, slot_id=slot.id, status=EntryStatus.WAITING)
    return waiting.order_by("priority", "arrival")


_entries, _patients = Rows(WaitlistEntry), Rows(Patient)
NEXT = f"""
SELECT {_entries.columns("entry")}, {_patients.columns("patient")}
FROM {_entries.table} AS entry JOIN {_patients.table} AS patient ON patient.id = entry.patient_id
WHERE entry.facility_id = %s AND entry.slot_id = %s AND entry.status = 'WAITING'
ORDER BY entry.priority, entry.arrival LIMIT %s
"""


def next_in_line(*, slot: Slot, seats: int) -> list[WaitlistEntry]:
    """Return the best WAITING entries of the slot for `seats` free seats, with their patients."""
    [rows] = ask(Statement(NEXT, (slot.facility_id, slot.id, seats)))
    entries = []
    for row in rows:
        entry = _entries.take(row)
        entry.patient = _patients.take(row, start=len(_entries))
        entries.append(entry)
    return entries


POSITIONS = """
SELECT entry.id, (
    SELECT count(*) + 1 FROM waitlist_waitlistentry AS ahead
    WHERE ahead.facility_id = %s AND ahead.slot_id = entry.slot_id AND ahead.status = 'WAITING'
      AND (ahead.priority, ahead.arrival) < (entry.priority, entry.arrival)
)
FROM waitlist_waitlistentry AS entry
WHERE entry.facility_id = %s AND entry.id = ANY(%s) AND entry.status = 'WAITING'
"""


def entry_position_queries(entries: Iterable[WaitlistEntry]) -> list[Statement]:
    """Return the queries for (id, position on the waiting list, from 1) of the entries, one for each facility.

    Entries that are no longer WAITING are left out.
    """
    ids: dict[UUID, list[UUID]] = defaultdict(list)
    for entry in entries:
        ids[entry.facility_id].append(entry.id)
    return [Statement(POSITIONS, (facility, facility, of_facility)) for facility, of_facility in ids.items()]


def positions_of_entries(*, entries: Iterable[WaitlistEntry]) -> dict[UUID, int]:
    """Return the positions on their waiting lists of those entries that are still WAITING."""
    return {entry_id: position for found in ask(*entry_position_queries(entries)) for entry_id, position in found}

"""The waiting list's order, and who is next."""

from collections.abc import Collection
from uuid import UUID

from django.db import connection
from django.db.models import QuerySet

from waitlist.models import EntryStatus, WaitlistEntry


def waiting_in(*, slot_id: UUID) -> QuerySet[WaitlistEntry]:
    """The WAITING entries of a slot, best first: by priority, then by request."""
    return WaitlistEntry.objects.filter(slot_id=slot_id, status=EntryStatus.WAITING).order_by("priority", "arrival")


def next_in_line(*, slot_id: UUID, seats: int) -> list[WaitlistEntry]:
    """The best WAITING entries for `seats` free seats, with their patients."""
    return list(waiting_in(slot_id=slot_id).select_related("patient")[:seats])


POSITIONS = """
SELECT entry.id, (
    SELECT count(*) + 1 FROM waitlist_waitlistentry AS ahead
    WHERE ahead.slot_id = entry.slot_id AND ahead.facility_id = entry.facility_id AND ahead.status = 'WAITING'
      AND (ahead.priority, ahead.arrival) < (entry.priority, entry.arrival)
)
FROM waitlist_waitlistentry AS entry
WHERE entry.id = ANY(%s) AND entry.status = 'WAITING'
"""


def positions_of_entries(*, entry_ids: Collection[UUID]) -> dict[UUID, int]:
    """The positions on their lists, from 1, in one statement; entries that no longer wait are left out."""
    if not entry_ids:
        return {}
    with connection.cursor() as cursor:
        cursor.execute(POSITIONS, [list(entry_ids)])
        return dict(cursor.fetchall())

"""The one function that moves a waiting-list entry."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from django.db import connection

from waitlist.models import EntryStatus, WaitlistEntry


def move(entry: WaitlistEntry, *, to: EntryStatus, now: datetime, token_id: UUID | None = None) -> None:
    """Take a WAITING entry to its end, in memory; the ledger writes it.

    An entry that no longer waits never moves again.
    """
    if entry.status != EntryStatus.WAITING:
        raise ValueError(f"the entry is {entry.status}")
    entry.status = to
    entry.token_id = token_id
    entry.updated_at = now


WRITE = """
UPDATE waitlist_waitlistentry AS entry SET status = moved.status, token_id = moved.token_id, updated_at = %s
FROM unnest(%s::uuid[], %s::text[], %s::uuid[]) AS moved(id, status, token_id)
WHERE entry.id = moved.id AND entry.facility_id = %s
"""


def write(entries: Sequence[WaitlistEntry]) -> None:
    """Bring moved entries of one facility and one moment to the database, in one statement for any number of them."""
    first = entries[0]
    columns = zip(*((entry.id, entry.status, entry.token_id) for entry in entries), strict=True)
    with connection.cursor() as cursor:
        cursor.execute(WRITE, [first.updated_at, *(list(column) for column in columns), first.facility_id])

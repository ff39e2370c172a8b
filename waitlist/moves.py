"""The one function that moves a waiting-list entry."""

from datetime import datetime
from uuid import UUID

from waitlist.models import EntryStatus, WaitlistEntry


def move(entry: WaitlistEntry, *, to: EntryStatus, now: datetime, token_id: UUID | None = None) -> None:
    """Take a WAITING entry to its end, in memory; the ledger writes it. An entry that no longer waits never moves
    again.
    """
    if entry.status != EntryStatus.WAITING:
        raise ValueError(f"the entry is {entry.status}")
    entry.status = to
    entry.token_id = token_id
    entry.updated_at = now

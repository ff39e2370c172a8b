"""The one function that moves a waiting-list entry."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from core.db.sql import Change, Rows, Statement
from waitlist.models import EntryStatus, WaitlistEntry

MOVED = ("status", "token_id", "updated_at")
_entries = Rows(WaitlistEntry)


def move(entry: WaitlistEntry, *, to: EntryStatus, now: datetime, token_id: UUID | None = None) -> None:
    """Take a WAITING entry to its end, in memory; the ledger writes it.

    An entry that no longer waits never moves again.
    """
    if entry.status != EntryStatus.WAITING:
        raise ValueError(f"the entry is {entry.status}")
    entry.status = to
    entry.token_id = token_id
    entry.updated_at = now


def moving(entries: Sequence[WaitlistEntry]) -> list[Statement]:
    """What brings moved entries of one facility to the database: one statement for any number of them."""
    if not entries:
        return []
    changes = [Change(entry.id, {name: getattr(entry, name) for name in MOVED}, {}) for entry in entries]
    return _entries.updating(changes, facility_id=entries[0].facility_id)

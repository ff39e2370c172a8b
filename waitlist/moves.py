"""The function that changes the status of a waiting-list entry, and the statements that save the change."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from core.db.sql import Change, Rows, Statement
from waitlist.models import EntryStatus, WaitlistEntry

_CHANGED_FIELDS = ("status", "token_id", "updated_at")
_ENTRIES = Rows(WaitlistEntry)


def move(entry: WaitlistEntry, *, to: EntryStatus, now: datetime, token_id: UUID | None = None) -> None:
    """Change the status of a WAITING entry in memory; the unit of work writes it.

    Raise ValueError for an entry that is not WAITING: its status is final.
    """
    if entry.status != EntryStatus.WAITING:
        raise ValueError(f"the entry is {entry.status}")
    entry.status = to
    entry.token_id = token_id
    entry.updated_at = now


def move_statements(entries: Sequence[WaitlistEntry]) -> list[Statement]:
    """Return the statement that saves moved entries of one facility, whatever their number; none for no entries."""
    if not entries:
        return []
    changes = [Change(entry.id, {name: getattr(entry, name) for name in _changed(entry)}, {}) for entry in entries]
    return _ENTRIES.updating(changes, facility_id=entries[0].facility_id)


def _changed(entry: WaitlistEntry) -> tuple[str, ...]:
    return (*_CHANGED_FIELDS, "seat_reason") if entry.seat_reason else _CHANGED_FIELDS

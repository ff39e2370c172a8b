"""The waiting list's order, and who is next."""

from uuid import UUID

from django.db.models import QuerySet

from waitlist.models import EntryStatus, WaitlistEntry


def waiting_in(*, slot_id: UUID) -> QuerySet[WaitlistEntry]:
    """The WAITING entries of a slot, best first: by priority, then by request."""
    return WaitlistEntry.objects.filter(slot_id=slot_id, status=EntryStatus.WAITING).order_by("priority", "arrival")


def next_in_line(*, slot_id: UUID, seats: int) -> list[WaitlistEntry]:
    """The best WAITING entries for `seats` free seats, with their patients."""
    return list(waiting_in(slot_id=slot_id).select_related("patient")[:seats])

"""The names of rooms, as boards and patients read them."""

from collections.abc import Collection
from uuid import UUID

from clinics.models import Room


def room_names(*, facility_id: UUID, room_ids: Collection[UUID]) -> dict[UUID, str]:
    """Return the names of these rooms of the facility, by id."""
    if not room_ids:
        return {}
    return dict(Room.objects.filter(facility_id=facility_id, pk__in=room_ids).values_list("pk", "name"))


def joined_names(rooms: Collection[UUID], names: dict[UUID, str]) -> str | None:
    """Return the names of a slot's rooms as one text; None for a slot without rooms."""
    return ", ".join(names[room] for room in rooms if room in names) or None

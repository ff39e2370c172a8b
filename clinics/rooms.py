"""Adding, changing and removing rooms, and the rooms of a slot."""

from collections.abc import Collection, Mapping
from typing import Any
from uuid import UUID

from django.db import IntegrityError

from clinics.errors import RoomInUse
from clinics.models import Room, Slot
from core.api.problem_details import constraint_of
from core.db.transactions import atomic
from core.errors import NotFound, ValidationFailed


def create_room(*, facility_id: UUID, name: str, code: str, is_active: bool = True) -> Any:
    """Add a room; raise ValidationFailed for the code of another room of the facility."""
    return _saved(Room(facility_id=facility_id, name=name, code=code, is_active=is_active))


def update_room(*, room_id: UUID, changes: Mapping[str, Any], within: UUID | None = None) -> Any:
    """Change a room; raise ValidationFailed for the code of another room of the facility.

    `within`: the only facility in which the caller changes rooms; None for all.
    """
    with atomic():
        room = _locked_room(room_id, within)
        for name, value in changes.items():
            setattr(room, name, value)
        return _saved(room)


def delete_room(*, room_id: UUID, within: UUID | None = None) -> Any:
    """Delete a room; raise RoomInUse while a slot refers to it. `within`: as for `update_room`."""
    with atomic():
        room = _locked_room(room_id, within)
        if Slot.objects.filter(facility_id=room.facility_id, rooms__contains=[room.pk]).exists():
            raise RoomInUse
        room.delete()


def check_rooms(*, facility_id: UUID, room_ids: Collection[UUID]) -> None:
    """Raise NotFound unless all rooms are rooms of the facility, and ValidationFailed for an inactive one.

    The rooms stay locked until the transaction ends, so that none of them is deleted before a slot refers to it.
    """
    if not room_ids:
        return
    rooms = Room.objects.select_for_update(no_key=True).filter(facility_id=facility_id, pk__in=room_ids)
    found = dict(rooms.order_by("pk").values_list("pk", "is_active"))
    if len(found) != len(set(room_ids)):
        raise NotFound
    if not all(found.values()):
        raise ValidationFailed.of("rooms", "inactive", "This room is not active.")


def name_of_room(*, facility_id: UUID, room_id: UUID) -> str:
    """Return the name of a room that a slot of the facility refers to."""
    return Room.objects.values_list("name", flat=True).get(facility_id=facility_id, pk=room_id)


def _saved(room: Room) -> Room:
    try:
        with atomic():
            room.save()
            return room
    except IntegrityError as error:
        if constraint_of(error) != "room_code_unique":
            raise
        raise ValidationFailed.of("code", "unique", "Another room has this code.") from error


def _locked_room(room_id: UUID, within: UUID | None) -> Room:
    room = Room.objects.select_for_update().filter(pk=room_id).first()
    if room is None or within not in (None, room.facility_id):
        raise NotFound
    return room

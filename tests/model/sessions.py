"""The reference's rooms of a slot, and acts on a whole session; a part of `Reference`."""

from typing import Any

from tests.model.objects import Refused, Slot


class Sessions:
    """Acts on a slot that its doctor is seeing patients in."""

    _settle_day: Any

    def set_rooms(self, slot: Slot, rooms: tuple[str, ...]) -> None:
        self._settle_day(slot)
        if slot.state == "CANCELLED":
            raise Refused("invalid-transition")
        if {t.room for t in slot.tokens if t.status in {"CALLED", "IN_CONSULTATION"}} - set(rooms or (None,)):
            raise Refused("in-use")
        slot.rooms = rooms

    def _room(self, slot: Slot, room: str | None) -> str | None:
        """Return the room to call to; raise Refused if it has to be named or is not one of the slot's."""
        if room is None and len(slot.rooms) <= 1:
            return slot.rooms[0] if slot.rooms else None
        if room not in slot.rooms:
            raise Refused("validation-error")
        return room

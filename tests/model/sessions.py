"""The reference's rooms of a slot, and acts on a whole session; a part of `Reference`."""

from datetime import datetime, timedelta
from typing import Any

from tests.model.objects import Refused, Slot


class Sessions:
    """Acts on a slot that its doctor is seeing patients in."""

    now: datetime
    settle: Any
    _settle_day: Any
    _end_waiting: Any

    def set_rooms(self, slot: Slot, rooms: tuple[str, ...]) -> None:
        self._settle_day(slot)
        if slot.state == "CANCELLED":
            raise Refused("invalid-transition")
        if {t.room for t in slot.tokens if t.status in {"CALLED", "IN_CONSULTATION"}} - set(rooms or (None,)):
            raise Refused("in-use")
        slot.rooms = rooms

    def begin(self, slot: Slot) -> None:
        self._running(slot, unless=not slot.began)
        slot.began = True

    def pause(self, slot: Slot, minutes: int | None = None) -> None:
        self._running(slot, unless=not slot.paused)
        slot.paused = True
        slot.paused_until = None if minutes is None else self.now + timedelta(minutes=minutes)

    def resume(self, slot: Slot) -> None:
        self.settle(slot)
        if not slot.paused:
            raise Refused("invalid-transition")
        slot.paused, slot.paused_until = False, None

    def finish(self, slot: Slot) -> tuple[list[int], list[int], list[int]]:
        """End the session; return the numbers of the patients who did not come, were carried over and were not seen."""
        self._running(slot)
        if any(t.status in {"CALLED", "IN_CONSULTATION"} for t in slot.tokens):
            raise Refused("room-occupied")
        in_order = sorted((t for t in slot.tokens if t.live or t.status == "BUFFER"), key=lambda t: t.rank)
        no_shows = [t.patient.number for t in in_order if t.status == "CONFIRMED"]
        not_seen = [t.patient.number for t in in_order if t.status in {"CHECKED_IN", "STEPPED_OUT"}]
        for token in in_order:
            after = {"PENDING": "EXPIRED", "BUFFER": "CANCELLED", "CONFIRMED": "NO_SHOW", "NO_SHOW": "NO_SHOW"}
            if token.status != "NO_SHOW":
                token.move(after.get(token.status, "NOT_SEEN"))
            token.in_grace, token.due = False, None
        slot.state, slot.finished, slot.closed_at = "CLOSED", True, self.now
        slot.paused, slot.paused_until = False, None
        self._end_waiting(slot, "EXPIRED")
        return no_shows, [], not_seen

    def reopen(self, slot: Slot) -> None:
        self.settle(slot)
        if slot.state != "CLOSED":
            raise Refused("invalid-transition")
        assert slot.closed_at is not None
        if self.now > slot.closed_at + timedelta(seconds=60):
            raise Refused("undo-impossible")
        slot.state, slot.finished = "OPEN", False

    def _running(self, slot: Slot, *, unless: bool = True) -> None:
        self.settle(slot)
        if slot.state == "CANCELLED" or slot.finished or not unless:
            raise Refused("invalid-transition")

    def _not_paused(self, slot: Slot) -> None:
        if slot.paused:
            raise Refused("slot-paused")

    def _room(self, slot: Slot, room: str | None) -> str | None:
        """Return the room to call to; raise Refused if it has to be named or is not one of the slot's."""
        if room is None and len(slot.rooms) <= 1:
            return slot.rooms[0] if slot.rooms else None
        if room not in slot.rooms:
            raise Refused("validation-error")
        return room

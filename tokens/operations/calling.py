"""Calling patients in, and the start and end of a consultation."""

from uuid import UUID

from clinics.rooms import name_of_room
from core.db.sql import Found
from core.errors import ValidationFailed
from tokens.engine.ledger import Ledger
from tokens.errors import InvalidTransition, QueueEmpty, RoomOccupied, SlotPaused
from tokens.models import Token
from tokens.policy.lifecycle import Action, Status, allows
from tokens.queries.estimates import estimate_in_queue
from tokens.queries.locked import seated
from tokens.queries.queue import tokens_of


def call(ledger: Ledger, *, token: Token, room: UUID | None) -> None:
    """Call this patient in, whatever their position, to one of the slot's rooms. The token keeps its last estimate.

    Raise ValidationFailed for a room that is not one of the slot's, or for none if it has several, and SlotPaused.
    """
    room = _one_of_the_rooms(ledger, room)
    _refuse_while_paused(ledger)
    if not allows(action=Action.CALL, status=token.status):
        raise InvalidTransition(current_status=token.status, action=Action.CALL.value)
    _call_to(ledger, token, room)


def _call_to(ledger: Ledger, token: Token, room: UUID | None) -> None:
    slot = ledger.slot
    estimate = estimate_in_queue(token=token, slot=slot, now=ledger.now)
    name = None if room is None else name_of_room(facility_id=slot.facility_id, room_id=room)
    ledger.move(
        token,
        Action.CALL,
        last_estimate=estimate,
        called_at=ledger.now,
        times_called=token.times_called + 1,
        room=room,
        room_name=name,
    )
    if ledger.slot.first_called_at is None:
        ledger.change_slot(first_called_at=ledger.now)


def call_next(ledger: Ledger, first_here: Found, *, room: UUID | None, complete_current: bool) -> Token:
    """Call the first CHECKED_IN patient of the queue to one of the slot's rooms.

    With `complete_current`, end the consultation in this room. Raise ValidationFailed and SlotPaused as `call` does;
    if no patient has checked in, raise QueueEmpty and change nothing.
    """
    room = _one_of_the_rooms(ledger, room)
    _refuse_while_paused(ledger)
    if not first_here:
        raise QueueEmpty
    [token] = seated(first_here, {ledger.slot.id: ledger.slot})
    if complete_current:
        _complete_current(ledger, room)
    _call_to(ledger, token, room)
    return token


def recall(ledger: Ledger, *, token: Token) -> None:
    """Call a called patient once more."""
    ledger.move(token, Action.RECALL, times_called=token.times_called + 1)


def start(ledger: Ledger, *, token: Token, complete_current: bool) -> None:
    """Start the consultation; raise RoomOccupied if one runs in this room and `complete_current` is false."""
    if not allows(action=Action.START, status=token.status):
        raise InvalidTransition(current_status=token.status, action=Action.START.value)
    if complete_current:
        _complete_current(ledger, token.room)
    elif _in_room(ledger, token.room):
        raise RoomOccupied
    ledger.move(token, Action.START, actual_time=ledger.now, arrived_at=token.arrived_at or ledger.now)


def complete(ledger: Ledger, *, token: Token) -> None:
    """End the consultation and free the room."""
    ledger.move(token, Action.COMPLETE, completed_at=ledger.now)


def requeue(ledger: Ledger, *, token: Token) -> None:
    """Put a called patient who did not appear back into the queue, at the old priority."""
    ledger.move(token, Action.REQUEUE, last_estimate=None)


def _complete_current(ledger: Ledger, room: UUID | None) -> None:
    for token in _in_room(ledger, room):
        complete(ledger, token=token)


def _in_room(ledger: Ledger, room: UUID | None) -> list[Token]:
    """Return the token in consultation in this room of the slot, if any."""
    slot = ledger.slot
    if not slot.in_consultation_since:
        return []
    return list(tokens_of(slot=slot).filter(status=Status.IN_CONSULTATION, room=room))


def _refuse_while_paused(ledger: Ledger) -> None:
    if ledger.slot.paused_since is not None:
        raise SlotPaused


def _one_of_the_rooms(ledger: Ledger, room: UUID | None) -> UUID | None:
    """Return the room to call to: the given one, else the only one; None for a slot without rooms."""
    rooms = ledger.slot.rooms
    if room is None:
        if len(rooms) > 1:
            raise ValidationFailed.of("room", "required", "The slot has several rooms: name one of them.")
        return rooms[0] if rooms else None
    if room not in rooms:
        raise ValidationFailed.of("room", "invalid", "This is not one of the slot's rooms.")
    return room

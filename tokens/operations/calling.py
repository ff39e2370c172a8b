"""Calling patients in, and the start and end of a consultation."""

from core.db.sql import Found
from tokens.engine.ledger import Ledger
from tokens.errors import InvalidTransition, QueueEmpty, RoomOccupied
from tokens.models import Token
from tokens.policy.lifecycle import Action, Status, allows
from tokens.queries.estimates import estimate_in_queue
from tokens.queries.locked import seated
from tokens.queries.queue import tokens_of


def call(ledger: Ledger, *, token: Token) -> None:
    """Call this patient in, whatever their position. The token keeps its last estimate."""
    estimate = None
    if allows(action=Action.CALL, status=token.status):
        estimate = estimate_in_queue(token=token, slot=ledger.slot, now=ledger.now)
    ledger.move(token, Action.CALL, last_estimate=estimate, called_at=ledger.now, times_called=token.times_called + 1)
    if ledger.slot.first_called_at is None:
        ledger.change_slot(first_called_at=ledger.now)


def call_next(ledger: Ledger, first_here: Found, *, complete_current: bool) -> Token:
    """Call the first CHECKED_IN patient of the queue; if there is none, raise QueueEmpty and change nothing."""
    if not first_here:
        raise QueueEmpty
    [token] = seated(first_here, {ledger.slot.id: ledger.slot})
    if complete_current:
        _complete_current(ledger)
    call(ledger, token=token)
    return token


def recall(ledger: Ledger, *, token: Token) -> None:
    """Call a called patient once more."""
    ledger.move(token, Action.RECALL, times_called=token.times_called + 1)


def start(ledger: Ledger, *, token: Token, complete_current: bool) -> None:
    """Start the consultation; raise RoomOccupied if another one is running and `complete_current` is false."""
    if not allows(action=Action.START, status=token.status):
        raise InvalidTransition(current_status=token.status, action=Action.START.value)
    if ledger.slot.room_since is not None:
        if not complete_current:
            raise RoomOccupied
        _complete_current(ledger)
    ledger.move(token, Action.START, actual_time=ledger.now, arrived_at=token.arrived_at or ledger.now)
    ledger.change_slot(room_since=ledger.now)


def complete(ledger: Ledger, *, token: Token) -> None:
    """End the consultation and free the room."""
    ledger.move(token, Action.COMPLETE, completed_at=ledger.now)
    ledger.change_slot(room_since=None)


def requeue(ledger: Ledger, *, token: Token) -> None:
    """Put a called patient who did not appear back into the queue, at the old priority."""
    ledger.move(token, Action.REQUEUE, last_estimate=None)


def _complete_current(ledger: Ledger) -> None:
    for token in tokens_of(slot=ledger.slot).filter(status=Status.IN_CONSULTATION):
        complete(ledger, token=token)

"""Undoing the last action on a token: an event of its own gives the token the values that it had before."""

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Any

from clinics.models import SlotStatus
from core.errors import PermissionDenied
from events.models import Event
from tokens.audit.replay import TokenThen, token_then
from tokens.engine.ledger import Ledger
from tokens.errors import UndoImpossible
from tokens.models import Token
from tokens.policy.lifecycle import LIVE, UNDOABLE_EVENTS, UNDONE, Status
from tokens.policy.ordering import RETURN_BAND
from tokens.policy.priority import Category
from tokens.queries.locked import live_tokens
from tokens.queries.queue import tokens_of

CALLED = "token.called"
TAKES_SEAT = (
    "token.booked", "token.held", "token.promoted", "token.emergency_admitted", "token.moved", UNDONE,
)  # fmt: skip
RESTORED = (
    "status", "arrived_at", "called_at", "times_called", "skips", "room", "room_name", "actual_time", "completed_at",
    "returns_by", "expires_at", "grace_expires_at", "last_estimate", "place",
)  # fmt: skip


def undo(ledger: Ledger, *, token: Token, may_undo: Collection[str]) -> None:
    """Undo the last action on a token; `may_undo`: the types of the events that the caller may undo.

    Raise PermissionDenied for an action that the caller may not perform, and UndoImpossible if there is nothing to
    undo, it is too late, or the room, the seat or the patient's place with that doctor is taken.
    """
    of_token = Event.objects.filter(facility_id=token.facility_id, token_id=token.id, type__startswith="token.")
    history = list(of_token.exclude(type="token.moved_out").order_by("seq"))
    earlier, last = history[:-1], history[-1]
    before = token_then(earlier)
    if last.type not in UNDOABLE_EVENTS or before is None:
        raise UndoImpossible("There is nothing to undo.")
    if last.type not in may_undo:
        raise PermissionDenied
    if token.undo_until is None or ledger.now > token.undo_until:
        raise UndoImpossible("It is too late.")
    _refuse_in_ended_slot(ledger, before)
    _refuse_taken_room(ledger, token, before)
    _refuse_taken_seat(ledger, token, before, last)
    data: dict[str, Any] = {}
    if last.type == CALLED and ledger.slot.first_called_at == last.at:
        first = _first_call_without(ledger, last)
        data["first_called_at"] = None if first is None else first.isoformat()
        ledger.change_slot(first_called_at=first)
    former = {name: getattr(before, name) for name in RESTORED}
    ledger.restore(
        token,
        undone=last,
        data=data,
        due_at=_due_at(before, earlier),
        placed_by_request=_is_placed_by_request(before, earlier),
        **former,
    )


def _refuse_in_ended_slot(ledger: Ledger, before: TokenThen) -> None:
    slot = ledger.slot
    if before.status in LIVE and (slot.status == SlotStatus.CANCELLED or slot.finished_at is not None):
        raise UndoImpossible("The slot has ended.")


def _refuse_taken_room(ledger: Ledger, token: Token, before: TokenThen) -> None:
    if before.room is not None and before.room not in ledger.slot.rooms:
        raise UndoImpossible("The slot no longer has this room.")
    if before.status == Status.IN_CONSULTATION:
        inside = tokens_of(slot=ledger.slot).filter(status=Status.IN_CONSULTATION, room=before.room)
        if inside.exclude(id=token.id).exists():
            raise UndoImpossible("Another patient is in the room.")


def _refuse_taken_seat(ledger: Ledger, token: Token, before: TokenThen, last: Event) -> None:
    """Refuse to take back a seat that was freed and has been taken, or that somebody was promoted to."""
    if token.status != Status.CANCELLED:
        return
    slot = ledger.slot
    later = Event.objects.filter(facility_id=slot.facility_id, slot_id=slot.id, number__gt=last.number)
    if later.filter(at=last.at, type="token.promoted").exists():
        raise UndoImpossible("Somebody was promoted to the seat.")
    # While emergencies hold more seats than there are, a freed seat may be nobody's.
    is_taken = slot.regular_seats >= slot.max_capacity or (
        not ledger.has_free_seat and later.filter(type__in=TAKES_SEAT).exists()
    )
    if token.category != Category.EMERGENCY and is_taken:
        raise UndoImpossible("The seat is taken.")
    if before.status in LIVE and live_tokens(slot=slot, patient_ids=[token.patient_id]):
        raise UndoImpossible("The patient holds another token with this doctor on this day.")


def _first_call_without(ledger: Ledger, undone: Event) -> datetime | None:
    """Return when the first patient of the slot was called, apart from this call and others that were undone."""
    of_slot = Event.objects.filter(facility_id=ledger.slot.facility_id, slot_id=ledger.slot.id)
    calls = of_slot.filter(type=CALLED, number__gt=undone.number).order_by("number").values_list("id", "at")
    taken_back = set(of_slot.filter(type=UNDONE).values_list("data__event", flat=True))
    return next((at for event_id, at in calls if str(event_id) not in taken_back), None)


def _due_at(before: TokenThen, earlier: Sequence[Event]) -> datetime | None:
    """Return when the hold or the buffer ends that the token had."""
    if before.status == Status.BUFFER:
        return datetime.fromisoformat(earlier[-1].data["kept_until"])
    return before.expires_at if before.status == Status.PENDING else None


def _is_placed_by_request(before: TokenThen, earlier: Sequence[Event]) -> bool:
    if before.place is None or before.place[1] == RETURN_BAND:
        return False
    return next(event.type for event in reversed(earlier) if "place" in event.data) == "token.moved"

"""The doctor's session in a slot: arriving, pausing, finishing, and opening a closed slot again."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from uuid import UUID

from clinics.errors import DoctorInactive
from clinics.models import Slot, SlotStatus
from core.errors import ValidationFailed
from events.models import Event
from tokens.engine.ledger import Ledger, write_all
from tokens.errors import InvalidTransition, RoomOccupied, SlotNotOpen, UndoImpossible
from tokens.models import IS_LIVE, Token
from tokens.operations.booking import leave_waiting_list
from tokens.operations.expiring import expire_waiting
from tokens.operations.moving import take_over
from tokens.policy.lifecycle import MOVE_TO, QUEUED, Action, Status
from tokens.queries.estimates import estimate_at
from tokens.queries.locked import live_tokens
from tokens.queries.queue import tokens_of
from waitlist.order import waiting_in

CLOSING = ("slot.closed", "slot.finished")
"""The types of the events that close a slot."""


@dataclass(frozen=True, slots=True)
class Finished:
    """A finished slot, and its tokens that ended or were carried over, in the order of the queue."""

    slot: Slot
    no_shows: list[Token]
    carried_over: list[Token]
    not_seen: list[Token]


def begin(ledger: Ledger) -> None:
    """Record that the doctor has arrived; raise InvalidTransition if that is recorded, or the slot has ended."""
    slot = ledger.slot
    _refuse(slot, "begin", unless=_runs(slot) and slot.began_at is None)
    ledger.change_slot(began_at=ledger.now)
    ledger.note("slot.began")


def pause(ledger: Ledger, *, minutes: int | None, reason: str) -> None:
    """Call no patients until the doctor resumes, which is expected in `minutes` if given.

    Raise InvalidTransition if the slot is paused or has ended.
    """
    slot = ledger.slot
    _refuse(slot, "pause", unless=_runs(slot) and slot.paused_since is None)
    until = None if minutes is None else ledger.now + timedelta(minutes=minutes)
    ledger.change_slot(paused_since=ledger.now, paused_until=until, pause_reason=reason)
    ledger.note("slot.paused", paused_until=None if until is None else until.isoformat())


def resume(ledger: Ledger) -> None:
    """Call patients again; raise InvalidTransition if the slot is not paused."""
    slot = ledger.slot
    _refuse(slot, "resume", unless=slot.paused_since is not None)
    ledger.change_slot(paused_since=None, paused_until=None, pause_reason="")
    ledger.note("slot.resumed")


def finish(ledger: Ledger, *, carry_over_to: Ledger | None = None) -> Finished:
    """End the session: close the slot, end its tokens and its waiting list.

    Patients who did not come become NO_SHOW without grace. Patients who are here move, in the order of the queue, to
    the slot of `carry_over_to` while it has seats; the others become NOT_SEEN. Holds, graces and buffers end. Raise
    InvalidTransition for a slot that is finished or cancelled, RoomOccupied while a patient is called or in
    consultation, SlotNotOpen and DoctorInactive for the other slot.
    """
    slot = ledger.slot
    _refuse(slot, "finish", unless=_runs(slot))
    if carry_over_to is not None:
        _check_takes_over(carry_over_to, slot)
    live = tokens_of(slot=slot).filter(IS_LIVE).select_related("patient")
    tokens = list(live) if slot.current_capacity else []
    if any(token.status in (Status.CALLED, Status.IN_CONSULTATION) for token in tokens):
        raise RoomOccupied("A patient is called or in consultation.")
    tokens.sort(key=lambda token: token.order_key)
    estimates = _estimates(ledger, tokens)
    carried_over = [] if carry_over_to is None else _carry_over(ledger, carry_over_to, tokens)
    no_shows, not_seen = [], []
    for token in (token for token in tokens if token.slot_id == slot.id):
        estimate = estimates.get(token.id, token.last_estimate)
        if token.status == Status.PENDING:
            ledger.move(token, Action.EXPIRE, due_at=None)
        elif token.status == Status.NO_SHOW:
            ledger.move(token, Action.END_GRACE, due_at=None)
        elif token.status == Status.CONFIRMED:
            ledger.move(token, Action.END_ABSENT, last_estimate=estimate, grace_expires_at=None)
            no_shows.append(token)
        else:
            ledger.move(token, Action.END_UNSEEN, last_estimate=estimate, returns_by=None)
            not_seen.append(token)
    _release_buffers(ledger)
    expired = expire_waiting(ledger) if slot.waiting_count else 0
    ledger.change_slot(
        status=SlotStatus.CLOSED, finished_at=ledger.now, paused_since=None, paused_until=None, pause_reason=""
    )
    ledger.note(
        "slot.finished", no_shows=len(no_shows), carried_over=len(carried_over), not_seen=len(not_seen), expired=expired
    )
    return Finished(slot, no_shows, carried_over, not_seen)


def _check_takes_over(target: Ledger, slot: Slot) -> None:
    if target.slot.id == slot.id or target.slot.local_date != slot.local_date:
        raise ValidationFailed.of("carry_over_to", "invalid", "Name another slot of the same local day.")
    if not target.slot.is_bookable(now=target.now):
        raise SlotNotOpen
    if not target.slot.doctor.is_active:
        raise DoctorInactive


def _carry_over(source: Ledger, target: Ledger, tokens: Sequence[Token]) -> list[Token]:
    """Move the patients who are here to the other slot while it has seats; return their tokens.

    A patient who holds a live token with the doctor of the other slot on that day stays.
    """
    here = [token for token in tokens if token.status in (Status.CHECKED_IN, Status.STEPPED_OUT)]
    held: set[UUID] = set()
    if target.slot.doctor_id != source.slot.doctor_id and here:
        held = {
            token.patient_id
            for token in live_tokens(slot=target.slot, patient_ids=[token.patient_id for token in here])
        }
    waiting = set(waiting_in(slot=target.slot).values_list("patient_id", flat=True)) if here else set()
    carried = []
    for token in here:
        if not target.has_free_seat:
            break
        if token.patient_id in held:
            continue
        if token.patient_id in waiting:
            leave_waiting_list(target, token.patient)
        if token.status == Status.STEPPED_OUT:
            source.move(token, Action.STEP_IN, last_estimate=None, returns_by=None)
        take_over(source, target, token=token, action=MOVE_TO[Status.CHECKED_IN], data={})
        write_all([source, target])
        carried.append(token)
    return carried


def reopen(ledger: Ledger) -> None:
    """Take back that the slot was closed or finished; what ended with it stays ended.

    Raise InvalidTransition for a slot that is not closed, UndoImpossible after the facility's `undo_seconds`.
    """
    slot = ledger.slot
    _refuse(slot, "reopen", unless=slot.status == SlotStatus.CLOSED)
    closed = Event.objects.filter(facility_id=slot.facility_id, slot_id=slot.id, type__in=CLOSING).order_by("-number")
    closed_at = closed.values_list("at", flat=True).first()
    if closed_at is None or ledger.now > closed_at + timedelta(seconds=ledger.rules.undo_seconds):
        raise UndoImpossible
    ledger.change_slot(
        status=SlotStatus.DELAYED if slot.delay_minutes else SlotStatus.ACTIVE,
        finished_at=None,
    )
    ledger.note("slot.reopened")


def _runs(slot: Slot) -> bool:
    return slot.status != SlotStatus.CANCELLED and slot.finished_at is None


def _refuse(slot: Slot, action: str, *, unless: bool) -> None:
    if not unless:
        raise InvalidTransition(current_status=slot.status, action=action)


def _estimates(ledger: Ledger, tokens: Sequence[Token]) -> dict[object, object]:
    """Return the estimates of those tokens, sorted in the order of the queue, that are in the queue."""
    queue = (token for token in tokens if token.status in QUEUED)
    return {
        token.id: estimate_at(slot=ledger.slot, position=place, now=ledger.now)
        for place, token in enumerate(queue, start=1)
    }


def _release_buffers(ledger: Ledger) -> None:
    slot = ledger.slot
    if slot.next_due_at is not None:
        for token in tokens_of(slot=slot).filter(status=Status.BUFFER).order_by("due_at", "id"):
            ledger.move(token, Action.RELEASE_BUFFER, due_at=None)

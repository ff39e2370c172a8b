"""Promotion from the waiting list, in the transaction that freed the seat."""

from typing import Any

from clinics.errors import DoctorInactive
from patients.errors import PatientInactive
from tokens.engine.ledger import Ledger
from tokens.errors import DuplicateBooking, InvalidTransition, SlotFull, SlotNotOpen
from tokens.models import Token
from tokens.policy.lifecycle import Action, Status
from tokens.policy.priority import BASE, Category, Priority
from tokens.queries.locked import live_tokens
from tokens.queries.queue import tokens_of
from waitlist.models import EntryStatus, WaitlistEntry
from waitlist.order import next_in_line


def promote(ledger: Ledger) -> list[Token]:
    """Give the free seats of a bookable slot to its best entries, until the slot is full or the list is empty.

    Nobody is promoted while the slot's doctor is inactive.

    Withdraw an entry whose patient now holds a live token with that doctor on that day, and take the next one.
    """
    slot = ledger.slot
    promoted: list[Token] = []
    while takes_waiting(ledger) and ledger.has_free_seat:
        ledger.write()
        best = next_in_line(slot=slot, seats=slot.available_capacity)
        if not best:
            break
        held = live_tokens(slot=slot, patient_ids=[entry.patient_id for entry in best])
        placed = {token.patient_id for token in held}
        ledger.settle_entries((entry for entry in best if entry.patient_id in placed), to=EntryStatus.WITHDRAWN)
        for entry in best:
            if entry.patient_id not in placed:
                promoted.append(_seat(ledger, entry))
    return promoted


def takes_waiting(ledger: Ledger) -> bool:
    """Return whether a free seat of the slot goes to its waiting list."""
    slot = ledger.slot
    return slot.waiting_count > 0 and slot.doctor.is_active and slot.is_bookable(now=ledger.now)


def seat(ledger: Ledger, *, entry: WaitlistEntry, reason: str) -> None:
    """Give the seat that a BUFFER keeps, or a free one, to this entry out of order.

    Raise InvalidTransition for an entry that is not WAITING, SlotNotOpen, DoctorInactive, PatientInactive, SlotFull if
    there is no such seat, and DuplicateBooking if the patient holds a live token with that doctor on that day.
    """
    slot = ledger.slot
    if entry.status != EntryStatus.WAITING:
        raise InvalidTransition(current_status=entry.status, action="seat")
    if not slot.is_bookable(now=ledger.now):
        raise SlotNotOpen
    if not slot.doctor.is_active:
        raise DoctorInactive
    if not entry.patient.is_active:
        raise PatientInactive
    if live_tokens(slot=slot, patient_ids=[entry.patient_id]):
        raise DuplicateBooking
    if not ledger.has_free_seat and not release_kept_seat(ledger):
        raise SlotFull
    entry.seat_reason = reason
    _seat(ledger, entry, out_of_order=True)


def release_kept_seat(ledger: Ledger) -> bool:
    """Release the seat that the oldest BUFFER keeps in a full slot; return whether that freed a seat.

    Emergencies may have taken the slot over its maximum: then releasing a BUFFER frees no seat, and none is released.
    """
    slot = ledger.slot
    if slot.current_capacity > slot.max_capacity or slot.next_due_at is None:
        return False
    ledger.write()
    kept = tokens_of(slot=slot).filter(status=Status.BUFFER).order_by("due_at", "id").first()
    if kept is None:
        return False
    ledger.move(kept, Action.RELEASE_BUFFER, due_at=None)
    return True


def _seat(ledger: Ledger, entry: WaitlistEntry, **data: Any) -> Token:
    category = Category(entry.category)
    token = ledger.issue(
        action=Action.PROMOTE,
        patient=entry.patient,
        category=category,
        priority=Priority(BASE[category], entry.time_bonus, entry.care_bonus),
        arrival=entry.arrival,
    )
    ledger.settle_entries([entry], to=EntryStatus.PROMOTED, token_id=token.id, **data)
    ledger.promoted.add(entry.patient_id)
    return token

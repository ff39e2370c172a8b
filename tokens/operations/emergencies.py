"""Admission and triage of emergencies. An emergency always gets a seat, ahead of the queue."""

from dataclasses import dataclass
from uuid import UUID

from clinics.models import SlotStatus
from core.db.sql import Found, Rows, Statement
from core.errors import Merged, NotFound
from patients.models import Patient
from tokens.engine.ledger import Ledger
from tokens.errors import DuplicateBooking, InvalidTransition, SlotNotOpen
from tokens.models import Token
from tokens.policy.lifecycle import QUEUED, Action, Status
from tokens.policy.priority import BASE, NO_BONUS, Category, Priority
from tokens.queries.locked import IS_LIVE
from tokens.queries.queue import position_of, tokens_of
from waitlist.models import EntryStatus
from waitlist.order import waiting_in

_patients, _tokens = Rows(Patient), Rows(Token)

EMERGENCY_PRIORITY = Priority(BASE[Category.EMERGENCY], NO_BONUS, NO_BONUS)


@dataclass(frozen=True, slots=True)
class Admission:
    """The emergency's token, and its earlier position if the patient was already in the queue."""

    token: Token
    is_new: bool
    previous_position: int | None


def emergency_queries(*, facility_id: UUID, patient_id: UUID) -> list[Statement]:
    """Return the queries that an admission needs as soon as the slot is locked: the patient, and their live tokens."""
    return [
        _patients.selecting("row.facility_id = %s AND row.id = %s FOR KEY SHARE", [facility_id, patient_id]),
        _tokens.selecting(f"row.facility_id = %s AND row.patient_id = %s AND {IS_LIVE}", [facility_id, patient_id]),
    ]


def admit(ledger: Ledger, patients: Found, tokens: Found, *, acuity: int | None, reason: str) -> Admission:
    """Admit an emergency, or turn the patient's token in the slot's queue into one.

    `patients` and `tokens` are the results of `emergency_queries`. Raise NotFound if the patient does not exist;
    ValidationFailed if the facility requires a reason and there is none;
    SlotNotOpen for a cancelled or finished slot, or one that is over and whose queue is empty; DuplicateBooking if the
    patient holds another live token with that doctor on that day.
    """
    slot = ledger.slot
    if not patients:
        raise NotFound
    patient = _patients.take(patients[0])
    if patient.merged_into_id is not None:
        raise Merged(into=str(patient.merged_into_id))
    ledger.rules.check_emergency_reason(reason)
    if not takes_emergencies(ledger):
        raise SlotNotOpen
    if slot.waiting_count:
        ledger.settle_entries(waiting_in(slot=slot).filter(patient_id=patient.id), to=EntryStatus.WITHDRAWN)
    today = (slot.doctor_id, slot.local_date)
    held = next((token for token in map(_tokens.take, tokens) if (token.doctor_id, token.local_date) == today), None)
    if held is None:
        token = ledger.issue(
            action=Action.ADMIT_EMERGENCY,
            patient=patient,
            category=Category.EMERGENCY,
            priority=EMERGENCY_PRIORITY,
            arrival=ledger.next_arrival(),
            acuity=acuity,
            arrived_at=ledger.now,
            emergency_reason=reason,
        )
        return Admission(token, is_new=True, previous_position=None)
    if held.slot_id != slot.id or held.status not in QUEUED:
        raise DuplicateBooking
    previous = position_of(token=held)
    changes = {
        "category": Category.EMERGENCY,
        "priority": EMERGENCY_PRIORITY.value,
        "acuity": acuity,
        "arrival": ledger.next_arrival(),
    }
    ledger.move(
        held,
        Action.BECOME_EMERGENCY,
        data={**changes, "priority": str(EMERGENCY_PRIORITY.value)},
        **changes,
        time_bonus=NO_BONUS,
        care_bonus=NO_BONUS,
        arrived_at=held.arrived_at or ledger.now,
        place=None,
        expires_at=None,
        due_at=None,
        emergency_reason=reason,
    )
    ledger.needs_position.append(held)
    held.patient = patient
    return Admission(held, is_new=False, previous_position=previous)


def triage(ledger: Ledger, *, token: Token, acuity: int) -> None:
    """Set the acuity of an emergency in the queue."""
    if token.category != Category.EMERGENCY:
        raise InvalidTransition(
            "Only an emergency has an acuity.", current_status=token.status, action=Action.TRIAGE.value
        )
    ledger.move(token, Action.TRIAGE, data={"acuity": acuity}, acuity=acuity, place=None)


def takes_emergencies(ledger: Ledger) -> bool:
    """Return whether the slot takes emergencies: it is not cancelled, and not over with an empty queue."""
    slot = ledger.slot
    if slot.status == SlotStatus.CANCELLED or slot.finished_at is not None:
        return False
    if ledger.now < slot.delayed_end or slot.queue_length > 0:
        return True
    return tokens_of(slot=slot).filter(status__in=[Status.CALLED, Status.IN_CONSULTATION]).exists()

"""Booking a seat, or joining the waiting list of a full slot."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from uuid import UUID

from clinics.errors import DoctorInactive
from core.db.sql import Found, Rows, Statement
from core.errors import EngineError, NotFound
from patients.errors import PatientInactive
from patients.models import Patient
from tokens import rules
from tokens.engine.ledger import Ledger
from tokens.engine.locate import facility_of_slot
from tokens.errors import DuplicateBooking, SlotFull, SlotNotOpen
from tokens.models import Token
from tokens.policy import grace
from tokens.policy.lifecycle import Action, Status
from tokens.policy.priority import Category, Priority, priority_of
from tokens.queries.active_bookings import Places, active_bookings_query
from waitlist.models import EntryStatus, WaitlistEntry
from waitlist.order import waiting_in

Booked = Token | WaitlistEntry
_patients = Rows(Patient)


@dataclass(frozen=True, slots=True, kw_only=True)
class BookingRequest:
    """A booking for a slot, and the actor that the log names. `desk`: it may use a seat that a BUFFER keeps."""

    slot_id: UUID
    patient_id: UUID
    category: Category
    actor: str
    hold: bool = False
    arrived: bool = False
    join_waiting_list: bool = True
    desk: bool = False


def book(ledger: Ledger, *, patient: Patient, request: BookingRequest, places: Places) -> Booked:
    """Book a seat, or join the waiting list of a full slot.

    Raise SlotNotOpen, DoctorInactive, DuplicateBooking, or SlotFull if the slot is full and the request does not want
    the waiting list. An error leaves the ledger unchanged, so that other bookings can still use it.
    """
    slot = ledger.slot
    if not slot.is_bookable(now=ledger.now):
        raise SlotNotOpen
    if not slot.doctor.is_active:
        raise DoctorInactive
    priority = priority_of(
        category=request.category,
        requested_at=ledger.now,
        planned_start=slot.start_time,
        born=patient.date_of_birth,
        needs_assistance=patient.needs_assistance,
        local_day=slot.local_date,
    )
    if not ledger.has_free_seat and not (request.desk and _use_kept_seat(ledger, patient, places)):
        return _wait(ledger, patient, request, priority, places)
    if places.waits(patient.id, slot):
        _leave_waiting_list(ledger, patient)
    return _take_seat(ledger, patient, request, priority)


def booking_queries(requests: Sequence[BookingRequest]) -> list[Statement]:
    """Return the queries that these bookings in slots of one facility need as soon as the slots are locked.

    A single booking needs no query for live tokens: the constraint detects a duplicate at no cost. In a batch a broken
    constraint would also undo the other bookings.
    """
    if not requests:
        return []
    patient_ids = [one.patient_id for one in requests]
    queries = [_patients.selecting("row.id = ANY(%s)", [patient_ids])]
    if len(requests) > 1:
        queries.append(
            active_bookings_query(facility_id=facility_of_slot(requests[0].slot_id), patient_ids=patient_ids)
        )
    return queries


def book_all(
    ledgers: Mapping[UUID, Ledger], *, requests: Sequence[BookingRequest], found: Sequence[Found]
) -> list[Booked | EngineError]:
    """Carry out a batch of bookings in their order; an error of one does not affect the others.

    `found`: the results of `booking_queries`.
    """
    alone = len(requests) == 1
    patients = {patient.id: patient for patient in map(_patients.take, found[0])}
    places = Places(
        slots=[ledger.slot for ledger in ledgers.values()], patient_ids=patients, held=None if alone else found[1]
    )
    results: list[Booked | EngineError] = []
    for one in requests:
        ledger = ledgers[one.slot_id]
        ledger.actor = one.actor
        try:
            patient = patients.get(one.patient_id)
            if patient is None:
                raise NotFound
            if not patient.is_active:
                raise PatientInactive
            if not alone and places.holds(patient.id, ledger.slot):
                raise DuplicateBooking
            result = book(ledger, patient=patient, request=one, places=places)
        except EngineError as refusal:
            results.append(refusal)
            continue
        if not alone:
            note = places.note_held if isinstance(result, Token) else places.note_waits
            note(patient.id, ledger.slot)
        results.append(result)
    return results


def _take_seat(ledger: Ledger, patient: Patient, request: BookingRequest, priority: Priority) -> Token:
    arrival = ledger.next_arrival()
    if request.hold:
        ends = grace.hold_ends(now=ledger.now, hold=rules.current().hold)
        return ledger.issue(
            action=Action.HOLD,
            patient=patient,
            category=request.category,
            priority=priority,
            arrival=arrival,
            expires_at=ends,
            due_at=ends,
        )
    return ledger.issue(
        action=Action.BOOK_ARRIVED if request.arrived else Action.BOOK,
        patient=patient,
        category=request.category,
        priority=priority,
        arrival=arrival,
    )


def _use_kept_seat(ledger: Ledger, patient: Patient, places: Places) -> bool:
    """Release the seat that the oldest BUFFER keeps in a full slot; return whether that freed a seat.

    Emergencies may have taken the slot over its maximum: then releasing a BUFFER frees no seat, and none is released.
    """
    slot = ledger.slot
    if slot.current_capacity > slot.max_capacity or slot.next_due_at is None or places.holds(patient.id, slot):
        return False
    ledger.write()
    kept = (
        Token.objects.filter(facility_id=slot.facility_id, slot_id=slot.id, status=Status.BUFFER)
        .order_by("due_at", "id")
        .first()
    )
    if kept is None:
        return False
    ledger.move(kept, Action.RELEASE_BUFFER, due_at=None)
    return True


def _wait(
    ledger: Ledger, patient: Patient, request: BookingRequest, priority: Priority, places: Places
) -> WaitlistEntry:
    slot = ledger.slot
    if places.holds(patient.id, slot) or places.waits(patient.id, slot):
        raise DuplicateBooking
    if not request.join_waiting_list:
        raise SlotFull
    return ledger.join(
        WaitlistEntry(
            facility_id=slot.facility_id,
            slot=slot,
            doctor_id=slot.doctor_id,
            local_date=slot.local_date,
            patient=patient,
            category=request.category,
            priority=priority.value,
            time_bonus=priority.time_bonus,
            care_bonus=priority.care_bonus,
            arrival=ledger.next_arrival(),
            created_at=ledger.now,
            updated_at=ledger.now,
        )
    )


def _leave_waiting_list(ledger: Ledger, patient: Patient) -> None:
    """Withdraw the patient's waiting-list entry, because the patient gets a seat."""
    ledger.write()
    ledger.settle_entries(waiting_in(slot=ledger.slot).filter(patient_id=patient.id), to=EntryStatus.WITHDRAWN)

"""Booking a seat, or joining the waiting list of a full slot."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any
from uuid import UUID

from clinics.errors import DoctorInactive
from clinics.models import Slot
from core.db.sql import Found, Rows, Statement, ask
from core.errors import EngineError, Merged, NotFound
from patients.errors import PatientInactive
from patients.models import Patient
from tokens.engine.ledger import Ledger
from tokens.engine.locate import facility_of_slot
from tokens.errors import DuplicateBooking, SlotFull, SlotNotOpen
from tokens.models import Token
from tokens.operations.promoting import release_kept_seat
from tokens.policy.lifecycle import Action
from tokens.policy.priority import Category, Priority, priority_of
from tokens.queries.locked import IS_LIVE
from waitlist.models import EntryStatus, WaitlistEntry
from waitlist.order import waiting_in

Booked = Token | WaitlistEntry
_patients = Rows(Patient)
PATIENT_LOCK = "FOR KEY SHARE"
"""The lock of the token's foreign key, taken early: no record is merged into another one during a booking."""


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


HOLDERS = f"""
SELECT row.patient_id, row.doctor_id, row.local_date FROM tokens_token AS row
WHERE row.facility_id = %s AND row.patient_id = ANY(%s) AND {IS_LIVE}
"""
WAITING = """
SELECT patient_id, slot_id FROM waitlist_waitlistentry
WHERE facility_id = %s AND patient_id = ANY(%s) AND slot_id = ANY(%s) AND status = 'WAITING'
"""


def active_bookings_query(*, facility_id: UUID, patient_ids: Collection[UUID]) -> Statement:
    """Return the query for (patient, doctor, local day) of the live tokens that the patients hold in the facility."""
    return Statement(HOLDERS, (facility_id, list(patient_ids)))


class ActiveBookings:
    """The live tokens and waiting-list entries of some patients, read under the slots' locks when first needed.

    `held`: the rows of `active_bookings_query` for these patients, if they have been read already.
    """

    def __init__(self, *, slots: Sequence[Slot], patient_ids: Collection[UUID], held: Found | None) -> None:
        self._slots = slots
        self._patient_ids = list(patient_ids)
        if held is not None:
            self._held = set(held)

    def holds(self, patient_id: UUID, slot: Slot) -> bool:
        """Return whether the patient holds a live token with the slot's doctor on the slot's day, in any slot."""
        return (patient_id, slot.doctor_id, slot.local_date) in self._held

    def waits(self, patient_id: UUID, slot: Slot) -> bool:
        """Return whether the patient is on the slot's waiting list."""
        return slot.waiting_count > 0 and (patient_id, slot.id) in self._waiting

    def note_held(self, patient_id: UUID, slot: Slot) -> None:
        """Record that the patient was issued a token in the slot."""
        self._held.add((patient_id, slot.doctor_id, slot.local_date))

    def note_waits(self, patient_id: UUID, slot: Slot) -> None:
        """Record that the patient joined the slot's waiting list."""
        self._waiting.add((patient_id, slot.id))

    @cached_property
    def _held(self) -> set[Any]:
        [rows] = ask(active_bookings_query(facility_id=self._slots[0].facility_id, patient_ids=self._patient_ids))
        return set(rows)

    @cached_property
    def _waiting(self) -> set[Any]:
        slot_ids = [slot.id for slot in self._slots]
        [rows] = ask(Statement(WAITING, (self._slots[0].facility_id, self._patient_ids, slot_ids)))
        return set(rows)


def book(ledger: Ledger, *, patient: Patient, request: BookingRequest, active: ActiveBookings) -> Booked:
    """Book a seat, or join the waiting list of a full slot.

    Raise ValidationFailed for a tier that the facility does not have, SlotNotOpen, DoctorInactive, DuplicateBooking, or
    SlotFull if the slot is full and the request does not want the waiting list. An error leaves the ledger unchanged,
    so that other bookings can still use it.
    """
    slot = ledger.slot
    ledger.rules.check_category(request.category)
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
    if not ledger.has_free_seat and not (request.desk and use_kept_seat(ledger, patient, active)):
        return _wait(ledger, patient, request, priority, active)
    if active.waits(patient.id, slot):
        leave_waiting_list(ledger, patient)
    return _take_seat(ledger, patient, request, priority)


def booking_queries(requests: Sequence[BookingRequest]) -> list[Statement]:
    """Return the queries that these bookings in slots of one facility need as soon as the slots are locked.

    A single booking needs no query for live tokens: the constraint detects a duplicate at no cost. In a batch a broken
    constraint would also undo the other bookings.
    """
    if not requests:
        return []
    facility_id, patient_ids = facility_of_slot(requests[0].slot_id), [one.patient_id for one in requests]
    of_facility = f"row.facility_id = %s AND row.id = ANY(%s) ORDER BY row.id {PATIENT_LOCK}"
    queries = [_patients.selecting(of_facility, [facility_id, patient_ids])]
    if len(requests) > 1:
        queries.append(active_bookings_query(facility_id=facility_id, patient_ids=patient_ids))
    return queries


def book_all(
    ledgers: Mapping[UUID, Ledger], *, requests: Sequence[BookingRequest], found: Sequence[Found]
) -> list[Booked | EngineError]:
    """Carry out a batch of bookings in their order; an error of one does not affect the others.

    `found`: the results of `booking_queries`.
    """
    alone = len(requests) == 1
    patients = {patient.id: patient for patient in map(_patients.take, found[0])}
    active = ActiveBookings(
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
            if patient.merged_into_id is not None:
                raise Merged(into=str(patient.merged_into_id))
            if not patient.is_active:
                raise PatientInactive
            if not alone and active.holds(patient.id, ledger.slot):
                raise DuplicateBooking
            result = book(ledger, patient=patient, request=one, active=active)
        except EngineError as refusal:
            results.append(refusal)
            continue
        if not alone:
            note = active.note_held if isinstance(result, Token) else active.note_waits
            note(patient.id, ledger.slot)
        results.append(result)
    return results


def _take_seat(ledger: Ledger, patient: Patient, request: BookingRequest, priority: Priority) -> Token:
    arrival = ledger.next_arrival()
    if request.hold:
        ends = ledger.now + ledger.rules.hold
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
        **({"arrived_at": ledger.now} if request.arrived else {}),
    )


def use_kept_seat(ledger: Ledger, patient: Patient, active: ActiveBookings) -> bool:
    """Release a seat that a BUFFER keeps, unless the booking is a duplicate; return whether that freed a seat."""
    return not active.holds(patient.id, ledger.slot) and release_kept_seat(ledger)


def _wait(
    ledger: Ledger, patient: Patient, request: BookingRequest, priority: Priority, active: ActiveBookings
) -> WaitlistEntry:
    slot = ledger.slot
    if active.holds(patient.id, slot) or active.waits(patient.id, slot):
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


def leave_waiting_list(ledger: Ledger, patient: Patient) -> None:
    """Withdraw the patient's waiting-list entry, because the patient gets a seat."""
    ledger.write()
    ledger.settle_entries(waiting_in(slot=ledger.slot).filter(patient_id=patient.id), to=EntryStatus.WITHDRAWN)

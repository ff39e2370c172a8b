"""Builders of doctors, slots, patients and bookings for the race tests, and a consistency check of one slot."""

from datetime import datetime, timedelta
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

from clinics.models import Doctor, Slot
from core import clock
from core.local_time import local_day, zone_info
from events.models import Event
from patients.models import Patient
from tests.factories import DoctorFactory, PatientFactory, ensure_facility
from tokens.models import IS_LIVE, IS_QUEUED, Token
from tokens.operations.booking import BookingRequest
from tokens.operations.slots import SlotPlan
from tokens.policy.lifecycle import holds_seat
from tokens.policy.priority import Category
from tokens.services import TokenAllocationService
from waitlist.models import WaitlistEntry

service = TokenAllocationService()


def a_doctor() -> Doctor:
    ensure_facility()
    return DoctorFactory()


def a_patient() -> Patient:
    return PatientFactory()


def a_slot(doctor: Doctor | None = None, *, capacity: int = 1, start: datetime | None = None) -> Slot:
    """Create a one-hour slot, by default at 10:00 tomorrow, so that later slots fall on the same local day."""
    doctor = doctor or a_doctor()
    start = start or _at_ten_tomorrow(zone_info(doctor.facility.time_zone))
    plan = SlotPlan(start, start + timedelta(hours=1), capacity)
    (slot,) = service.create_slots(
        doctor_id=doctor.id,
        plans=lambda _doctor, _taken: [plan],
        days=lambda zone: {local_day(start, zone)},
        actor="user:planner",
    )
    return slot


def _at_ten_tomorrow(zone: ZoneInfo) -> datetime:
    tomorrow = clock.now().astimezone(zone) + timedelta(days=1)
    return tomorrow.replace(hour=10, minute=0, second=0, microsecond=0)


def book(slot: Slot, patient: Patient | None = None, *, actor: str = "user:desk", **facts: Any) -> Any:
    """Book a seat; return a token or an entry of the waiting list."""
    patient = patient or a_patient()
    facts = {"category": Category.WALKIN, "join_waiting_list": False, **facts}
    return service.book(BookingRequest(slot_id=slot.id, patient_id=patient.id, actor=actor, **facts))


def fresh(token: Token) -> Token:
    return Token.objects.get(id=token.id)


def inconsistencies_of(slot: Slot) -> list[str]:
    """Return each statement of the slot's row or of its events that its tokens contradict."""
    row = Slot.objects.get(id=slot.id)
    tokens = list(Token.objects.filter(slot_id=slot.id))
    seated = [token for token in tokens if holds_seat(status=token.status, in_grace=token.in_grace)]
    waiting = WaitlistEntry.objects.filter(slot_id=slot.id, status="WAITING").count()
    counted = {
        "regular_seats": sum(token.category != "EMERGENCY" for token in seated),
        "emergency_seats": sum(token.category == "EMERGENCY" for token in seated),
        "queue_length": Token.objects.filter(IS_QUEUED, slot_id=slot.id).count(),
        "waiting_count": waiting,
    }
    problems = [
        f"{name} is {getattr(row, name)}, not {actual}"
        for name, actual in counted.items()
        if getattr(row, name) != actual
    ]
    if counted["regular_seats"] > row.max_capacity:
        problems.append("oversold")
    if waiting and row.is_bookable(now=clock.now()) and len(seated) < row.max_capacity:
        problems.append("an entry is waiting while a seat is free")
    return problems + [problem for token in tokens for problem in _history_problems(token)]


def _history_problems(token: Token) -> list[str]:
    at: str | None = None
    problems = []
    for event in Event.objects.filter(token_id=token.id, data__has_key="to").order_by("seq"):
        if event.data["from"] != at:
            problems.append(f"{event.type} from {event.data['from']}, though the token was {at}")
        at = event.data["to"]
    return problems if at == token.status else [*problems, f"{token.status} without an event"]


def live_tokens(patient: Patient) -> int:
    return Token.objects.filter(IS_LIVE, patient=patient).count()


def events_of(slot_id: UUID, kind: str) -> int:
    return Event.objects.filter(slot_id=slot_id, type=kind).count()

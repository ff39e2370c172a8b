"""The builders of facilities, doctors, patients, slots and tokens for tests that bypass the API.

`a_slot` and `book` go through the service, so their events and counters are true. `stored_slot` and `stored_token`
insert rows directly: fast, in any state, and without events. Tests over HTTP use tests.support.hospital.
"""

from datetime import datetime, timedelta
from decimal import Decimal
from itertools import count
from typing import Any

import factory
from django.conf import settings
from factory.django import DjangoModelFactory

from accounts.models import User
from clinics.doctors import create_doctor
from clinics.models import Doctor, Facility, Slot
from core import clock
from core.local_time import local_day, zone_info
from patients.identity import name_key, phone_key
from patients.models import Patient
from tokens.engine.locate import facility_of_slot
from tokens.models import Token
from tokens.operations.booking import BookingRequest
from tokens.operations.slots import SlotPlan
from tokens.policy.priority import Category
from tokens.services import TokenAllocationService
from waitlist.models import WaitlistEntry


def ensure_facility() -> Facility:
    """Return the default facility; create it if a test has emptied the database."""
    facility = Facility.objects.order_by("id").first()
    if facility is None:
        zone = getattr(settings, "OPD_TIME_ZONE", "Asia/Kolkata")
        facility = Facility.objects.create(name=settings.OPD_FACILITY_NAME, code="OPD", time_zone=zone)
    return facility


def first_admin(password: str, username: str = "contract-admin") -> User:
    """Create an ADMIN as `manage.py createsuperuser` does."""
    return User.objects.create_superuser(username, "contract-admin@example.org", password)


def letters(number: int) -> str:
    """Return unused ticket letters: AA, AB, ... (at most four)."""
    text = ""
    for _ in range(4):
        number, digit = divmod(number, 26)
        text = chr(ord("A") + digit) + text
    return text


class DoctorFactory(DjangoModelFactory[Doctor]):
    """A doctor of the default facility."""

    class Meta:
        model = Doctor

    facility: Any = factory.LazyFunction(ensure_facility)
    name: Any = factory.Sequence(lambda n: f"Dr Factory {n}")
    specialization = "General Medicine"
    ticket_letters: Any = factory.Sequence(letters)
    created_at: Any = factory.LazyFunction(clock.now)


class PatientFactory(DjangoModelFactory[Patient]):
    """A patient with a unique name and phone."""

    class Meta:
        model = Patient

    facility: Any = factory.LazyFunction(ensure_facility)
    name: Any = factory.Sequence(lambda n: f"Patient Factory {n}")
    phone: Any = factory.Sequence(lambda n: f"+91800{n:07d}")
    name_key: Any = factory.LazyAttribute(lambda row: name_key(row.name))
    phone_key: Any = factory.LazyAttribute(lambda row: phone_key(row.phone))
    created_at: Any = factory.LazyFunction(clock.now)


_numbers = count(1)


def a_doctor(name: str | None = None, **facts: Any) -> Doctor:
    """Create a doctor through the service, which gives the next free ticket letters."""
    ensure_facility()
    return create_doctor(name=name or f"Dr. {next(_numbers)}", specialization="General Medicine", **facts)


def a_patient(**facts: Any) -> Patient:
    return PatientFactory(**facts)


# Through the service

service = TokenAllocationService()


def a_slot(doctor: Doctor | None = None, *, capacity: int = 1, start: datetime | None = None) -> Slot:
    """Create a one-hour slot, by default at 10:00 tomorrow, so that later slots fall on the same local day."""
    doctor = doctor or a_doctor()
    if start is None:
        tomorrow = clock.now().astimezone(zone_info(doctor.facility.time_zone)) + timedelta(days=1)
        start = tomorrow.replace(hour=10, minute=0, second=0, microsecond=0)
    plan = SlotPlan(start, start + timedelta(hours=1), capacity)
    (slot,) = service.create_slots(
        doctor_id=doctor.id,
        plans=lambda _doctor, _taken: [plan],
        days=lambda zone: {local_day(plan.start_time, zone)},
        actor="user:planner",
    )
    return slot


def book(slot: Slot, patient: Patient | None = None, *, actor: str = "user:desk", **facts: Any) -> Any:
    """Book a seat; return a token or an entry of the waiting list."""
    patient = patient or a_patient()
    facts = {"category": Category.WALKIN, "join_waiting_list": False, **facts}
    return service.book(BookingRequest(slot_id=slot.id, patient_id=patient.id, actor=actor, **facts))


# Rows


def stored_slot(
    *,
    doctor: Doctor | None = None,
    start: datetime | None = None,
    minutes: int = 60,
    capacity: int | None = None,
    queue: int = 0,
    waiting: int = 0,
    queue_status: str = "CONFIRMED",
    **facts: Any,
) -> Slot:
    """Insert a slot, by default starting now, with `queue` tokens, which fill it by default, and `waiting` entries."""
    doctor = doctor or a_doctor()
    start = start or clock.now()
    row: dict[str, Any] = {
        "facility": doctor.facility,
        "doctor": doctor,
        "local_date": local_day(start, doctor.facility.time_zone),
        "start_time": start,
        "end_time": start + timedelta(minutes=minutes),
        "max_capacity": capacity or queue or 5,
        "consultation_minutes": 10,
        "ticket_prefix": f"T{next(_numbers)}",
        "created_at": clock.now(),
        "last_ticket": queue,
        "last_arrival": queue + waiting,
        "regular_seats": queue,
        "queue_length": queue,
        "waiting_count": waiting,
    }
    slot = Slot.objects.create(**{**row, **facts})
    patients = Patient.objects.bulk_create(PatientFactory.build_batch(queue + waiting))
    Token.objects.bulk_create(
        Token(**_place_in(slot, patient, n), ticket=f"{slot.ticket_prefix}-{n:03d}", status=queue_status)
        for n, patient in enumerate(patients[:queue], start=1)
    )
    WaitlistEntry.objects.bulk_create(
        WaitlistEntry(**_place_in(slot, patient, n)) for n, patient in enumerate(patients[queue:], start=queue + 1)
    )
    facility_of_slot(slot.id)  # asked once for each slot and process; what is counted comes after that
    return slot


def stored_token(slot: Slot, *, patient: Patient | None = None, status: str = "CONFIRMED", **facts: Any) -> Token:
    """Insert a token without changing the slot's counters."""
    number = next(_numbers)
    row = _place_in(slot, patient or a_patient(), number)
    if facts.get("category") == Category.EMERGENCY:
        row["priority"] = Decimal("1.00")
    return Token.objects.create(**row | {"ticket": f"{slot.ticket_prefix}-{number:03d}", "status": status, **facts})


def _place_in(slot: Slot, patient: Patient, arrival: int) -> dict[str, Any]:
    """Return the fields of a token or an entry of a WALKIN who arrived at this place."""
    return {
        "facility_id": slot.facility_id,
        "slot": slot,
        "doctor_id": slot.doctor_id,
        "local_date": slot.local_date,
        "patient": patient,
        "category": "WALKIN",
        "priority": Decimal("5.00"),
        "time_bonus": Decimal("0.00"),
        "care_bonus": Decimal("0.00"),
        "arrival": arrival,
        "created_at": clock.now(),
        "updated_at": clock.now(),
    }

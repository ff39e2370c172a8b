"""Builders that insert rows directly, for tests of code that only reads them."""

from datetime import datetime, timedelta
from decimal import Decimal
from itertools import count
from typing import Any

from clinics.doctors import create_doctor
from clinics.models import Doctor, Slot
from core import clock
from core.local_time import local_day
from patients.models import Patient
from patients.services import register_patient
from tokens.models import Token

_numbers = count(1)


def a_doctor(name: str | None = None, **details: Any) -> Doctor:
    """Create a doctor through the service."""
    return create_doctor(name=name or f"Dr. {next(_numbers)}", specialization="General Medicine", **details)


def a_patient(**details: Any) -> Patient:
    """Create a patient through the service."""
    number = next(_numbers)
    return register_patient(**{"name": f"Patient {number}", "phone": f"+91{number:010d}", **details})


def a_slot(*, doctor: Doctor | None = None, start: datetime | None = None, minutes: int = 60, **facts: Any) -> Slot:
    """Insert a slot, by default starting now."""
    doctor = doctor or a_doctor()
    facility = doctor.facility
    start = start or clock.now()
    row: dict[str, Any] = {
        "facility": facility,
        "doctor": doctor,
        "local_date": local_day(start, facility.time_zone),
        "start_time": start,
        "end_time": start + timedelta(minutes=minutes),
        "max_capacity": 5,
        "consultation_minutes": 10,
        "ticket_prefix": f"T{next(_numbers)}",
        "created_at": clock.now(),
    }
    return Slot.objects.create(**{**row, **facts})


def a_token(slot: Slot, *, patient: Patient | None = None, status: str = "CONFIRMED", **facts: Any) -> Token:
    """Insert a token without changing the slot's counters."""
    category = facts.pop("category", "WALKIN")
    number = next(_numbers)
    row: dict[str, Any] = {
        "facility_id": slot.facility_id,
        "slot": slot,
        "doctor_id": slot.doctor_id,
        "local_date": slot.local_date,
        "patient": patient or a_patient(),
        "ticket": f"{slot.ticket_prefix}-{number:03d}",
        "category": category,
        "priority": Decimal("1.00") if category == "EMERGENCY" else Decimal("5.00"),
        "time_bonus": Decimal("0.00"),
        "care_bonus": Decimal("0.00"),
        "arrival": number,
        "status": status,
        "created_at": clock.now(),
        "updated_at": clock.now(),
    }
    return Token.objects.create(**{**row, **facts})

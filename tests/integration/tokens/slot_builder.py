"""Slots with any number of tokens, inserted in a few statements, for tests that count SQL statements."""

from datetime import datetime, timedelta
from decimal import Decimal
from itertools import count

from clinics.models import Doctor, Slot
from core import clock
from core.local_time import local_day
from patients.models import Patient
from tests.factories import DoctorFactory, PatientFactory, ensure_facility
from tokens.engine.locate import facility_of_slot
from tokens.models import Token
from waitlist.models import WaitlistEntry

_prefixes = count(1)


def slot_with(
    *,
    queue: int = 0,
    waiting: int = 0,
    capacity: int | None = None,
    doctor: Doctor | None = None,
    start: datetime | None = None,
    status: str = "CONFIRMED",
) -> Slot:
    """Insert a slot with `queue` queued tokens and `waiting` entries, full unless a capacity is given."""
    facility = ensure_facility()
    doctor = doctor or DoctorFactory()
    start = start or clock.now() + timedelta(hours=3)
    slot = Slot.objects.create(
        facility=facility,
        doctor=doctor,
        local_date=local_day(start, facility.time_zone),
        start_time=start,
        end_time=start + timedelta(hours=1),
        max_capacity=capacity or max(queue, 1),
        consultation_minutes=1,
        ticket_prefix=f"C{next(_prefixes)}",
        created_at=clock.now(),
        last_ticket=queue,
        last_arrival=queue + waiting,
        regular_seats=queue,
        queue_length=queue,
        waiting_count=waiting,
    )
    patients = Patient.objects.bulk_create(PatientFactory.build_batch(queue + waiting))
    common = {
        "facility": facility,
        "slot": slot,
        "doctor": doctor,
        "local_date": slot.local_date,
        "category": "WALKIN",
        "priority": Decimal("4.70"),
        "time_bonus": Decimal("0.30"),
        "care_bonus": Decimal(0),
        "created_at": clock.now(),
        "updated_at": clock.now(),
    }
    Token.objects.bulk_create(
        Token(**common, patient=patient, ticket=f"{slot.ticket_prefix}-{n:03d}", arrival=n, status=status)
        for n, patient in enumerate(patients[:queue], start=1)
    )
    WaitlistEntry.objects.bulk_create(
        WaitlistEntry(**common, patient=patient, arrival=n)
        for n, patient in enumerate(patients[queue:], start=queue + 1)
    )
    facility_of_slot(slot.id)  # asked once for each slot and process; what is counted comes after that
    return slot

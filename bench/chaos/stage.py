"""Doctors, slots, patients and an API key for the clients, created through the engine's services."""

import itertools
import random
import threading
from dataclasses import dataclass, field
from datetime import timedelta
from uuid import UUID

from accounts.auth.api_keys import make_key
from bench.chaos.system import System
from clinics.doctors import create_doctor
from clinics.facilities import default_facility
from clinics.models import Facility
from core import clock
from core.local_time import local_day
from patients.identity import name_key, phone_key
from patients.models import Patient
from tokens.operations.slots import SlotPlan
from tokens.services import TokenAllocationService

_numbers = itertools.count(1)


@dataclass
class Stage:
    """The data of one fault: a few busy slots, and patients of whom each books once."""

    slots: list[str]
    patients: list[str]
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def next_patient(self) -> str | None:
        """Return a patient who has not booked yet; None if there is none left."""
        with self._lock:
            return self.patients.pop() if self.patients else None


def make_authorization(system: System) -> str:
    """Create an API key with the permissions of the desk; return the clients' Authorization header."""
    return "Api-Key " + system.inside(lambda: make_key(name="chaos", scopes=["operate"]))[1]


def make_stage(system: System, *, slots: int = 6, capacity: int = 20, patients: int = 2000) -> Stage:
    """Create slots of several doctors that start in three hours or later, and patients for them.

    There are enough patients for the time in which a server restarts.
    """

    def make() -> Stage:
        made = [slot_id for _ in range((slots + 1) // 2) for slot_id in _slots_of_a_doctor(capacity)][:slots]
        facility = default_facility()
        rows = [_patient(facility) for _ in range(patients)]
        Patient.objects.bulk_create(rows)
        ids = [str(row.id) for row in rows]
        random.Random(7).shuffle(ids)
        return Stage([str(slot_id) for slot_id in made], ids)

    return system.inside(make)


def _slots_of_a_doctor(capacity: int) -> list[UUID]:
    """Create two consecutive slots of a new doctor, so that a delay of the first cascades to the second."""
    doctor = create_doctor(name=f"Dr Chaos {next(_numbers)}", specialization="Emergencies", consultation_minutes=2)
    start, hour = clock.now() + timedelta(hours=3), timedelta(hours=1)
    slots = TokenAllocationService().create_slots(
        doctor_id=doctor.id,
        plans=lambda _doctor, _taken: [SlotPlan(start + n * hour, start + (n + 1) * hour, capacity) for n in (0, 1)],
        days=lambda zone: {local_day(start + n * hour, zone) for n in (0, 1)},
        actor="system:chaos",
    )
    return [slot.id for slot in slots]


def _patient(facility: Facility) -> Patient:
    number = next(_numbers)
    name, phone = f"Chaos {number}", f"+99{number:010d}"
    keys = {"name_key": name_key(name), "phone_key": phone_key(phone)}
    return Patient(facility=facility, name=name, phone=phone, **keys, created_at=clock.now())

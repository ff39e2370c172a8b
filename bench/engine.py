"""The data of the engine under measurement. Django must be set up with bench.settings.

Patients are written by COPY. The engine's own operations create slots, tokens and waiting lists, many in a transaction,
so that every invariant holds.
"""

import itertools
from collections.abc import Callable, Iterable, Sequence
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from bench.target import PASSWORD, USERNAME, Target

BATCH_SIZE = 1_000
ACTOR = "system:bench"
CATEGORIES = ("ONLINE", "WALKIN", "FOLLOWUP", "PRIORITY_PAID")


class Engine(Target):
    """The engine as a target of the benchmark."""

    name = "engine"
    _signed_in = 0

    def prepare(self, *, patients: int) -> None:
        from accounts.access.roles import Role
        from accounts.models import User

        User.objects.create_user(USERNAME, f"{USERNAME}@example.org", PASSWORD, role=Role.FRONT_DESK)
        self.patients = [str(each) for each in _copy_patients(patients)]
        self.sign_in()

    def make_api_key(self) -> str:
        """Create an API key that may do what the desk does; return its Authorization header."""
        from accounts.auth.api_keys import make_key

        return "Api-Key " + make_key(name="bench", scopes=["operate"])[1]

    def sign_in_patients(self, patients: Sequence[str]) -> list[str]:
        """Create a user with an open session for each of these patients; return their Authorization headers."""
        from accounts.access.roles import Role
        from accounts.auth.jwt import AccessToken
        from accounts.models import Session, User
        from core import clock
        from core.ids import new_id

        numbers = range(self._signed_in, self._signed_in + len(patients))
        self._signed_in += len(patients)
        names = [f"patient-{number}" for number in numbers]
        users = [User(username=name, username_key=name, role=Role.PATIENT, password="!") for name in names]
        User.objects.bulk_create(users)
        links = [User.patients.through(user=user, patient_id=each) for user, each in zip(users, patients, strict=True)]
        User.patients.through.objects.bulk_create(links)
        ends = clock.now() + timedelta(hours=1)
        sessions = [Session(user=user, current=new_id(), expires_at=ends) for user in users]
        Session.objects.bulk_create(sessions)
        pairs = zip(users, sessions, strict=True)
        return [f"Bearer {AccessToken.of(user, each, token_id=each.current)}" for user, each in pairs]

    def make_slots(self, *, doctors: int, each: int = 1, capacity: int, start: datetime | None = None) -> list[str]:
        from clinics.doctors import create_doctor
        from tokens.services import SlotPlan, TokenAllocationService

        begin = start or self.tomorrow()
        service, made = TokenAllocationService(), []
        for number in range(doctors):
            doctor = create_doctor(name=f"Dr {number} {begin:%d%H%M}", specialization="General Medicine")
            times = [begin + timedelta(minutes=60 * place) for place in range(each)]
            plans = [SlotPlan(at, at + timedelta(minutes=60), capacity) for at in times]
            made += service.create_slots(
                doctor_id=doctor.id,
                plans=lambda doctor, taken, plans=plans: plans,
                days=_days_of(times),
                actor=ACTOR,
            )
        return [str(slot.id) for slot in made]

    def fill(self, slot: str, patients: Sequence[str], *, arrived: bool = False) -> list[str]:
        """Book these patients, with a place on the waiting list if the slot is full; return the ids of the new rows."""
        from core.errors import EngineError
        from tokens.engine.transaction import on_slots
        from tokens.operations.booking import BookingRequest, book_all, booking_queries
        from tokens.policy.priority import Category

        slot_id, made = UUID(slot), []
        categories = itertools.cycle(Category(name) for name in CATEGORIES)
        for batch in _batches(patients):
            bookings = [
                BookingRequest(
                    slot_id=slot_id,
                    patient_id=UUID(each),
                    category=next(categories),
                    actor=ACTOR,
                    arrived=arrived,
                    desk=True,
                )
                for each in batch
            ]

            def operation(ledgers: Any, found: Any, bookings: list[BookingRequest] = bookings) -> list[Any]:
                return book_all(ledgers, requests=bookings, found=found)

            done = on_slots([slot_id], actor=ACTOR, operation=operation, queries=booking_queries(bookings))
            for booked in done:
                if isinstance(booked, EngineError):
                    raise booked
                made.append(str(booked.id))
        return made

    def seats(self, slot: str) -> tuple[int, int]:
        from clinics.models import Slot

        row = Slot.objects.get(id=slot)
        return row.current_capacity, row.waiting_count


def _days_of(times: list[datetime]) -> Callable[[str], set[Any]]:
    from core.local_time import local_day

    return lambda zone: {local_day(at, zone) for at in times}


def _batches(items: Sequence[str]) -> Iterable[Sequence[str]]:
    for begin in range(0, len(items), BATCH_SIZE):
        yield items[begin : begin + BATCH_SIZE]


def _copy_patients(count: int) -> list[UUID]:
    from django.db import connection

    from clinics.facilities import default_facility
    from core import clock
    from core.ids import new_id
    from patients.identity import name_key, phone_key

    now, ids, facility_id = clock.now(), [new_id() for _ in range(count)], default_facility().pk
    columns = (
        "id, facility_id, name, phone, needs_assistance, name_key, phone_key, namesake, is_active, version, created_at"
    )
    with connection.cursor() as cursor, cursor.copy(f"COPY patients_patient ({columns}) FROM STDIN") as copy:
        for number, patient_id in enumerate(ids):
            name, phone = f"Patient {number}", f"+9198{number:08d}"
            copy.write_row(
                (patient_id, facility_id, name, phone, False, name_key(name), phone_key(phone), 0, True, 1, now)
            )
    return ids

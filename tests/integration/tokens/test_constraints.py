"""Each database constraint refuses a direct write that violates it, and reports its own name."""

from collections.abc import Callable
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.apps import apps
from django.db import DatabaseError, IntegrityError, connection
from django.db.models import F

from clinics.models import Facility, Room, Slot
from core import clock
from core.db.transactions import atomic
from events.models import Event
from tests.factories import DoctorFactory, PatientFactory, ensure_facility, stored_slot
from tokens.errors import ERROR_OF_CONSTRAINT
from tokens.models import Token
from waitlist.models import WaitlistEntry

pytestmark = pytest.mark.django_db

ZERO = Decimal(0)


def refused_by(write: Callable[[], Any]) -> str:
    """Return the name of the constraint that refuses the write."""
    with pytest.raises(IntegrityError) as refusal, atomic():
        write()
    diagnostic = refusal.value.__cause__.diag  # type: ignore[union-attr]
    return str(diagnostic.constraint_name)


@pytest.fixture
def slot() -> Slot:
    """A slot with two seats and one token."""
    return stored_slot(queue=1, capacity=2)


@pytest.fixture
def token(slot: Slot) -> Token:
    return Token.objects.get(slot=slot)


def change(row: Any, **changes: Any) -> Callable[[], Any]:
    return lambda: type(row).objects.filter(pk=row.pk).update(**changes)


def another(token: Token, **facts: Any) -> Callable[[], Any]:
    """Insert a second token in this slot, of another patient, with its own ticket and position."""
    row: dict[str, Any] = {
        "facility_id": token.facility_id,
        "slot_id": token.slot_id,
        "doctor_id": token.doctor_id,
        "local_date": token.local_date,
        "ticket": "OTHER-900",
        "arrival": 900,
        "category": "WALKIN",
        "priority": Decimal("5.00"),
        "time_bonus": ZERO,
        "care_bonus": ZERO,
        "status": "CONFIRMED",
        "created_at": token.created_at,
        "updated_at": token.updated_at,
    }
    row |= facts
    return lambda: Token.objects.create(**{"patient": PatientFactory(), **row})


def waiting(slot: Slot, **facts: Any) -> WaitlistEntry:
    row: dict[str, Any] = {
        "facility_id": slot.facility_id,
        "slot": slot,
        "doctor_id": slot.doctor_id,
        "local_date": slot.local_date,
        "category": "WALKIN",
        "priority": Decimal("5.00"),
        "time_bonus": ZERO,
        "care_bonus": ZERO,
        "arrival": 900,
        "created_at": clock.now(),
        "updated_at": clock.now(),
    }
    row |= facts
    return WaitlistEntry.objects.create(**{"patient": PatientFactory(), **row})


@pytest.mark.parametrize(
    ("name", "change_of_slot"),
    [
        ("slot_never_oversold", {"regular_seats": 3}),
        ("slot_never_oversold", {"regular_seats": 2, "max_capacity": 1}),
        ("slot_counters_not_negative", {"emergency_seats": -1}),
        ("slot_counters_not_negative", {"regular_seats": -1}),
        ("slot_counters_not_negative", {"queue_length": -1}),
        ("slot_counters_not_negative", {"waiting_count": -1}),
        ("slot_capacity_in_range", {"max_capacity": 10_001}),
        ("slot_capacity_in_range", {"max_capacity": 0, "regular_seats": 0}),
        ("slot_ends_after_it_starts", {"end_time": F("start_time")}),
        ("slot_consultation_minutes_positive", {"consultation_minutes": 0}),
    ],
)
def test_a_slots_row(slot: Slot, name: str, change_of_slot: dict[str, Any]) -> None:
    assert refused_by(change(slot, **change_of_slot)) == name


def test_no_two_slots_of_a_day_print_the_same_tickets(slot: Slot) -> None:
    other = stored_slot()
    assert refused_by(change(other, ticket_prefix=slot.ticket_prefix)) == "slot_ticket_prefix_unique"


def test_slots_of_a_doctor_never_overlap(slot: Slot) -> None:
    other = stored_slot(doctor=slot.doctor, start=slot.end_time)
    earlier = {"start_time": slot.end_time - timedelta(minutes=1)}
    assert refused_by(change(other, **earlier)) == "slot_no_overlap"
    Slot.objects.filter(pk=slot.pk).update(status="CANCELLED")
    change(other, **earlier)()  # a cancelled slot occupies no time


def test_emergencies_may_go_over_the_maximum(slot: Slot) -> None:
    change(slot, emergency_seats=5, regular_seats=2)()


@pytest.mark.parametrize(
    ("name", "change_of_token"),
    [
        ("token_tiers_never_cross", {"priority": Decimal("1.00")}),
        ("token_tiers_never_cross", {"category": "EMERGENCY"}),
        ("token_place_behind_emergencies", {"place_priority": Decimal("4.00")}),
        ("token_place_behind_emergencies", {"place_band": 0, "place_arrival": 3}),
        ("token_place_behind_emergencies", {"rank_fraction": 1}),
        ("token_place_behind_emergencies", {"place_priority": 1, "place_band": 5, "place_arrival": 3}),
        ("token_acuity_of_emergencies", {"acuity": 3}),
        ("token_acuity_of_emergencies", {"category": "EMERGENCY", "priority": Decimal("1.00"), "acuity": 6}),
        ("token_acuity_of_emergencies", {"category": "EMERGENCY", "priority": Decimal("1.00"), "acuity": 0}),
    ],
)
def test_a_tokens_row(token: Token, name: str, change_of_token: dict[str, Any]) -> None:
    assert refused_by(change(token, **change_of_token)) == name


def test_a_ticket_is_printed_once_on_a_day(token: Token) -> None:
    elsewhere = stored_slot()
    again = another(token, ticket=token.ticket, slot=elsewhere, doctor_id=elsewhere.doctor_id)
    assert refused_by(again) == "token_ticket_unique"


def test_no_two_requests_of_a_slot_have_the_same_place(token: Token) -> None:
    assert refused_by(another(token, arrival=token.arrival)) == "token_arrival_unique"


def test_no_two_tokens_of_a_slot_are_put_at_one_place(token: Token) -> None:
    place = {"place_priority": Decimal("5.00"), "place_band": 0, "place_arrival": 3, "rank_fraction": Decimal("0.5")}
    change(token, **place)()
    assert refused_by(another(token, **place)) == "token_place_unique"


@pytest.mark.parametrize("status", ["PENDING", "CONFIRMED", "CHECKED_IN", "CALLED", "IN_CONSULTATION"])
def test_a_patient_has_one_live_token_with_a_doctor_on_a_day(token: Token, status: str) -> None:
    assert refused_by(another(token, patient=token.patient, status=status)) == "token_one_live_per_patient"
    change(token, status="CANCELLED")()
    another(token, patient=token.patient, status=status)()


def test_a_missing_patient_is_live_while_the_grace_runs(token: Token) -> None:
    in_grace = another(token, patient=token.patient, status="NO_SHOW", due_at=clock.now())
    assert refused_by(in_grace) == "token_one_live_per_patient"
    another(token, patient=token.patient, status="NO_SHOW", due_at=None)()


def test_a_room_holds_one_patient(token: Token) -> None:
    change(token, status="IN_CONSULTATION")()
    assert refused_by(another(token, status="IN_CONSULTATION")) == "token_one_in_the_room"


def test_a_patient_waits_once_for_a_slot(slot: Slot) -> None:
    entry = waiting(slot)
    assert refused_by(lambda: waiting(slot, patient=entry.patient)) == "waitlist_one_waiting_per_patient"
    change(entry, status="WITHDRAWN")()
    waiting(slot, patient=entry.patient)


def test_a_promoted_entry_names_its_token_and_no_other_does(slot: Slot, token: Token) -> None:
    entry = waiting(slot)
    assert refused_by(change(entry, status="PROMOTED")) == "waitlist_token_only_when_promoted"
    assert refused_by(change(entry, token=token)) == "waitlist_token_only_when_promoted"
    change(entry, status="PROMOTED", token=token)()


def test_two_doctors_never_print_tickets_that_start_alike() -> None:
    one, other = DoctorFactory(), DoctorFactory()
    assert refused_by(change(other, ticket_letters=one.ticket_letters)) == "doctor_ticket_letters_unique"


def test_a_consultation_takes_time() -> None:
    assert refused_by(change(DoctorFactory(), consultation_minutes=0)) == "doctor_consultation_minutes_positive"


def test_a_facility_has_a_code_of_its_own() -> None:
    code = ensure_facility().code
    assert refused_by(lambda: Facility.objects.create(name="x", code=code, time_zone="UTC")).startswith(
        "clinics_facility_code"
    )


def test_a_room_has_a_code_of_its_own() -> None:
    facility = ensure_facility()
    Room.objects.create(facility=facility, name="Room 4", code="R4")
    assert refused_by(lambda: Room.objects.create(facility=facility, name="Other", code="r4")) == "room_code_unique"


# The event log


def an_event(slot: Slot, number: int = 1) -> Event:
    return Event.objects.create(
        facility_id=slot.facility_id,
        slot_id=slot.id,
        number=number,
        type="slot.closed",
        at=clock.now(),
        actor="user:x",
        seq=0,
        hash=b"",
    )


def test_the_events_of_a_slot_are_counted_once(slot: Slot) -> None:
    an_event(slot)
    assert refused_by(lambda: an_event(slot)) == "event_numbered_once"


def test_the_log_can_only_grow(slot: Slot) -> None:
    event = an_event(slot)
    for write in (change(event, actor="user:nobody"), Event.objects.filter(pk=event.pk).delete):
        with pytest.raises(DatabaseError, match="append-only"), atomic():
            write()


def test_the_database_numbers_the_log_whatever_the_writer_says(slot: Slot) -> None:
    first, second = an_event(slot), an_event(slot, 2)
    first.refresh_from_db()
    second.refresh_from_db()
    assert second.seq > first.seq > 0


def test_no_doctor_patient_or_slot_is_deleted_under_a_token(token: Token) -> None:
    for table, row_id in (
        ("clinics_slot", token.slot_id),
        ("clinics_doctor", token.doctor_id),
        ("patients_patient", token.patient_id),
    ):
        with pytest.raises(IntegrityError), atomic():
            delete_now(table, row_id)


def delete_now(table: str, row_id: Any) -> None:
    with connection.cursor() as cursor:
        cursor.execute(f"DELETE FROM {table} WHERE id = %s", [row_id])
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")


# Every constraint


def test_every_named_constraint_has_its_test_here() -> None:
    with open(__file__) as this_file:
        tested = this_file.read()
    named = [
        constraint.name
        for app in ("clinics", "tokens", "waitlist", "events")
        for model in apps.get_app_config(app).get_models()
        for constraint in model._meta.constraints
    ]
    assert len(named) > 15
    assert [name for name in named if f'"{name}"' not in tested] == []


def test_what_a_request_can_break_is_answered_by_name() -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT conname FROM pg_constraint UNION SELECT indexname FROM pg_indexes")
        known = {name for (name,) in cursor.fetchall()}
    assert set(ERROR_OF_CONSTRAINT) <= known

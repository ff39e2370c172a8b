"""Races for the last seat, by one patient at two counters, and for a seat that is freed during a request."""

from typing import Any

import pytest

from clinics.models import Slot
from patients.models import Patient
from tests.races.builders import a_doctor, a_patient, a_slot, book, fresh, inconsistencies_of, live_tokens, service
from tests.races.interleaving import (
    COUNTED,
    NUMBERED_ONCE,
    Overtaking,
    Refusal,
    overtake,
    together,
    without,
    without_locks,
    without_redis_lock,
)
from tests.support.invariants import assert_invariants_hold
from tokens.engine import ledger as ledgers
from tokens.models import Token
from waitlist.models import WaitlistEntry

pytestmark = pytest.mark.django_db(transaction=True)


def codes(outcomes: list[Any]) -> list[str]:
    return sorted(outcome.code for outcome in outcomes if isinstance(outcome, Refusal))


# The last seat


def test_twelve_patients_book_the_last_seat(any_redis: None) -> None:
    slot = a_slot(capacity=1)
    patients = [a_patient() for _ in range(12)]
    outcomes = together([lambda patient=patient: book(slot, patient) for patient in patients])
    assert sum(isinstance(outcome, Token) for outcome in outcomes) == 1
    assert codes(outcomes) == ["slot-full"] * 11
    assert inconsistencies_of(slot) == []


def test_twelve_patients_book_four_seats_and_the_rest_wait_in_order(any_redis: None) -> None:
    slot = a_slot(capacity=4)
    patients = [a_patient() for _ in range(12)]
    outcomes = together([lambda patient=patient: book(slot, patient, join_waiting_list=True) for patient in patients])
    assert sum(isinstance(outcome, Token) for outcome in outcomes) == 4
    assert sum(isinstance(outcome, WaitlistEntry) for outcome in outcomes) == 8
    tickets = sorted(Token.objects.filter(slot=slot).values_list("ticket", flat=True))
    assert [ticket.split("-")[1] for ticket in tickets] == ["001", "002", "003", "004"]
    assert inconsistencies_of(slot) == []
    assert_invariants_hold()


def two_for_one_seat(slot: Slot) -> Overtaking:
    one, other = a_patient(), a_patient()
    return overtake(lambda: book(slot, one), lambda: book(slot, other))


def test_the_second_booking_of_the_last_seat_waits_and_is_refused(any_redis: None) -> None:
    slot = a_slot(capacity=1)
    ended = two_for_one_seat(slot)
    assert not ended.overtook
    assert isinstance(ended.slow, Token)
    assert ended.fast.code == "slot-full"
    assert inconsistencies_of(slot) == []


def test_canary_without_locks_the_database_itself_refuses_the_second() -> None:
    slot = a_slot(capacity=1)
    with without_locks(), without(*NUMBERED_ONCE):
        ended = two_for_one_seat(slot)
        assert ended.overtook
        assert isinstance(ended.fast, Token)
        assert ended.slow.code == "slot-full"  # the CHECK over the counter, not the engine
        assert inconsistencies_of(slot) == []


def test_canary_without_locks_and_constraints_the_seat_is_oversold() -> None:
    slot = a_slot(capacity=1)
    with without_locks(), without(*NUMBERED_ONCE, *COUNTED):
        ended = two_for_one_seat(slot)
        assert ended.overtook
        assert isinstance(ended.slow, Token)
        assert isinstance(ended.fast, Token)
        assert "oversold" in inconsistencies_of(slot)


# One patient, two slots of one doctor's day: no slot lock guards that


def at_two_counters(patient: Patient) -> tuple[list[Any], list[Slot]]:
    doctor = a_doctor()
    first = a_slot(doctor, capacity=5)
    second = a_slot(doctor, capacity=5, start=first.end_time)
    slots = [first, second]
    return together([lambda slot=slots[n % 2]: book(slot, patient) for n in range(8)]), slots


def test_one_patient_books_two_slots_of_a_doctor(any_redis: None) -> None:
    patient = a_patient()
    outcomes, slots = at_two_counters(patient)
    assert sum(isinstance(outcome, Token) for outcome in outcomes) == 1
    assert codes(outcomes) == ["duplicate-booking"] * 7
    assert live_tokens(patient) == 1
    assert [inconsistencies_of(slot) for slot in slots] == [[], []]


def test_canary_without_the_constraint_the_patient_is_in_two_queues() -> None:
    patient = a_patient()
    with without("token_one_live_per_patient"):
        at_two_counters(patient)
        assert live_tokens(patient) > 1


# A seat is freed during a request for it


def cancel_and_ask() -> tuple[Slot, Overtaking, Patient]:
    slot, asking = a_slot(capacity=1), a_patient()
    token = book(slot)
    ended = overtake(
        lambda: book(slot, asking, join_waiting_list=True),
        lambda: service.cancel(token_id=token.id, actor="user:desk"),
    )
    return slot, ended, asking


def test_a_freed_seat_goes_to_a_new_waiting_entry(any_redis: None) -> None:
    slot, ended, asking = cancel_and_ask()
    assert not ended.overtook
    assert isinstance(ended.slow, WaitlistEntry)
    assert [token.patient_id for token in ended.fast.promoted] == [asking.id]
    assert inconsistencies_of(slot) == []
    assert_invariants_hold()


def test_canary_without_locks_an_entry_waits_for_a_free_seat() -> None:
    with without_locks(), without(*NUMBERED_ONCE):
        slot, ended, _ = cancel_and_ask()
        assert ended.overtook
        assert "an entry is waiting while a seat is free" in inconsistencies_of(slot)


def test_cancel_and_book_at_once(any_redis: None) -> None:
    slot = a_slot(capacity=3)
    tokens = [book(slot) for _ in range(3)]
    patients = [a_patient() for _ in range(5)]
    together(
        [
            *(lambda token=token: service.cancel(token_id=token.id, actor="user:desk") for token in tokens),
            *(lambda patient=patient: book(slot, patient, join_waiting_list=True) for patient in patients),
        ]
    )
    assert Token.objects.filter(slot=slot, status="CONFIRMED").count() == 3
    assert WaitlistEntry.objects.filter(slot=slot, status="WAITING").count() == 2
    assert inconsistencies_of(slot) == []


# A promotion and a booking of the same patient with the same doctor on the same day


def test_a_booking_elsewhere_during_promotion_does_not_fail_the_cancellation(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """After a promotion is decided, the patient books another slot that day; the next entry is promoted instead."""
    with without_redis_lock():
        doctor = a_doctor()
        slot = a_slot(doctor, capacity=1)
        other = a_slot(doctor, capacity=1, start=slot.end_time)
        token, double, patient_next = book(slot), a_patient(), a_patient()
        book(slot, double, join_waiting_list=True)
        book(slot, patient_next, join_waiting_list=True)
        hesitated = []

        def cancel() -> Any:
            return service.cancel(token_id=token.id, actor="user:desk")

        def hesitant(some: Any, *, closing: bool = False) -> None:
            if not hesitated and any(one.slot.id == slot.id and one.slot.waiting_count == 1 for one in some):
                hesitated.append(together([lambda: book(other, double)])[0])
            write(some, closing=closing)

        write = ledgers.write_all
        monkeypatch.setattr(ledgers, "write_all", hesitant)
        done = cancel()
    assert isinstance(hesitated[0], Token)
    assert fresh(token).status == "CANCELLED"
    assert [one.patient_id for one in done.promoted] == [patient_next.id]
    assert live_tokens(double) == 1
    assert inconsistencies_of(slot) == inconsistencies_of(other) == []

"""Concurrent sweeps, and a sweep against a check-in at the last moment of the grace period."""

from collections import Counter
from datetime import timedelta

import pytest
from django.db import IntegrityError

from clinics.models import Slot
from core.clock import ManualClock
from events.models import Event
from tests.races.builders import a_slot, book, events_of, fresh, inconsistencies_of, service
from tests.races.interleaving import COUNTED, NUMBERED_ONCE, Overtaking, overtake, together, without, without_locks
from tests.support.invariants import assert_invariants_hold
from tokens.models import Token

pytestmark = pytest.mark.django_db(transaction=True)


def check_in_at_end_of_grace(clock: ManualClock) -> tuple[Slot, Token, Overtaking]:
    """Check a patient in within the grace; sweep after its end and before the check-in is written."""
    slot = a_slot(capacity=1)
    token = book(slot)
    service.no_show(token_id=token.id, actor="user:desk")
    ends = fresh(token).grace_expires_at
    assert ends
    clock.set(ends - timedelta(seconds=1))
    ended = overtake(
        lambda: service.reinstate(token_id=token.id, actor="user:desk"),
        lambda: service.sweep(),
        meanwhile=lambda: clock.advance(seconds=2),
    )
    return slot, token, ended


def test_a_patient_who_checks_in_in_time_is_not_swept(clock: ManualClock, any_redis: None) -> None:
    slot, token, ended = check_in_at_end_of_grace(clock)
    assert not ended.overtook
    assert fresh(token).status == "CHECKED_IN"
    assert events_of(slot.id, "token.grace_ended") == 0
    assert inconsistencies_of(slot) == []
    assert_invariants_hold()


def test_canary_without_locks_the_seat_is_lost(clock: ManualClock) -> None:
    with without_locks(), without(*NUMBERED_ONCE):
        slot, token, ended = check_in_at_end_of_grace(clock)
        assert ended.overtook
        assert fresh(token).status == "CHECKED_IN"
        assert "regular_seats is 0, not 1" in inconsistencies_of(slot)


def ten_sweeps(clock: ManualClock, *, slots: int = 4, holds: int = 3) -> list[Slot]:
    made = [a_slot(capacity=holds) for _ in range(slots)]
    for slot in made:
        for _ in range(holds):
            book(slot, hold=True)
        book(slot, join_waiting_list=True)
    clock.advance(minutes=5)
    outcomes = together([service.sweep] * 10)
    assert all(isinstance(outcome, int) for outcome in outcomes), outcomes
    return made


def test_ten_sweeps_at_once_have_the_effect_of_one(clock: ManualClock, any_redis: None) -> None:
    slots = ten_sweeps(clock)
    for slot in slots:
        assert Counter(Token.objects.filter(slot=slot).values_list("status", flat=True)) == {
            "EXPIRED": 3,
            "CONFIRMED": 1,
        }
        assert events_of(slot.id, "token.expired") == 3
        assert events_of(slot.id, "token.promoted") == 1
        assert inconsistencies_of(slot) == []
    assert service.sweep() == 0
    assert_invariants_hold()


def test_a_failing_slot_does_not_stop_the_sweep_of_others(clock: ManualClock) -> None:
    """One slot's row was corrupted by hand, so the database refuses each sweep of that slot."""
    spoiled, sound = a_slot(capacity=2), a_slot(capacity=2)
    book(spoiled, hold=True)
    token = book(sound, hold=True)
    Slot.objects.filter(id=spoiled.id).update(regular_seats=0)
    clock.advance(minutes=5)
    for _ in range(2):
        with pytest.raises(IntegrityError):
            service.sweep()
    assert fresh(token).status == "EXPIRED"
    assert inconsistencies_of(sound) == []


def test_canary_without_locks_a_hold_expires_twice(clock: ManualClock) -> None:
    slot = a_slot(capacity=1)
    token = book(slot, hold=True)
    clock.advance(minutes=5)
    with without_locks(), without(*NUMBERED_ONCE, *COUNTED):
        ended = overtake(service.sweep, service.sweep)
        assert ended.overtook
        assert Event.objects.filter(token_id=token.id, type="token.expired").count() == 2
        assert inconsistencies_of(slot)

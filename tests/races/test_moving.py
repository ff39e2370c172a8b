"""Concurrent moves: in opposite directions, and against bookings, cancellations, emergencies and other actions."""

import threading
from functools import partial
from typing import Any

import pytest

from clinics.models import Slot
from tests.races.builders import a_patient, a_slot, book, fresh, inconsistencies_of, live_tokens, service
from tests.races.interleaving import (
    COUNTED,
    NUMBERED_ONCE,
    Refusal,
    overtake,
    together,
    without,
    without_locks,
    without_redis_lock,
)
from tests.support.invariants import assert_invariants_hold
from tokens.engine import locate, locking
from tokens.models import Token

pytestmark = pytest.mark.django_db(transaction=True)


def move(token: Token, slot: Slot) -> Any:
    return service.move(token_id=token.id, slot_id=slot.id, actor="user:desk")


def consistent(*slots: Slot) -> bool:
    assert_invariants_hold()
    return all(inconsistencies_of(slot) == [] for slot in slots)


def codes(outcomes: list[Any]) -> list[str]:
    return sorted(outcome.code for outcome in outcomes if isinstance(outcome, Refusal))


def test_moves_in_opposite_directions_never_stand_in_each_others_way(any_redis: None) -> None:
    one, other = a_slot(capacity=8), a_slot(capacity=8)
    there, back = [book(one) for _ in range(4)], [book(other) for _ in range(4)]
    outcomes = together(
        [*(partial(move, token, other) for token in there), *(partial(move, token, one) for token in back)]
    )
    assert codes(outcomes) == []
    assert {fresh(token).slot_id for token in there} == {other.id}
    assert {fresh(token).slot_id for token in back} == {one.id}
    assert consistent(one, other)


def test_canary_without_the_order_of_locks_opposite_moves_lock_each_other_out(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each takes the lock of its own slot first, and then waits for that of the other."""
    met, real = threading.Barrier(2), locking.ask
    one, other = a_slot(capacity=4), a_slot(capacity=4)
    there, back = book(one), book(other)

    def unordered(*statements: Any) -> Any:
        if "FOR NO KEY UPDATE OF locked" in statements[0].text and len(statements[0].values[-1]) == 2:
            own = one.id if threading.current_thread().name == "there" else other.id
            real(type(statements[0])(statements[0].text, (*statements[0].values[:-1], [own])))
            met.wait(60)
        return real(*statements)

    monkeypatch.setattr(locking, "ask", unordered)

    def named(name: str, token: Token, slot: Slot) -> Any:
        threading.current_thread().name = name
        return move(token, slot)

    with without_redis_lock():
        outcomes = together([partial(named, "there", there, other), partial(named, "back", back, one)])
    assert len([outcome for outcome in outcomes if isinstance(outcome, Refusal)]) == 1


def last_seat() -> tuple[Slot, Slot, Token]:
    here, there = a_slot(), a_slot()
    return here, there, book(here)


def test_a_move_and_a_booking_want_the_last_seat(any_redis: None) -> None:
    here, there, token = last_seat()
    ended = overtake(lambda: move(token, there), lambda: book(there))
    assert not ended.overtook
    assert ended.fast.code == "slot-full"
    assert consistent(here, there)


def test_canary_without_locks_both_get_the_last_seat() -> None:
    with without_locks(), without(*NUMBERED_ONCE, *COUNTED):
        _, there, token = last_seat()
        ended = overtake(lambda: move(token, there), lambda: book(there))
        assert ended.overtook
        assert not isinstance(ended.slow, Refusal)
        assert Token.objects.filter(slot=there).count() == 2


def test_a_move_and_a_cancellation_of_the_same_token(any_redis: None) -> None:
    here, there, token = last_seat()
    cancel = partial(service.cancel, token_id=token.id, actor="user:patient")
    ended = overtake(lambda: move(token, there), cancel)
    assert not ended.overtook
    assert not isinstance(ended.fast, Refusal)
    assert (fresh(token).slot_id, fresh(token).status) == (there.id, "CANCELLED")
    assert consistent(here, there)


def test_a_moved_token_is_found_by_every_action(any_redis: None) -> None:
    """What a process remembers of a token's slot may be wrong: the action follows the token to where it is."""
    here, there, token = last_seat()
    locate._last_known_place(token.id)
    ended = overtake(lambda: move(token, there), lambda: service.check_in(token_id=token.id, actor="user:desk"))
    assert not ended.overtook
    assert (ended.fast.slot_id, fresh(token).status) == (there.id, "CHECKED_IN")
    stale = locate.Place(here.facility_id, here.id)
    locate._last_known_place(token.id)[0] = stale
    assert service.call(token_id=token.id, actor="user:desk").slot_id == there.id
    locate._last_known_place(token.id)[0] = stale
    assert service.cancel(token_id=token.id, actor="user:desk").token.slot_id == there.id
    assert consistent(here, there)


def test_a_move_and_an_emergency_of_the_same_patient(any_redis: None) -> None:
    here, there, token = last_seat()
    admit = partial(service.admit_emergency, slot_id=here.id, patient_id=token.patient_id, actor="user:er")
    ended = overtake(lambda: move(token, there), admit)
    assert not ended.overtook
    assert not isinstance(ended.fast, Refusal)
    assert fresh(token).slot_id == there.id
    assert consistent(here, there)


def test_a_move_and_a_booking_of_the_same_patient_with_that_doctor(any_redis: None) -> None:
    """No slot lock is common to both: the constraint lets one of them through."""
    here, first = a_slot(), a_slot()
    second = a_slot(first.doctor, start=first.end_time)
    patient = a_patient()
    token = book(here, patient)
    outcomes = together([partial(move, token, first), partial(book, second, patient)])
    assert codes(outcomes) == ["duplicate-booking"]
    assert live_tokens(patient) == 1 + (fresh(token).slot_id == here.id)
    assert consistent(here, first, second)


def test_two_desks_move_one_token_to_two_slots(any_redis: None) -> None:
    here, slots = a_slot(), [a_slot() for _ in range(3)]
    token = book(here)
    outcomes = together([partial(move, token, slot) for slot in slots])
    assert codes(outcomes) == []
    assert Token.objects.filter(id=token.id).count() == 1
    assert consistent(here, *slots)

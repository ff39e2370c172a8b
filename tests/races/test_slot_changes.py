"""A slot is cancelled, closed, reduced, moved or deleted while a patient books in it."""

from collections.abc import Callable
from functools import partial
from typing import Any

import pytest

from clinics.models import Slot
from tests.races.builders import a_doctor, a_slot, book, inconsistencies_of, service
from tests.races.interleaving import NUMBERED_ONCE, Overtaking, Refusal, overtake, without, without_locks
from tests.support.invariants import assert_invariants_hold
from tokens.models import Token
from tokens.operations.slots import SlotCancelled

pytestmark = pytest.mark.django_db(transaction=True)

Action = Callable[[Slot], Any]


def cancel(slot: Slot) -> Any:
    return service.cancel_slot(slot_id=slot.id, actor="user:desk")


def close(slot: Slot) -> Any:
    return service.close_slot(slot_id=slot.id, actor="user:desk")


def narrow(slot: Slot) -> Any:
    return service.change_slot(slot_id=slot.id, changes={"max_capacity": 1}, actor="user:desk")


def move(slot: Slot) -> Any:
    return service.change_slot(slot_id=slot.id, changes={"doctor_id": a_doctor().id}, actor="user:desk")


def remove(slot: Slot) -> Any:
    return service.delete_slot(slot_id=slot.id, actor="user:desk")


def told(outcome: Any) -> str:
    return outcome.code if isinstance(outcome, Refusal) else "done"


@pytest.mark.parametrize(
    ("action", "answer", "left"),
    [
        (cancel, "done", 0),
        (close, "done", 2),
        (narrow, "capacity-in-use", 2),
        (move, "in-use", 2),
        (remove, "in-use", 2),
    ],
)
def test_a_booking_before_the_change_is_respected(action: Action, answer: str, left: int, any_redis: None) -> None:
    slot = a_slot(capacity=3)
    book(slot)
    ended = overtake(lambda: book(slot), partial(action, slot))
    assert not ended.overtook
    assert (told(ended.slow), told(ended.fast)) == ("done", answer)
    assert Token.objects.filter(slot=slot, status="CONFIRMED").count() == left
    assert inconsistencies_of(slot) == []
    assert_invariants_hold()


@pytest.mark.parametrize(
    ("action", "answer"), [(cancel, "slot-not-open"), (close, "slot-not-open"), (narrow, "slot-full"), (move, "done")]
)
def test_a_booking_after_the_change_sees_it(action: Action, answer: str, any_redis: None) -> None:
    slot = a_slot(capacity=2)
    if action is narrow:
        book(slot)
    ended = overtake(partial(action, slot), lambda: book(slot))
    assert not ended.overtook
    assert (told(ended.slow), told(ended.fast)) == ("done", answer)
    if action is move:
        assert ended.fast.doctor_id == Slot.objects.get(id=slot.id).doctor_id
    assert inconsistencies_of(slot) == []
    assert_invariants_hold()


def cancelled_while_booked() -> tuple[Slot, Overtaking]:
    slot = a_slot(capacity=3)
    return slot, overtake(lambda: book(slot), partial(cancel, slot))


def test_canary_without_locks_a_cancelled_slot_keeps_a_live_token() -> None:
    with without_locks(), without(*NUMBERED_ONCE):
        slot, ended = cancelled_while_booked()
        assert ended.overtook
        assert isinstance(ended.fast, SlotCancelled)
        assert Slot.objects.get(id=slot.id).status == "CANCELLED"
        assert Token.objects.filter(slot=slot, status="CONFIRMED").count() == 1

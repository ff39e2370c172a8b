"""An undo at the same moment as a call, a promotion, a booking or another undo."""

from functools import partial
from typing import Any

import pytest

from clinics.models import Slot
from tests.races.builders import a_slot, book, events_of, fresh, inconsistencies_of, service
from tests.races.interleaving import COUNTED, NUMBERED_ONCE, Refusal, overtake, together, without, without_locks
from tests.support.invariants import assert_invariants_hold
from tokens.models import Token
from tokens.policy.lifecycle import UNDOABLE_EVENTS

pytestmark = pytest.mark.django_db(transaction=True)


def undo(token: Token) -> Any:
    return service.undo(token_id=token.id, may_undo=UNDOABLE_EVENTS, actor="user:desk")


def call_next(slot: Slot) -> Any:
    return service.call_next(slot_id=slot.id, actor="user:doctor")


def checked_in() -> tuple[Slot, Token]:
    slot = a_slot(capacity=2)
    token = book(slot)
    service.check_in(token_id=token.id, actor="user:desk")
    return slot, token


def test_an_undone_check_in_is_not_called(any_redis: None) -> None:
    slot, token = checked_in()
    ended = overtake(lambda: undo(token), lambda: call_next(slot))
    assert not ended.overtook
    assert ended.fast.code == "queue-empty"
    assert fresh(token).status == "CONFIRMED"
    assert inconsistencies_of(slot) == []
    assert_invariants_hold()


def test_a_called_patient_is_not_checked_out_by_a_late_undo(any_redis: None) -> None:
    """The call is then the last action, and it is what the undo takes back."""
    slot, token = checked_in()
    ended = overtake(lambda: call_next(slot), lambda: undo(token))
    assert not ended.overtook
    assert not isinstance(ended.fast, Refusal)
    assert (fresh(token).status, events_of(slot.id, "token.undone")) == ("CHECKED_IN", 1)
    assert inconsistencies_of(slot) == []
    assert_invariants_hold()


def test_canary_without_locks_the_call_is_lost() -> None:
    with without_locks(), without(*NUMBERED_ONCE):
        slot, token = checked_in()
        ended = overtake(lambda: undo(token), lambda: call_next(slot))
        assert ended.overtook
        assert not isinstance(ended.fast, Refusal)
        assert fresh(token).status == "CONFIRMED"  # although the doctor was told to call the patient
        assert inconsistencies_of(slot)


def cancelled(*, capacity: int = 1) -> tuple[Slot, Token]:
    slot = a_slot(capacity=capacity)
    token = book(slot)
    service.cancel(token_id=token.id, actor="user:patient")
    return slot, token


def test_an_undo_and_a_booking_want_the_freed_seat(any_redis: None) -> None:
    slot, token = cancelled()
    ended = overtake(lambda: undo(token), lambda: book(slot))
    assert not ended.overtook
    assert ended.fast.code == "slot-full"
    other_slot, other = cancelled()
    ended = overtake(lambda: book(other_slot), lambda: undo(other))
    assert not ended.overtook
    assert ended.fast.code == "undo-impossible"
    assert inconsistencies_of(slot) == inconsistencies_of(other_slot) == []
    assert_invariants_hold()


def test_canary_without_locks_both_get_the_seat() -> None:
    with without_locks(), without(*NUMBERED_ONCE, *COUNTED):
        slot, token = cancelled()
        ended = overtake(lambda: undo(token), lambda: book(slot))
        assert ended.overtook
        assert Token.objects.filter(slot=slot, status="CONFIRMED").count() == 2


def test_an_undo_and_a_cancellation_that_promotes(any_redis: None) -> None:
    """The promoted patient keeps the seat; the undo is refused."""
    slot = a_slot()
    token = book(slot)
    entry = book(slot, join_waiting_list=True)
    ended = overtake(lambda: service.cancel(token_id=token.id, actor="user:patient"), lambda: undo(token))
    assert not ended.overtook
    assert ended.fast.code == "undo-impossible"
    assert [one.patient_id for one in ended.slow.promoted] == [entry.patient_id]
    assert inconsistencies_of(slot) == []
    assert_invariants_hold()


def test_four_undo_at_once(any_redis: None) -> None:
    slot, token = checked_in()
    outcomes = together([partial(undo, token)] * 4)
    assert sorted(getattr(outcome, "code", "done") for outcome in outcomes) == ["done"] + ["undo-impossible"] * 3
    assert events_of(slot.id, "token.undone") == 1
    assert inconsistencies_of(slot) == []

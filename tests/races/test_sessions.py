"""Finishing a slot during a check-in, and pausing it during a call."""

import pytest

from clinics.models import Slot
from tests.races.builders import a_slot, book, fresh, inconsistencies_of, service
from tests.races.interleaving import NUMBERED_ONCE, Overtaking, overtake, without, without_locks
from tests.support.invariants import assert_invariants_hold
from tokens.models import Token
from tokens.sessions import SessionService

pytestmark = pytest.mark.django_db(transaction=True)
sessions = SessionService()


def finish_during_check_in() -> tuple[Slot, Token, Overtaking]:
    slot = a_slot()
    token = book(slot)
    ended = overtake(
        lambda: service.check_in(token_id=token.id, actor="user:desk"),
        lambda: sessions.finish(slot_id=slot.id, actor="user:doctor"),
    )
    return slot, token, ended


def test_a_patient_who_checks_in_before_the_end_is_not_a_no_show(any_redis: None) -> None:
    slot, token, ended = finish_during_check_in()
    assert not ended.overtook
    assert ([each.id for each in ended.fast.not_seen], ended.fast.no_shows) == ([token.id], [])
    assert fresh(token).status == "NOT_SEEN"
    assert inconsistencies_of(slot) == []
    assert_invariants_hold()


def test_nobody_checks_in_after_the_end(any_redis: None) -> None:
    slot = a_slot()
    token = book(slot)
    ended = overtake(
        lambda: sessions.finish(slot_id=slot.id, actor="user:doctor"),
        lambda: service.check_in(token_id=token.id, actor="user:desk"),
    )
    assert not ended.overtook
    assert ended.fast.code == "invalid-transition"
    assert fresh(token).status == "NO_SHOW"
    assert inconsistencies_of(slot) == []


def test_canary_without_locks_a_patient_is_here_in_a_finished_slot() -> None:
    with without_locks(), without(*NUMBERED_ONCE):
        slot, token, ended = finish_during_check_in()
        assert ended.overtook
        assert Slot.objects.get(id=slot.id).finished_at is not None
        assert fresh(token).status == "CHECKED_IN"
        assert inconsistencies_of(slot)


def call_during_pause() -> tuple[Slot, Token, Overtaking]:
    slot = a_slot()
    token = book(slot, arrived=True)
    ended = overtake(
        lambda: sessions.pause(slot_id=slot.id, actor="user:doctor"),
        lambda: service.call_next(slot_id=slot.id, actor="user:desk"),
    )
    return slot, token, ended


def test_nobody_is_called_into_a_pause(any_redis: None) -> None:
    _, token, ended = call_during_pause()
    assert not ended.overtook
    assert ended.fast.code == "slot-paused"
    assert fresh(token).status == "CHECKED_IN"


def test_canary_without_locks_a_patient_is_called_into_a_pause() -> None:
    with without_locks(), without(*NUMBERED_ONCE):
        slot, token, ended = call_during_pause()
        assert ended.overtook
        assert Slot.objects.get(id=slot.id).paused_since is not None
        assert fresh(token).status == "CALLED"

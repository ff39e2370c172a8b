"""Two desks skip at the same moment: each patient gets a place of their own."""

import pytest

from clinics.models import Slot
from tests.races.builders import a_slot, book, fresh, inconsistencies_of, service
from tests.races.interleaving import NUMBERED_ONCE, Overtaking, overtake, together, without, without_locks
from tests.support.invariants import assert_invariants_hold
from tokens.models import Token

pytestmark = pytest.mark.django_db(transaction=True)


def two_called(waiting: int = 3) -> tuple[Slot, list[Token], list[Token]]:
    slot = a_slot(capacity=waiting + 2)
    called, line = [book(slot, arrived=True) for _ in range(2)], [book(slot, arrived=True) for _ in range(waiting)]
    for token in called:
        service.call(token_id=token.id, actor="user:desk")
    return slot, called, line


def skip(token: Token) -> Token:
    return service.skip(token_id=token.id, actor="user:desk")


def skip_both() -> tuple[Slot, list[Token], Overtaking]:
    slot, (one, other), _ = two_called()
    return slot, [one, other], overtake(lambda: skip(one), lambda: skip(other))


def test_two_skips_at_once_take_two_places(any_redis: None) -> None:
    slot, skipped, ended = skip_both()
    assert not ended.overtook
    assert len({fresh(token).place for token in skipped}) == 2
    assert inconsistencies_of(slot) == []
    assert_invariants_hold()


def test_canary_without_locks_both_take_the_same_place() -> None:
    with without_locks(), without(*NUMBERED_ONCE, "token_place_unique"):
        _, (one, other), ended = skip_both()
        assert ended.overtook
        assert fresh(one).place == fresh(other).place


def test_one_patient_is_skipped_once(any_redis: None) -> None:
    slot, (one, _), _ = two_called()
    outcomes = together([lambda: skip(one)] * 4)
    assert sorted(getattr(outcome, "code", "done") for outcome in outcomes) == ["done"] + ["invalid-transition"] * 3
    assert fresh(one).skips == 1
    assert inconsistencies_of(slot) == []

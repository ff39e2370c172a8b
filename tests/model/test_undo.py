"""An action and its undo equal no action, for every action and random surroundings."""

import os
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from clinics.models import Slot as SlotRow
from core import clock as core_clock
from core.clock import ManualClock
from tests.model.day import TIERS, new_reference
from tests.model.engine_adapter import Pair
from tests.model.test_order_of_the_queue import STEPS, Hall
from tests.support.invariants import assert_invariants_hold
from tokens.audit.as_of import slot_as_it_is, slot_as_of
from tokens.audit.replay import SlotThen, differences
from tokens.models import Token
from tokens.policy.lifecycle import UNDOABLE_EVENTS
from tokens.services import TokenAllocationService

EIGHT = datetime(2031, 3, 3, 2, 30, tzinfo=UTC)
EXAMPLES = int(os.environ.get("OPD_UNDO_EXAMPLES", "12"))
BEGINNING = datetime.min.replace(tzinfo=UTC)
ACTIONS: dict[str, tuple[tuple[str, dict[str, Any]], ...]] = {
    "PENDING": (("cancel", {}),),
    "CONFIRMED": (("check_in", {}), ("call", {}), ("no_show", {}), ("cancel", {}), ("cancel", {"keep_seat": True})),
    "CHECKED_IN": (
        ("call", {}),
        ("no_show", {}),
        ("step_out", {"reason": "LAB"}),
        ("cancel", {}),
        ("cancel", {"keep_seat": True}),
    ),
    "CALLED": (("start", {}), ("skip", {}), ("no_show", {}), ("step_out", {"reason": "XRAY"}), ("cancel", {})),
    "IN_CONSULTATION": (("complete", {}), ("step_out", {"reason": "OTHER"})),
    "STEPPED_OUT": (("step_in", {}),),
    "BUFFER": (("cancel", {}),),
}
SURROUNDINGS = st.one_of(
    STEPS,
    st.tuples(st.just("call"), st.integers(0, 11)),
    st.tuples(st.just("begin"), st.integers(0, 11)),
    st.tuples(st.just("expect"), st.sampled_from(TIERS)),
    st.tuples(st.just("hold"), st.sampled_from(TIERS)),
)

pytestmark = pytest.mark.django_db(transaction=True)
service = TokenAllocationService()


class Surroundings(Hall):
    """A hall in which some patients are called, in consultation, expected or hold a seat."""

    def call(self, who: int) -> None:
        self._with(who, "CHECKED_IN", ("call",))

    def begin(self, who: int) -> None:
        self._with(who, "CALLED", ("start",))

    def expect(self, category: str) -> None:
        self._act("book", self.slot, self._patient(), category)

    def hold(self, category: str) -> None:
        self._act("book", self.slot, self._patient(), category, hold=True)


def picture(slot: SlotRow) -> SlotThen:
    """Return the slot and its tokens, apart from when they were last changed, and until when that can be undone."""
    now = slot_as_it_is(slot=SlotRow.objects.get(id=slot.id))
    now.tokens = {
        token_id: replace(token, updated_at=BEGINNING, undo_until=None) for token_id, token in now.tokens.items()
    }
    return now


@settings(max_examples=EXAMPLES, deadline=None, print_blob=True, suppress_health_check=list(HealthCheck), database=None)
@given(
    arrivals=st.lists(st.sampled_from(TIERS), min_size=2, max_size=5),
    steps=st.lists(SURROUNDINGS, max_size=12),
    choices=st.lists(st.tuples(st.integers(0, 40), st.integers(0, 40)), min_size=1, max_size=6),
)
def test_an_action_and_its_undo_equal_no_action(
    arrivals: list[str], steps: list[tuple[Any, ...]], choices: list[tuple[int, int]]
) -> None:
    manual = ManualClock(EIGHT)
    with core_clock.use(manual):
        pair = Pair(new_reference(EIGHT), manual)
        hall = Surroundings(pair)
        for step in [*(("arrive", category) for category in arrivals), *steps]:
            pair.at(manual.now() + timedelta(seconds=5))
            hall.take(step)
        slot = SlotRow.objects.get(id=pair.real.slots[hall.slot])
        for who, what in choices:
            tokens = list(Token.objects.filter(slot=slot, status__in=ACTIONS).order_by("id"))
            if not tokens:
                break
            token = tokens[who % len(tokens)]
            action, facts = ACTIONS[token.status][what % len(ACTIONS[token.status])]
            if action == "start" and Token.objects.filter(slot=slot, status="IN_CONSULTATION").exists():
                continue
            before = picture(slot)
            getattr(service, action)(token_id=token.id, actor="user:desk", **facts)
            manual.advance(seconds=1)
            service.undo(token_id=token.id, may_undo=UNDOABLE_EVENTS, actor="user:desk")
            assert differences(before, picture(slot)) == [], (token.status, action, facts)
            replayed = slot_as_of(slot_id=slot.id)
            assert replayed
            assert differences(replayed, slot_as_it_is(slot=SlotRow.objects.get(id=slot.id))) == []
    assert_invariants_hold()

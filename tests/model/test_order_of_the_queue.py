"""The order of a queue over random histories: SQL, the policy and the reference engine agree."""

import os
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from core import clock as core_clock
from core.clock import ManualClock
from tests.model.day import TIERS, new_reference
from tests.model.engine_adapter import Pair
from tests.model.objects import Doctor, Patient
from tests.model.reference import Refused
from tests.support.invariants import assert_invariants_hold

EIGHT = datetime(2031, 3, 3, 2, 30, tzinfo=UTC)
EXAMPLES = int(os.environ.get("OPD_ORDER_EXAMPLES", "12"))
WHO = st.integers(0, 11)
STEPS = st.one_of(
    st.tuples(st.just("arrive"), st.sampled_from(TIERS)),
    st.tuples(st.just("emergency"), st.none() | st.integers(1, 5)),
    st.tuples(st.just("skip"), WHO),
    st.tuples(st.just("skip_the_first"), WHO),
    st.tuples(st.just("let_pass"), WHO, st.integers(1, 10)),
    st.tuples(st.just("to_the_laboratory"), WHO),
    st.tuples(st.just("out_of_the_room"), WHO),
    st.tuples(st.just("back"), WHO),
    st.tuples(st.just("requeue"), WHO),
    st.tuples(st.just("leave"), WHO),
)

pytestmark = pytest.mark.django_db(transaction=True)


class Hall:
    """A slot with room for all, its tokens, and what patients do in front of it."""

    def __init__(self, pair: Pair) -> None:
        self.pair, self.patients = pair, 0
        begins = EIGHT + timedelta(minutes=10)
        self.slot = pair.act("add_slot", Doctor(0, 5), begins, begins + timedelta(hours=4), 60)

    def take(self, step: tuple[Any, ...]) -> None:
        name, *facts = step
        getattr(self, name)(*facts)

    def _act(self, name: str, *args: Any, **facts: Any) -> None:
        try:
            self.pair.act(name, *args, **facts)
        except Refused:
            return

    def _with(self, who: int, status: str, *actions: Any) -> None:
        tokens = [token for token in self.slot.tokens if token.status == status]
        if tokens:
            for action, *facts in actions:
                self._act(action, tokens[who % len(tokens)], *facts)

    def _patient(self) -> Patient:
        self.patients += 1
        return Patient(self.patients, cared_for=self.patients % 3 == 0)

    def arrive(self, category: str) -> None:
        self._act("book", self.slot, self._patient(), category, arrived=True)

    def emergency(self, acuity: int | None) -> None:
        self._act("emergency", self.slot, self._patient(), acuity)

    def skip(self, who: int) -> None:
        self._with(who, "CHECKED_IN", ("call",), ("skip",))

    def skip_the_first(self, who: int) -> None:
        self._act("call_next", self.slot)
        self._with(who, "CALLED", ("skip",))

    def let_pass(self, who: int, places: int) -> None:
        self._with(who, "CHECKED_IN", ("let_pass", places))

    def to_the_laboratory(self, who: int) -> None:
        self._with(who, "CHECKED_IN", ("step_out",))

    def out_of_the_room(self, who: int) -> None:
        self._with(who, "CHECKED_IN", ("call",), ("start",), ("step_out",))

    def back(self, who: int) -> None:
        self._with(who, "STEPPED_OUT", ("step_in",))

    def requeue(self, who: int) -> None:
        self._with(who, "CHECKED_IN", ("call",))
        self._with(who, "CALLED", ("requeue",))

    def leave(self, who: int) -> None:
        self._with(who, "CHECKED_IN", ("cancel",))


@settings(max_examples=EXAMPLES, deadline=None, print_blob=True, suppress_health_check=list(HealthCheck), database=None)
@given(arrivals=st.lists(st.sampled_from(TIERS), min_size=3, max_size=7), steps=st.lists(STEPS, max_size=25))
def test_every_history_gives_one_order(arrivals: list[str], steps: list[tuple[Any, ...]]) -> None:
    manual = ManualClock(EIGHT)
    with core_clock.use(manual):
        pair = Pair(new_reference(EIGHT), manual)
        hall = Hall(pair)
        for step in [*(("arrive", category) for category in arrivals), *steps]:
            pair.at(manual.now() + timedelta(seconds=20))
            hall.take(step)
            assert not pair.differences(), "\n".join(pair.differences())
    assert_invariants_hold()

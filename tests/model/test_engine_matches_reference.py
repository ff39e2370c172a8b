"""Compare the real service with the reference engine, with Hypothesis and with simulated days."""

import os
from collections import Counter as Tally
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from core import clock as core_clock
from core.clock import ManualClock
from tests.model.day import TIERS, Day, new_reference
from tests.model.engine_adapter import Pair
from tests.model.invariants import illegal_histories, invariant_violations
from tests.model.objects import Doctor, Patient, Slot, Token
from tests.model.reference import Refused
from tests.support.invariants import assert_invariants_hold

EIGHT = datetime(2031, 3, 3, 2, 30, tzinfo=UTC)  # 08:00 in the facility's zone
EXAMPLES = int(os.environ.get("OPD_MODEL_EXAMPLES", "20"))
DAYS = int(os.environ.get("OPD_REAL_DAYS", "1"))
PATIENTS = int(os.environ.get("OPD_REAL_DAY_PATIENTS", "40"))
PEOPLE = st.integers(0, 7)
INDEX = st.integers(0, 40)
REQUESTS = st.tuples(
    PEOPLE,
    st.sampled_from(TIERS),
    st.sampled_from(["", "", "hold", "arrived", "arrived"]),
    st.booleans(),
    st.booleans(),
)

Request = tuple[int, str, str, bool, bool]
SENSIBLE = {
    "PENDING": ("confirm",),
    "CONFIRMED": ("check_in", "check_in", "call", "no_show"),
    "CHECKED_IN": ("call", "no_show", "step_out"),
    "CALLED": ("recall", "requeue", "skip", "skip", "no_show", "start", "step_out"),
    "IN_CONSULTATION": ("complete", "step_out"),
    "STEPPED_OUT": ("step_in",),
    "NO_SHOW": ("reinstate",),
}
SEEN: Tally[str] = Tally()

pytestmark = pytest.mark.django_db(transaction=True)


class Counter(RuleBasedStateMachine):
    """A state machine: two slots of one doctor and one of another, eight patients, few seats."""

    def __init__(self) -> None:
        super().__init__()
        self.clock = ManualClock(EIGHT)
        self.using = core_clock.use(self.clock)
        self.using.__enter__()
        self.reference = new_reference(EIGHT)
        self.pair = Pair(self.reference, self.clock)
        self.people = [Patient(n, cared_for=n % 3 == 0) for n in range(8)]

    def teardown(self) -> None:
        SEEN.update(self.pair.counted)
        self.using.__exit__(None, None, None)

    @initialize(
        seats=st.tuples(*[st.integers(1, 3)] * 3),
        minutes=st.sampled_from([5, 7, 10]),
        asks=st.lists(st.tuples(INDEX, REQUESTS), min_size=4, max_size=10),
    )
    def morning(self, seats: tuple[int, int, int], minutes: int, asks: list[tuple[int, Request]]) -> None:
        one, two = Doctor(0, minutes), Doctor(1, 10)
        for doctor, start, capacity in ((one, 5, seats[0]), (one, 40, seats[1]), (two, 10, seats[2])):
            begins = EIGHT + timedelta(minutes=start)
            self.pair.act("add_slot", doctor, begins, begins + timedelta(minutes=30), capacity)
        for slot, ask in asks:
            self.book(slot, [ask])

    @rule(slot=INDEX, minutes=st.sampled_from([0, 3, 12]))
    def see_one(self, slot: int, minutes: int) -> None:
        """Call and start the first patient who is present, then advance the clock by some minutes."""
        room = (*self.slot(slot).rooms, None)[0]
        self.act("call_next", self.slot(slot), complete_current=True, room=room)
        called = [t for t in self.slot(slot).tokens if t.status == "CALLED"]
        if called:
            self.act("start", called[-1], complete_current=True)
        self.time_passes(minutes * 60, False)

    def slot(self, index: int) -> Slot:
        return self.reference.slots[index % len(self.reference.slots)]

    def token(self, index: int) -> Token:
        return self.reference.tokens[-1 - index % len(self.reference.tokens)]

    def act(self, name: str, *args: Any, **facts: Any) -> None:
        try:
            self.pair.act(name, *args, **facts)
        except Refused:
            return

    @rule(slot=INDEX, asks=st.lists(REQUESTS, min_size=1, max_size=4))
    def book(self, slot: int, asks: list[Request]) -> None:
        for who, category, how, join, desk in asks:
            ways = {how: True} if how else {}
            self.act("book", self.slot(slot), self.people[who], category, join=join, desk=desk, **ways)

    @rule(slot=INDEX, who=PEOPLE, acuity=st.none() | st.integers(1, 5))
    def emergency(self, slot: int, who: int, acuity: int | None) -> None:
        self.act("emergency", self.slot(slot), self.people[who], acuity)

    @precondition(lambda self: any(t.live for t in self.reference.tokens))
    @rule(steps=st.lists(st.tuples(INDEX, INDEX), min_size=1, max_size=4))
    def go_on(self, steps: list[tuple[int, int]]) -> None:
        """Perform a legal action on a patient who is present or expected."""
        for index, choice in steps:
            alive = [t for t in self.reference.tokens if t.live]
            if alive:
                token = alive[index % len(alive)]
                actions = SENSIBLE[token.status]
                self.act(actions[choice % len(actions)], token)

    @precondition(lambda self: self.reference.tokens)
    @rule(
        index=INDEX,
        action=st.sampled_from(
            [
                "confirm",
                "check_in",
                "call",
                "recall",
                "complete",
                "requeue",
                "skip",
                "no_show",
                "reinstate",
                "start",
                "step_out",
                "step_in",
            ]
        ),
    )
    def any_step(self, index: int, action: str) -> None:
        """Perform an arbitrary action, legal or not."""
        self.act(action, self.token(index))

    @precondition(lambda self: any(t.status == "CALLED" for t in self.reference.tokens))
    @rule(index=INDEX, complete_current=st.booleans())
    def start(self, index: int, complete_current: bool) -> None:
        called = [t for t in self.reference.tokens if t.status == "CALLED"]
        self.act("start", called[index % len(called)], complete_current=complete_current)

    @precondition(lambda self: any(t.status == "CHECKED_IN" for t in self.reference.tokens))
    @rule(index=INDEX, places=st.integers(1, 10))
    def let_pass(self, index: int, places: int) -> None:
        here = [t for t in self.reference.tokens if t.status == "CHECKED_IN"]
        self.act("let_pass", here[index % len(here)], places)

    @precondition(lambda self: self.reference.tokens)
    @rule(index=INDEX, slot=INDEX)
    def move(self, index: int, slot: int) -> None:
        movable = [
            t for t in self.reference.tokens if t.status in ("PENDING", "CONFIRMED", "CHECKED_IN", "STEPPED_OUT")
        ]
        self.act("move", movable[index % len(movable)] if movable else self.token(index), self.slot(slot))

    @precondition(lambda self: self.reference.tokens)
    @rule(index=INDEX, category=st.sampled_from(TIERS))
    def reclassify(self, index: int, category: str) -> None:
        self.act("reclassify", self.token(index), category)

    @precondition(lambda self: any(t.category == "EMERGENCY" for t in self.reference.tokens))
    @rule(index=INDEX, acuity=st.integers(1, 5))
    def triage(self, index: int, acuity: int) -> None:
        urgent = [t for t in self.reference.tokens if t.category == "EMERGENCY"]
        self.act("triage", urgent[index % len(urgent)], acuity)

    @precondition(lambda self: self.reference.tokens)
    @rule(index=INDEX, buffer=st.booleans())
    def cancel(self, index: int, buffer: bool) -> None:
        self.act("cancel", self.token(index), buffer=buffer)

    @rule(slot=INDEX, complete_current=st.booleans(), room=st.sampled_from([None, "R1", "R2"]))
    def call_next(self, slot: int, complete_current: bool, room: str | None) -> None:
        self.act("call_next", self.slot(slot), complete_current=complete_current, room=room)

    @rule(slot=INDEX, rooms=st.sampled_from([(), ("R1",), ("R1", "R2"), ("R2", "R1", "R3")]))
    def set_rooms(self, slot: int, rooms: tuple[str, ...]) -> None:
        self.act("set_rooms", self.slot(slot), rooms)

    @rule(slot=INDEX, act=st.sampled_from(["begin", "pause", "resume", "resume", "finish", "reopen"]))
    def session(self, slot: int, act: str) -> None:
        self.act(act, self.slot(slot))

    @rule(slot=INDEX, minutes=st.sampled_from([1, 5, 30]))
    def pause(self, slot: int, minutes: int) -> None:
        self.act("pause", self.slot(slot), minutes)

    @precondition(lambda self: any(s.entries for s in self.reference.slots))
    @rule(index=INDEX)
    def withdraw(self, index: int) -> None:
        entries = [e for s in self.reference.slots for e in s.entries]
        self.act("withdraw", entries[index % len(entries)])

    @rule(slot=INDEX, capacity=st.integers(1, 5))
    def set_capacity(self, slot: int, capacity: int) -> None:
        self.act("set_capacity", self.slot(slot), capacity)

    @rule(slot=INDEX, minutes=st.sampled_from([0, 5, 20, 45]))
    def set_delay(self, slot: int, minutes: int) -> None:
        self.act("set_delay", self.slot(slot), minutes)

    @precondition(lambda self: len(self.reference.tokens) > 12)
    @rule(slot=INDEX)
    def close(self, slot: int) -> None:
        self.act("close_slot", self.slot(slot))

    @precondition(lambda self: len(self.reference.tokens) > 12)
    @rule(slot=INDEX)
    def cancel_slot(self, slot: int) -> None:
        self.act("cancel_slot", self.slot(slot))

    @rule(seconds=st.sampled_from([1, 60, 119, 120, 200, 500, 600, 900, 1800]), swept=st.booleans())
    def time_passes(self, seconds: int, swept: bool) -> None:
        """Advance the clock; without the sweep, the next write to a slot must settle what has expired."""
        self.pair.at(self.reference.now + timedelta(seconds=seconds))
        if swept:
            self.act("sweep")

    @invariant()
    def nothing_differs(self) -> None:
        assert not self.pair.differences(), "\n".join(self.pair.differences())

    @invariant()
    def the_reference_keeps_its_promises(self) -> None:
        if not any(t.due and t.due <= self.reference.now for t in self.reference.tokens):
            assert not invariant_violations(self.reference)
        assert not illegal_histories(self.reference)


def test_the_engine_does_what_the_contract_says_step_by_step() -> None:
    """Random sequences; Hypothesis shrinks a failure to the shortest one that shows a difference."""
    run_state_machine_as_test(
        Counter,
        settings=settings(
            max_examples=EXAMPLES,
            stateful_step_count=25,
            deadline=None,
            print_blob=True,
            suppress_health_check=list(HealthCheck),
        ),
    )
    assert_invariants_hold()
    print("requests:", dict(sorted(SEEN.items())))


@pytest.mark.parametrize("seed", range(1, DAYS + 1))
def test_a_whole_day_of_the_real_service_beside_the_reference(seed: int) -> None:
    """A simulated day, by default with 40 patients; both engines get the same requests, compared every minute."""
    manual = ManualClock(EIGHT)
    with core_clock.use(manual):
        pair = Pair(new_reference(), manual)
        changes = 0

        def act(name: str, *args: Any, **facts: Any) -> Any:
            nonlocal changes
            changes += name != "sweep"
            return pair.act(name, *args, **facts)

        def check() -> list[str]:
            nonlocal changes
            seen, changes = changes, 0
            return pair.differences() if seen else []

        day = Day(
            seed, pair.reference, act, pair.at, patients=PATIENTS, doctors=max(2, PATIENTS // 50), check=check
        ).play()
    assert day.unexplained() == []
    assert len(day.reference.tokens) > PATIENTS // 2
    assert_invariants_hold()

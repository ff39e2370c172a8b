"""Mutation tests of the comparison: with one rule of the engine changed, it must find a difference."""

from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis.stateful import run_state_machine_as_test

from tests.model.test_engine_matches_reference import Counter
from tokens.policy import estimates, grace

pytestmark = pytest.mark.django_db(transaction=True)
grace_ends, queue_start = grace.grace_ends, estimates.queue_start


def grace_from_now(**facts: Any) -> Any:
    """Start the grace period now instead of at the estimated time."""
    return grace_ends(**{**facts, "estimated_time": None})


def gaps_absorb_nothing(slots: Any) -> Any:
    """Let gaps between slots absorb no delay."""
    line = sorted(slots, key=lambda slot: slot.start)
    first = line[0].own_delay_minutes if line else 0
    return ((slot.id, max(slot.own_delay_minutes, first)) for slot in line)


def ignore_consultation(**facts: Any) -> Any:
    """Ignore the patient in consultation."""
    return queue_start(**{**facts, "room_since": None})


def maximum_bonus(**_facts: Any) -> Any:
    """Treat every request as made nine hours ahead."""
    return Decimal("0.90")


BENT: dict[str, Callable[..., Any]] = {
    "tokens.operations.no_shows.grace_ends": grace_from_now,
    "tokens.operations.delays.cascade": gaps_absorb_nothing,
    "tokens.policy.estimates.queue_start": ignore_consultation,
    "tokens.policy.priority.time_bonus": maximum_bonus,
}


@pytest.mark.parametrize("rule", BENT)
def test_a_changed_rule_is_detected(monkeypatch: pytest.MonkeyPatch, rule: str) -> None:
    """If no difference is found, the comparison does not test that rule."""
    monkeypatch.setattr(rule, BENT[rule])
    with pytest.raises(AssertionError):
        run_state_machine_as_test(
            Counter,
            settings=settings(
                max_examples=60,
                stateful_step_count=25,
                deadline=None,
                derandomize=True,
                database=None,
                phases=[Phase.generate],
                suppress_health_check=list(HealthCheck),
            ),
        )

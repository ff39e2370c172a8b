"""The comparison notices: with a rule of the engine bent, the very same mornings have to find a difference."""

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


def short_grace(**facts: Any) -> Any:
    """The grace runs from now, not from the time that the patient was told."""
    return grace_ends(**{**facts, "estimated_time": None})


def no_soaking(slots: Any) -> Any:
    """A gap between two slots soaks up nothing."""
    line = sorted(slots, key=lambda slot: slot.start)
    first = line[0].own_delay_minutes if line else 0
    return ((slot.id, max(slot.own_delay_minutes, first)) for slot in line)


def forgetful_start(**facts: Any) -> Any:
    """The patient in the room is forgotten."""
    return queue_start(**{**facts, "room_since": None})


def generous_bonus(**_facts: Any) -> Any:
    """Everybody has asked nine hours ahead."""
    return Decimal("0.90")


BENT: dict[str, Callable[..., Any]] = {
    "tokens.operations.no_shows.grace_ends": short_grace,
    "tokens.operations.delays.cascade": no_soaking,
    "tokens.policy.estimates.queue_start": forgetful_start,
    "tokens.policy.priority.time_bonus": generous_bonus,
}


@pytest.mark.parametrize("rule", BENT)
def test_a_bent_rule_is_noticed(monkeypatch: pytest.MonkeyPatch, rule: str) -> None:
    """If this passes without a difference, the comparison proves nothing about that rule."""
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

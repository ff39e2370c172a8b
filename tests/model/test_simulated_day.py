"""Simulated days on the reference engine alone: the rules themselves preserve the invariants."""

import os

import pytest

from tests.model.day import simulate_on_reference, story

SEEDS = int(os.environ.get("OPD_DAY_SEEDS", "200"))


@pytest.mark.parametrize("first", range(1, SEEDS + 1, 10))
def test_a_day_keeps_the_invariants_and_every_token_ends_in_an_expected_state(first: int) -> None:
    """The invariants hold after every simulated minute, and no token ends the day in an unexpected state."""
    for seed in range(first, first + 10):
        day = simulate_on_reference(seed)
        print(story(day))
        assert day.unexplained() == []
        assert len(day.reference.tokens) > 100, "a day on which nothing happens proves nothing"


def test_the_same_seed_plays_the_same_day() -> None:
    """The seed printed by a failure reproduces the same day."""
    assert story(simulate_on_reference(7)) == story(simulate_on_reference(7))
    assert story(simulate_on_reference(7)) != story(simulate_on_reference(8))

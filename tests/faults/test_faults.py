"""The short form of `python -m bench.chaos`: every fault once, under 32 clients, on real servers and processes."""

import pytest
from rich.console import Console

from bench.chaos.judge import Verdict
from bench.chaos.nemesis import FAULTS
from bench.chaos.playing import Performance, perform
from bench.chaos.system import running_system
from bench.chaos.table import show

SECONDS = 2.5


@pytest.fixture(scope="module")
def performance(_database_of_the_system: None) -> Performance:
    """All faults, one after the other, on one system that is never started anew."""
    with running_system() as system:
        played = perform(system, FAULTS, seconds=SECONDS)
    show(played, Console(width=120))
    return played


@pytest.mark.parametrize("fault", [fault.name for fault in FAULTS])
def test_nothing_is_lost_sold_twice_or_wrong(performance: Performance, fault: str) -> None:
    (verdict,) = [one for one in performance.verdicts if one.fault == fault]
    assert verdict.lost == []
    assert verdict.sold_twice == []
    assert verdict.wrong == []
    assert verdict.acknowledged > 10


def test_every_invariant_holds_and_every_chain_is_whole(performance: Performance) -> None:
    assert performance.broken == []


def test_bookings_go_on_without_redis(performance: Performance) -> None:
    """Redis away, frozen or flushed: the clients hardly notice, beside a database that is away."""

    def of(fault: str) -> Verdict:
        return next(one for one in performance.verdicts if one.fault == fault)

    for fault in ("redis-killed", "redis-frozen", "redis-flushed", "redis-unreachable"):
        assert of(fault).acknowledged * 4 > of("calm").acknowledged, fault


def test_answers_that_were_cut_off_are_told_again(performance: Performance) -> None:
    (cut,) = [one for one in performance.verdicts if one.fault == "answers-cut"]
    assert cut.regained > 0

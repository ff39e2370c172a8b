"""Mutation tests of the fault suite: it fails when a safeguard is removed from the engine."""

from rich.console import Console

from bench.chaos.nemesis import FAULTS
from bench.chaos.playing import Performance, perform
from bench.chaos.system import running_system
from bench.chaos.table import show

BY_NAME = {fault.name: fault for fault in FAULTS}


def play(mutation: str, fault: str, *, with_redis: bool, seconds: float) -> Performance:
    application = f"tests.faults.mutations.{mutation}:application"
    with running_system(application=application, with_redis=with_redis, celery=False) as system:
        performance = perform(system, [BY_NAME[fault]], seconds=seconds, think=0.05)
    show(performance, Console())
    return performance


def test_without_the_row_lock() -> None:
    """Without Redis nothing serialises two bookings of a slot: one fails, although no seat is oversold."""
    performance = play("no_row_lock", "calm", with_redis=False, seconds=2.5)
    (verdict,) = performance.verdicts
    assert verdict.acknowledged
    assert verdict.wrong


def test_with_the_idempotency_record_in_a_transaction_of_its_own() -> None:
    """A worker dies between the two transactions: a retry repeats the change or does not get its result."""
    performance = play("record_apart", "calm", with_redis=True, seconds=3)
    (verdict,) = performance.verdicts
    assert verdict.acknowledged
    assert verdict.wrong or verdict.sold_twice


def test_with_the_event_written_after_the_commit() -> None:
    """A worker dies between the commit and the event: a change without an event."""
    performance = play("event_after_commit", "calm", with_redis=True, seconds=3)
    assert performance.verdicts[0].acknowledged
    assert performance.broken

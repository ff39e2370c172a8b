"""Items that wait at the same time run in one batch, each with its own result."""

import threading
from collections.abc import Callable, Sequence
from typing import Any

import pytest
from django.db import OperationalError

from core.batching import MAX_BATCH, Combiner
from tests.support.eventually import eventually

TIMEOUT_SECONDS = 10.0


class Work:
    """Work that can be blocked, and records its batches."""

    def __init__(self, outcome: Callable[[Any], Any] = lambda item: item * 2) -> None:
        self.crowds: list[list[Any]] = []
        self.began, self.go = threading.Event(), threading.Event()
        self.go.set()
        self._outcome = outcome

    def __call__(self, items: Sequence[Any]) -> Sequence[Any]:
        self.crowds.append(list(items))
        self.began.set()
        assert self.go.wait(TIMEOUT_SECONDS)
        return [self._outcome(item) for item in items]


def _submit_behind(
    work: Work, combiner: Combiner[str, Any], items: Sequence[Any], submit: Callable[..., Any] | None = None
) -> dict[Any, Any]:
    """Submit items, blocking the first until all others wait; return each result."""
    outcomes: dict[Any, Any] = {}
    submit = submit or combiner.submit

    def run(item: Any) -> None:
        try:
            outcomes[item] = submit("k", item, timeout_seconds=TIMEOUT_SECONDS)
        except Exception as error:
            outcomes[item] = error

    work.go.clear()
    threads = [threading.Thread(target=run, args=(item,)) for item in items]
    threads[0].start()
    assert work.began.wait(TIMEOUT_SECONDS)
    for number, thread in enumerate(threads[1:], start=1):
        thread.start()
        eventually(lambda number=number: combiner.waiting("k") == number)  # type: ignore[misc]
    work.go.set()
    for thread in threads:
        thread.join(TIMEOUT_SECONDS)
    return outcomes


def test_a_single_item_runs_at_once() -> None:
    work = Work()
    combiner = Combiner(work)
    assert [combiner.submit("k", item, timeout_seconds=TIMEOUT_SECONDS) for item in (1, 2)] == [2, 4]
    assert work.crowds == [[1], [2]]


def test_items_that_arrive_meanwhile_run_in_one_batch_in_order() -> None:
    work = Work()
    outcomes = _submit_behind(work, Combiner(work), range(1, 6))
    assert outcomes == {1: 2, 2: 4, 3: 6, 4: 8, 5: 10}
    assert work.crowds == [[1], [2, 3, 4, 5]]


def test_a_batch_has_a_maximum_size() -> None:
    work = Work()
    outcomes = _submit_behind(work, Combiner(work), range(MAX_BATCH + 11))
    assert len(outcomes) == MAX_BATCH + 11
    assert [len(crowd) for crowd in work.crowds] == [1, MAX_BATCH, 10]


def test_an_exception_among_the_outcomes_is_one_items_own() -> None:
    work = Work(lambda item: ValueError(item) if item == 3 else item)
    outcomes = _submit_behind(work, Combiner(work), range(1, 5))
    assert isinstance(outcomes.pop(3), ValueError)
    assert outcomes == {1: 1, 2: 2, 4: 4}


def test_an_error_fails_the_whole_batch_and_the_next_batch_runs() -> None:
    def fail(item: Any) -> Any:
        if item < 5:
            raise RuntimeError
        return item

    work = Work(fail)
    combiner = Combiner(work)
    outcomes = _submit_behind(work, combiner, range(1, 5))
    assert all(isinstance(outcome, RuntimeError) for outcome in outcomes.values())
    assert combiner.submit("k", 7, timeout_seconds=TIMEOUT_SECONDS) == 7


def test_who_loses_patience_leaves_and_nothing_is_done_for_them() -> None:
    work = Work()
    combiner = Combiner(work)
    work.go.clear()
    leader = threading.Thread(target=combiner.submit, args=("k", 1), kwargs={"timeout_seconds": TIMEOUT_SECONDS})
    leader.start()
    assert work.began.wait(TIMEOUT_SECONDS)
    with pytest.raises(TimeoutError):
        combiner.submit("k", 2, timeout_seconds=0.01)
    work.go.set()
    leader.join(TIMEOUT_SECONDS)
    assert combiner.submit("k", 3, timeout_seconds=TIMEOUT_SECONDS) == 6
    assert work.crowds == [[1], [3]]


def test_under_another_key_nobody_waits_for_the_first() -> None:
    work = Work()
    combiner = Combiner(lambda items: work(items) if items[0] == 1 else items)
    work.go.clear()
    leader = threading.Thread(target=combiner.submit, args=("k", 1), kwargs={"timeout_seconds": TIMEOUT_SECONDS})
    leader.start()
    assert work.began.wait(TIMEOUT_SECONDS)
    assert combiner.submit("other", 7, timeout_seconds=TIMEOUT_SECONDS) == 7
    work.go.set()
    leader.join(TIMEOUT_SECONDS)


def test_a_connection_that_one_thread_lost_fails_no_other_item() -> None:
    work = Work()
    lost: list[Any] = []

    def run_batch(items: Any) -> Any:
        if len(items) > 1 and not lost:
            lost.append(items)
            raise OperationalError("the connection is closed")
        return work(items)

    combiner = Combiner(run_batch)
    outcomes = _submit_behind(work, combiner, range(1, 5), submit=combiner.submit_or_run)
    assert lost
    assert outcomes == {item: 2 * item for item in range(1, 5)}

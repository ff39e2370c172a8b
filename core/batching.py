"""Run items that threads submit at the same time as one batch ("flat combining").

Without it, concurrent requests for one slot take its lock one after the other, in a transaction each. The first thread
to submit an item under a key becomes the leader: it takes all items queued by then, processes them in one transaction
and gives each thread its own outcome. The first thread of those that queued in the meantime leads the next batch. An
item that is submitted while no batch of its key is running is processed immediately.
"""

import threading
from collections import deque
from collections.abc import Callable, Hashable, Sequence
from contextlib import suppress
from typing import Any, Generic, TypeVar

from django.conf import settings
from django.db import InterfaceError, OperationalError

Key = TypeVar("Key", bound=Hashable)
Item = TypeVar("Item")

MAX_BATCH = 64


class Waiter(Generic[Item]):
    """An item of a thread that waits for the item's outcome, or to become the leader."""

    __slots__ = ("_lock", "done", "error", "item", "outcome", "woken")

    def __init__(self, item: Item) -> None:
        self.item = item
        self.done = False
        self.outcome: Any = None
        self.error: BaseException | None = None
        self.woken = False
        self._lock = threading.Lock()  # held until wake(); costs a fifth of an Event
        self._lock.acquire()

    def wait(self, seconds: float = -1) -> bool:
        """Block until woken; return False if the time runs out first. -1 means no time limit."""
        return self._lock.acquire(timeout=seconds)

    def wake(self) -> None:
        """Unblock the waiting thread."""
        if not self.woken:
            self.woken = True
            self._lock.release()

    def finish(self, outcome: Any) -> None:
        """Set the outcome: a result, or an exception that result() raises."""
        self.done = True
        if isinstance(outcome, BaseException):
            self.error = outcome
        else:
            self.outcome = outcome

    def result(self) -> Any:
        """Return the result, or raise the exception."""
        if self.error is not None:
            raise self.error
        return self.outcome


class Combiner(Generic[Key, Item]):
    """Runs in one batch the items that threads of this process submit under the same key.

    `run_batch(items)` processes all items in one transaction and returns an outcome for each: its result, or the
    exception that only its submitter gets. An exception that it raises goes to the submitters of all items.
    """

    def __init__(self, run_batch: Callable[[Sequence[Item]], Sequence[Any]]) -> None:
        self._run_batch = run_batch
        self._mutex = threading.Lock()
        self._queues: dict[Key, deque[Waiter[Item]]] = {}

    def submit(self, key: Key, item: Item, *, timeout_seconds: float) -> Any:
        """Run the item in a batch of this thread or of another; return its result or raise its exception.

        Raise TimeoutError if no batch has taken the item within `timeout_seconds`; then the item was not processed.
        """
        waiter = Waiter(item)
        with self._mutex:
            is_leader = key not in self._queues  # a queue exists while a leader runs a batch of this key
            self._queues.setdefault(key, deque()).append(waiter)
        if not is_leader and not waiter.wait(timeout_seconds):
            if self._remove(key, waiter):
                raise TimeoutError
            waiter.wait()  # a batch has taken the item, and will finish it
        if not waiter.done:
            self._lead(key)
        return waiter.result()

    def submit_or_run(self, key: Key, item: Item, *, timeout_seconds: float) -> Any:
        """Run the item like submit(), or alone if OPD_COMBINE is off or no batch takes it in `timeout_seconds`.

        Run it alone, too, if the batch fails because a thread has lost its connection: use it for items that may run
        twice.
        """
        if settings.OPD_COMBINE:
            with suppress(TimeoutError, OperationalError, InterfaceError):
                return self.submit(key, item, timeout_seconds=timeout_seconds)
        alone = Waiter(item)
        alone.finish(*self._run_batch([item]))
        return alone.result()

    def waiting(self, key: Key) -> int:
        """Return the number of items queued under this key."""
        with self._mutex:
            return len(self._queues.get(key, ()))

    def _remove(self, key: Key, waiter: Waiter[Item]) -> bool:
        """Remove the item from its queue; return False if a batch has taken it or its thread is to lead the next."""
        with self._mutex:
            queue = self._queues.get(key, deque())
            if waiter not in queue or waiter.woken:
                return False
            queue.remove(waiter)
            return True

    def _lead(self, key: Key) -> None:
        """Run a batch of the queued items, of which this thread's is the first; then wake the next leader."""
        with self._mutex:
            queue = self._queues[key]
            batch = [queue.popleft() for _ in range(min(len(queue), MAX_BATCH))]
        try:
            outcomes = self._run_batch([waiter.item for waiter in batch])
            for waiter, outcome in zip(batch, outcomes, strict=True):
                waiter.finish(outcome)
        except BaseException as error:
            for waiter in batch:
                waiter.finish(error)
        finally:
            with self._mutex:
                if queue:
                    queue[0].wake()
                else:
                    del self._queues[key]
            for waiter in batch:
                waiter.wake()

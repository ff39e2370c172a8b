"""Requests that wait at the same time are carried out together by one of them.

A crowd at one slot otherwise takes its lock one by one, a transaction each. Whoever finds nobody at work leads: it
takes all who wait by then, does their work in one transaction, hands each its own outcome, and the first of those who
came meanwhile leads next. Who comes alone is carried out at once and waits for nobody.
"""

import threading
from collections import deque
from collections.abc import Callable, Hashable, Sequence
from contextlib import suppress
from typing import Any, Generic, TypeVar

from django.conf import settings

Key = TypeVar("Key", bound=Hashable)
Item = TypeVar("Item")

MAX_TOGETHER = 64


class _Place(Generic[Item]):
    """One who waits: for an outcome, or for the lead."""

    __slots__ = ("_turn", "done", "error", "item", "outcome", "woken")

    def __init__(self, item: Item) -> None:
        self.item = item
        self.done = False
        self.outcome: Any = None
        self.error: BaseException | None = None
        self.woken = False
        self._turn = threading.Lock()  # held until somebody wakes this one: a fifth of what an Event costs
        self._turn.acquire()

    def wait(self, seconds: float = -1) -> bool:
        """Sleep until woken; False if the seconds (-1: any number) passed before."""
        return self._turn.acquire(timeout=seconds)

    def wake(self) -> None:
        """Let the one who waits go on."""
        if not self.woken:
            self.woken = True
            self._turn.release()

    def finish(self, outcome: Any) -> None:
        self.done = True
        if isinstance(outcome, BaseException):
            self.error = outcome
        else:
            self.outcome = outcome

    def result(self) -> Any:
        if self.error is not None:
            raise self.error
        return self.outcome


class Combiner(Generic[Key, Item]):
    """Carries out what threads of this process submit under the same key together.

    `carry_out(items)` does the work of all items in one transaction and answers an outcome for each: its result, or the
    exception that is its own. What it raises is everybody's.
    """

    def __init__(self, carry_out: Callable[[Sequence[Item]], Sequence[Any]]) -> None:
        self._carry_out = carry_out
        self._mutex = threading.Lock()
        self._queues: dict[Key, deque[_Place[Item]]] = {}

    def submit(self, key: Key, item: Item, *, patience_seconds: float) -> Any:
        """Have the item carried out, by this thread or another; its result or its exception.

        Raises TimeoutError if its turn has not come within the patience; then nothing was done for it.
        """
        place = _Place(item)
        with self._mutex:
            leads = key not in self._queues  # a queue is there as long as somebody leads
            self._queues.setdefault(key, deque()).append(place)
        if not leads and not place.wait(patience_seconds):
            if self._gave_up(key, place):
                raise TimeoutError
            place.wait()  # whoever took it brings it to an end
        if not place.done:
            self._lead(key)
        return place.result()

    def outcome_of(self, key: Key, item: Item, *, patience_seconds: float) -> Any:
        """The same, but alone where OPD_COMBINE is off or its turn has not come within the patience."""
        if settings.OPD_COMBINE:
            with suppress(TimeoutError):
                return self.submit(key, item, patience_seconds=patience_seconds)
        alone = _Place(item)
        alone.finish(*self._carry_out([item]))
        return alone.result()

    def waiting(self, key: Key) -> int:
        """How many wait under this key for their turn."""
        with self._mutex:
            return len(self._queues.get(key, ()))

    def _gave_up(self, key: Key, place: _Place[Item]) -> bool:
        """Leave the queue, if nobody has taken this one yet or made it lead."""
        with self._mutex:
            queue = self._queues.get(key, deque())
            if place not in queue or place.woken:
                return False
            queue.remove(place)
            return True

    def _lead(self, key: Key) -> None:
        """Carry out those who wait, oneself first among them; then the next one leads."""
        with self._mutex:
            queue = self._queues[key]
            together = [queue.popleft() for _ in range(min(len(queue), MAX_TOGETHER))]
        try:
            outcomes = self._carry_out([place.item for place in together])
            for place, outcome in zip(together, outcomes, strict=True):
                place.finish(outcome)
        except BaseException as error:
            for place in together:
                place.finish(error)
        finally:
            with self._mutex:
                if queue:
                    queue[0].wake()
                else:
                    del self._queues[key]
            for place in together:
                place.wake()

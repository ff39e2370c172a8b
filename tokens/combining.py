"""Requests that wait for the same thing are carried out together by one of them.

A crowd at one slot otherwise takes its lock one by one, a transaction each. Whoever finds nobody at work leads: it
takes all who wait by then, does their work in one transaction, hands each its own outcome, and the first of those who
came meanwhile leads next. Who comes alone is carried out at once and waits for nobody.
"""

import threading
from collections import deque
from collections.abc import Callable, Sequence
from typing import Any, Generic, TypeVar
from uuid import UUID

from core.errors import SlotBusy

Item = TypeVar("Item")

MOST_TOGETHER = 64


class _Place(Generic[Item]):
    """One who waits: for an outcome, or for the lead."""

    __slots__ = ("done", "error", "item", "outcome", "woken")

    def __init__(self, item: Item) -> None:
        self.item = item
        self.done = False
        self.outcome: Any = None
        self.error: BaseException | None = None
        self.woken = threading.Event()

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


class Combiner(Generic[Item]):
    """Carries out what threads of this process submit under the same key together.

    `carry_out(key, items)` does the work of all items in one transaction and answers an outcome for each: its result,
    or the exception that is its own. What it raises is everybody's.
    """

    def __init__(self, carry_out: Callable[[UUID, Sequence[Item]], Sequence[Any]]) -> None:
        self._carry_out = carry_out
        self._mutex = threading.Lock()
        self._waiting: dict[UUID, deque[_Place[Item]]] = {}

    def submit(self, key: UUID, item: Item, *, patience_seconds: float) -> Any:
        """Have the item carried out, by this thread or another; its result or its exception.

        Raises SlotBusy if its turn has not come within the patience; then nothing was done for it.
        """
        place = _Place(item)
        with self._mutex:
            queue = self._waiting.get(key)
            leads = queue is None
            if queue is None:
                self._waiting[key] = deque([place])
            else:
                queue.append(place)
        if not leads and not place.woken.wait(patience_seconds) and self._gave_up(key, place):
            raise SlotBusy
        if not leads:
            place.woken.wait()  # whoever took it brings it to an end
        if not place.done:
            self._lead(key)
        return place.result()

    def _gave_up(self, key: UUID, place: _Place[Item]) -> bool:
        """Leave the queue, if nobody has taken this one yet."""
        with self._mutex:
            queue = self._waiting.get(key)
            if queue is None or place not in queue or place.woken.is_set():
                return False
            queue.remove(place)
            return True

    def _lead(self, key: UUID) -> None:
        with self._mutex:
            queue = self._waiting[key]
            together = [queue.popleft() for _ in range(min(len(queue), MOST_TOGETHER))]
        try:
            outcomes = self._carry_out(key, [place.item for place in together])
            for place, outcome in zip(together, outcomes, strict=True):
                place.finish(outcome)
        except BaseException as error:
            for place in together:
                place.finish(error)
        finally:
            with self._mutex:
                if queue:
                    queue[0].woken.set()  # leads next
                else:
                    del self._waiting[key]
            for place in together:
                place.woken.set()

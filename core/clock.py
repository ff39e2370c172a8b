"""The only place that asks the machine for the time.

An operation asks once, after its lock is held, and passes the moment on. Tests and simulations put their own clock in
with `use`; the override is process-wide on purpose, so that threads started by a race test see it too.
"""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Protocol


class Clock(Protocol):
    """Anything that can tell an aware moment in UTC."""

    def now(self) -> datetime: ...


class MachineClock:
    """The machine's own wall clock."""

    def now(self) -> datetime:
        return datetime.now(UTC)


class ManualClock:
    """A clock that moves only when told to."""

    def __init__(self, start: datetime) -> None:
        if start.tzinfo is None:
            raise ValueError("a clock needs an aware moment")
        self._now = start.astimezone(UTC)

    def now(self) -> datetime:
        return self._now

    def advance(
        self, delta: timedelta | None = None, *, hours: float = 0, minutes: float = 0, seconds: float = 0
    ) -> None:
        """Move on by a span of time."""
        self._now += (delta or timedelta()) + timedelta(hours=hours, minutes=minutes, seconds=seconds)

    def set(self, moment: datetime) -> None:
        """Jump to a moment."""
        self._now = moment.astimezone(UTC)


_machine = MachineClock()
_current: Clock = _machine


def now() -> datetime:
    """The present moment, aware, in UTC."""
    return _current.now()


def machine_milliseconds() -> int:
    """Milliseconds since 1970 by the machine, whatever clock is in use: for ids, which must never repeat."""
    return time.time_ns() // 1_000_000


def monotonic() -> float:
    """Seconds on a clock that never goes back: for measuring waits, never for deciding what time it is."""
    return time.monotonic()


@contextmanager
def use(clock: Clock) -> Iterator[Clock]:
    """Let `now()` answer from another clock inside the block, in every thread."""
    global _current
    before = _current
    _current = clock
    try:
        yield clock
    finally:
        _current = before

"""The current time. No other module reads the system clock.

An operation reads the time once, after it has its locks, and passes it on. Tests and simulations replace the clock with
`use`; the replacement is process-wide so that threads started by a race test see it too.
"""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Protocol


class Clock(Protocol):
    """Anything with a method that returns the current time, aware, in UTC."""

    def now(self) -> datetime: ...


class MachineClock:
    """The system clock."""

    def now(self) -> datetime:
        return datetime.now(UTC)


class ManualClock:
    """A clock that moves only by advance() and set()."""

    def __init__(self, start: datetime) -> None:
        if start.tzinfo is None:
            raise ValueError("a clock needs an aware datetime")
        self._now = start.astimezone(UTC)

    def now(self) -> datetime:
        return self._now

    def advance(
        self, delta: timedelta | None = None, *, hours: float = 0, minutes: float = 0, seconds: float = 0
    ) -> None:
        """Move the clock forward."""
        self._now += (delta or timedelta()) + timedelta(hours=hours, minutes=minutes, seconds=seconds)

    def set(self, moment: datetime) -> None:
        """Set the clock to a time."""
        self._now = moment.astimezone(UTC)


_machine = MachineClock()
_current: Clock = _machine


def now() -> datetime:
    """Return the current time, aware, in UTC."""
    return _current.now()


def machine_milliseconds() -> int:
    """Return milliseconds since 1970 by the system clock, whatever clock is in use: ids must never repeat."""
    return time.time_ns() // 1_000_000


def monotonic() -> float:
    """Return the seconds of a clock that never goes back, to measure durations."""
    return time.monotonic()


@contextmanager
def use(clock: Clock) -> Iterator[Clock]:
    """Make `now()` read another clock inside the block, in every thread."""
    global _current
    before = _current
    _current = clock
    try:
        yield clock
    finally:
        _current = before

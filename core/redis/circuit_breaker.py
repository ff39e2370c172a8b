"""A circuit breaker: after several failures in a row it blocks calls for a while, then lets one caller try."""

import threading

from core import clock
from core.observability import metrics


class Breaker:
    """Opens after `failures` in a row, lets one caller try every `rest_seconds`, and closes when a try succeeds."""

    def __init__(
        self, *, failures: int = 5, rest_seconds: float = 2.0, gauge: metrics.Gauge = metrics.redis_circuit_open
    ) -> None:
        self._allowed = failures
        self._rest = rest_seconds
        self._gauge = gauge
        self._lock = threading.Lock()
        self._failed = 0
        self._try_at: float | None = None

    @property
    def is_open(self) -> bool:
        """Whether the breaker is blocking calls."""
        return self._try_at is not None

    def allows(self) -> bool:
        """Return whether this caller may try; while the breaker is open, one caller may in every `rest_seconds`."""
        if self._try_at is None:
            return True
        with self._lock:
            now = clock.monotonic()
            if self._try_at is None:
                return True
            if now < self._try_at:
                return False
            self._try_at = now + self._rest
            return True

    def succeeded(self) -> None:
        """Record a call that succeeded."""
        if self._failed == 0 and self._try_at is None:
            return
        with self._lock:
            self._failed = 0
            self._try_at = None
        self._gauge.set(0)

    def failed(self) -> None:
        """Record a call that failed."""
        with self._lock:
            self._failed += 1
            if self._failed < self._allowed:
                return
            self._try_at = clock.monotonic() + self._rest
        self._gauge.set(1)

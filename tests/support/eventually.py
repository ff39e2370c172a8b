"""Polling with a deadline."""

import time
from collections.abc import Callable


def eventually(true: Callable[[], bool], seconds: float = 20) -> None:
    """Return as soon as the condition holds; fail if it does not hold in time."""
    ends = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < ends, "waited in vain"
        time.sleep(0.02)

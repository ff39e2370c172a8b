"""Waiting for something to become true, and never for ever."""

import time
from collections.abc import Callable


def eventually(true: Callable[[], bool], seconds: float = 20) -> None:
    """Return as soon as it is true; fails when it does not become true in time."""
    ends = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < ends, "waited in vain"
        time.sleep(0.02)

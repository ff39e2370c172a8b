"""What every test may use."""

import os
import sys
import tempfile
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from core import clock as core_clock

_HELD: list[object] = []


def _start_own_servers() -> None:
    """Without DATABASE_URL and REDIS_URL: start the embedded servers for this session (xdist: in the controller)."""
    if os.environ.get("DATABASE_URL") and os.environ.get("REDIS_URL"):
        return
    from core.embedded import servers

    folder = tempfile.TemporaryDirectory(prefix="opd-test-")
    running = servers(Path(folder.name), fsync=False)
    started = running.__enter__()
    _HELD.extend([folder, running])
    os.environ.setdefault("DATABASE_URL", started.database_url)
    os.environ.setdefault("REDIS_URL", started.redis_url)


def pytest_unconfigure() -> None:
    while _HELD:
        held = _HELD.pop()
        leave = getattr(held, "__exit__", None)
        if leave is not None:
            leave(None, None, None)


if "PYTEST_XDIST_WORKER" not in os.environ and "pytest" in sys.modules:
    _start_own_servers()


@pytest.fixture
def clock() -> Iterator[core_clock.ManualClock]:
    """A clock that stands still on a Monday morning, 09:00 in India, until it is moved."""
    manual = core_clock.ManualClock(datetime(2026, 3, 2, 3, 30, tzinfo=UTC))
    with core_clock.use(manual):
        yield manual

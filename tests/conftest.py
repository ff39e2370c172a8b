"""Fixtures for all tests."""

from collections.abc import Iterator
from datetime import UTC, datetime

import pytest

from core import clock as core_clock


@pytest.fixture
def clock() -> Iterator[core_clock.ManualClock]:
    """Freeze the clock at 09:00 in India on a Monday, until the test moves it."""
    manual = core_clock.ManualClock(datetime(2026, 3, 2, 3, 30, tzinfo=UTC))
    with core_clock.use(manual):
        yield manual

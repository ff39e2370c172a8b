"""The hospital's time limits, read from the settings on each use."""

from dataclasses import dataclass
from datetime import timedelta

from django.conf import settings


@dataclass(frozen=True, slots=True)
class Rules:
    """How long a hold, a grace and a buffer last, and how many seconds a request waits for a lock."""

    hold: timedelta
    grace: timedelta
    buffer: timedelta
    lock_wait_seconds: float


def current() -> Rules:
    """Return the rules that the settings give."""
    return Rules(
        hold=timedelta(seconds=settings.OPD_HOLD_SECONDS),
        grace=timedelta(minutes=settings.OPD_NO_SHOW_GRACE_MINUTES),
        buffer=timedelta(minutes=settings.OPD_BUFFER_MINUTES),
        lock_wait_seconds=settings.OPD_LOCK_WAIT_SECONDS,
    )

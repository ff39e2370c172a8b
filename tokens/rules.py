"""The hospital's rules of time, read from the settings when they are needed."""

from dataclasses import dataclass
from datetime import timedelta

from django.conf import settings


@dataclass(frozen=True, slots=True)
class Rules:
    """How long a hold, a grace and a buffer last, and how long a request waits for a lock (seconds)."""

    hold: timedelta
    grace: timedelta
    buffer: timedelta
    lock_wait_seconds: float


def current() -> Rules:
    """The rules in force."""
    return Rules(
        hold=timedelta(seconds=settings.OPD_HOLD_SECONDS),
        grace=timedelta(minutes=settings.OPD_NO_SHOW_GRACE_MINUTES),
        buffer=timedelta(minutes=settings.OPD_BUFFER_MINUTES),
        lock_wait_seconds=settings.OPD_LOCK_WAIT_SECONDS,
    )

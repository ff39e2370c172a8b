"""How long things wait for a patient (section 4 of the contract)."""

from datetime import datetime, timedelta


def hold_ends(*, now: datetime, hold: timedelta) -> datetime:
    """When an unconfirmed hold expires."""
    return now + hold


def grace_ends(*, now: datetime, estimated_time: datetime | None, grace: timedelta) -> datetime:
    """When the seat of a missing patient is freed: nobody loses it before the time they were told, plus the grace."""
    return max(now, estimated_time or now) + grace

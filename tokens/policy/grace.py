"""How long a seat is kept for a missing patient (section 4 of the contract)."""

from datetime import datetime, timedelta


def grace_ends(*, now: datetime, estimated_time: datetime | None, grace: timedelta) -> datetime:
    """Return when the seat of a missing patient is freed: the grace after now or the estimate, whichever is later."""
    return max(now, estimated_time or now) + grace

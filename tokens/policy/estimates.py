"""When a patient will be seen (section 6 of the contract)."""

from datetime import datetime, timedelta


def queue_start(
    *,
    delayed_start: datetime,
    first_called_at: datetime | None,
    room_since: datetime | None,
    consultation_minutes: int,
    now: datetime,
) -> datetime:
    """When the first in the queue is expected to be seen.

    The delayed start of the slot; once the doctor has called somebody, not before now and not before the patient in the
    room is expected to be done.
    """
    still = stands_until(
        delayed_start=delayed_start,
        first_called_at=first_called_at,
        room_since=room_since,
        consultation_minutes=consultation_minutes,
    )
    if still is None:
        return delayed_start
    return max(still, now)


def stands_until(
    *,
    delayed_start: datetime,
    first_called_at: datetime | None,
    room_since: datetime | None,
    consultation_minutes: int,
) -> datetime | None:
    """Until when the start of the queue is the same whatever the time; after that it moves with the clock.

    None: it stands still until somebody is called.
    """
    if first_called_at is None:
        return None
    if room_since is None:
        return delayed_start
    return max(delayed_start, room_since + timedelta(minutes=consultation_minutes))


def estimated_time(*, start_of_queue: datetime, consultation_minutes: int, ahead: int) -> datetime:
    """When the patient with `ahead` tokens in front is expected to be seen: it never decreases along the queue."""
    return start_of_queue + timedelta(minutes=consultation_minutes * ahead)


def expected_end(
    *, delayed_end: datetime, start_of_queue: datetime, consultation_minutes: int, queue_length: int
) -> datetime:
    """The later of the delayed end of the slot and the last in the queue being done."""
    last_done = estimated_time(
        start_of_queue=start_of_queue, consultation_minutes=consultation_minutes, ahead=queue_length
    )
    return max(delayed_end, last_done)

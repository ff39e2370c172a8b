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
    if first_called_at is None:
        return delayed_start
    start = max(delayed_start, now)
    if room_since is not None:
        start = max(start, room_since + timedelta(minutes=consultation_minutes))
    return start


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

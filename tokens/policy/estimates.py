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
    """Return when the first patient of the queue is expected to be seen.

    This is the delayed start of the slot. Once the doctor has called a patient, it is no earlier than now and, while
    every room is occupied, no earlier than the first expected end of a consultation; `room_since` is when that began.
    """
    fixed_until = stands_until(
        delayed_start=delayed_start,
        first_called_at=first_called_at,
        room_since=room_since,
        consultation_minutes=consultation_minutes,
    )
    if fixed_until is None:
        return delayed_start
    return max(fixed_until, now)


def earliest_start(*, delayed_start: datetime, paused_until: datetime | None) -> datetime:
    """Return the delayed start of a slot, or the expected end of its pause if that is later."""
    return delayed_start if paused_until is None else max(delayed_start, paused_until)


def stands_until(
    *,
    delayed_start: datetime,
    first_called_at: datetime | None,
    room_since: datetime | None,
    consultation_minutes: int,
) -> datetime | None:
    """Return until when the start of the queue is fixed; after that it moves with the clock.

    None: it is fixed until a patient is called.
    """
    if first_called_at is None:
        return None
    if room_since is None:
        return delayed_start
    return max(delayed_start, room_since + timedelta(minutes=consultation_minutes))


def estimated_time(*, start_of_queue: datetime, consultation_minutes: int, ahead: int, rooms: int = 1) -> datetime:
    """Return when the patient with `ahead` tokens in front is expected to be seen; it never decreases in the queue.

    As many patients as the slot has rooms are seen at the same time.
    """
    return start_of_queue + timedelta(minutes=consultation_minutes * (ahead // rooms))


def expected_end(
    *, delayed_end: datetime, start_of_queue: datetime, consultation_minutes: int, queue_length: int, rooms: int = 1
) -> datetime:
    """Return when the slot is expected to be over: the later of its delayed end and the end of the queue."""
    rounds = -(-queue_length // rooms)
    last_done = start_of_queue + timedelta(minutes=consultation_minutes * rounds)
    return max(delayed_end, last_done)

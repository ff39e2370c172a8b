"""Globally unique, time-ordered ids (UUID version 7, RFC 9562 section 6.2, method 1: a counter in rand_a)."""

import secrets
import threading
import uuid

from core import clock

_lock = threading.Lock()
_last = 0


def new_id() -> uuid.UUID:
    """Return a UUIDv7 greater than every id that this process has made before."""
    global _last
    stamp = clock.machine_milliseconds() << 12
    with _lock:
        # The 12 bits after the milliseconds count the ids of one millisecond. If they overflow, or the system clock
        # steps back, the sequence continues from the last id, ahead of the clock.
        _last = max(stamp, _last + 1)
        stamp = _last
    milliseconds, counter = stamp >> 12, stamp & 0xFFF
    value = (milliseconds << 80) | (0x7 << 76) | (counter << 64) | (0b10 << 62) | secrets.randbits(62)
    return uuid.UUID(int=value)


def milliseconds_of(made: uuid.UUID) -> int:
    """Return the time of a UUIDv7, in milliseconds since 1970."""
    return made.int >> 80

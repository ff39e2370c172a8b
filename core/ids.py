"""Globally unique, time-ordered ids (UUID version 7, RFC 9562 section 6.2, method 1: a counter in rand_a)."""

import secrets
import threading
import uuid

from core import clock

_lock = threading.Lock()
_last = 0


def new_id() -> uuid.UUID:
    """A UUIDv7 greater than every id this process has made before."""
    global _last
    stamp = clock.machine_milliseconds() << 12
    with _lock:
        # The 12 bits beside the milliseconds count ids of the same millisecond; when they run over, or the machine's
        # clock steps back, the count simply runs on ahead of it.
        _last = max(stamp, _last + 1)
        stamp = _last
    milliseconds, counter = stamp >> 12, stamp & 0xFFF
    value = (milliseconds << 80) | (0x7 << 76) | (counter << 64) | (0b10 << 62) | secrets.randbits(62)
    return uuid.UUID(int=value)


def milliseconds_of(made: uuid.UUID) -> int:
    """The time in a UUIDv7, in milliseconds since 1970."""
    return made.int >> 80

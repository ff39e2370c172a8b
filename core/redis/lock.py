"""A Redis lock in front of the row locks, which keeps many waiting writers off the database.

Correctness does not depend on it: every holder still locks the rows in PostgreSQL. So the lock may fail open; while
Redis is down, frozen or flushed, writers wait for the row lock instead. All keys are taken at once or none, so two
callers with common keys cannot deadlock. A lock stores its holder's random token, and only that holder can release it.

Waiters block on a list beside the lock (BLPOP) and are woken one by one when it is released; polling leads to waits of
seconds on a busy slot. A waiter also wakes by itself at least twice a second, in case a restart of Redis has lost the
signal.
"""

import secrets
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

from django.conf import settings
from redis.exceptions import RedisError

from core import clock
from core.errors import SlotBusy
from core.observability import metrics
from core.redis.circuit_breaker import Breaker
from core.redis.client import connect

_TAKE = """
for i, key in ipairs(KEYS) do
  local holder = redis.call('GET', key)
  if holder then return {i, holder, redis.call('PTTL', key)} end
end
for i, key in ipairs(KEYS) do redis.call('SET', key, ARGV[1], 'PX', ARGV[2]) end
return {0, '', 0}
"""
_RELEASE = """
local released = 0
for i, key in ipairs(KEYS) do
  if redis.call('GET', key) == ARGV[1] then
    redis.call('DEL', key)
    released = released + 1
    local bell = key .. ':bell'
    if redis.call('LLEN', bell) == 0 then
      redis.call('RPUSH', bell, '1')
      redis.call('PEXPIRE', bell, ARGV[2])
    end
  end
end
return released
"""
_MAX_SLEEP_SECONDS = 0.4
"""Seconds of one BLPOP: shorter than the socket's time-out, so that a wait is never taken for a dead Redis."""


@dataclass(frozen=True, slots=True)
class LockAttempt:
    """The result of taking the lock: `held`; without it, `away` (Redis is down) or `stalled` (the holder hangs)."""

    how: str
    waited: float


class RedisLock:
    """The lock on one Redis server."""

    def __init__(self, url: str, *, breaker: Breaker | None = None, prefix: str = "opd:lock:") -> None:
        self.breaker = breaker or Breaker()
        self._prefix = prefix
        self._redis = connect(url, decode_responses=True)
        self._take_script = self._redis.register_script(_TAKE)
        self._release_script = self._redis.register_script(_RELEASE)

    @contextmanager
    def hold(self, keys: Sequence[str], *, wait_seconds: float, lease_seconds: float) -> Iterator[LockAttempt]:
        """Hold every key inside the block; raise SlotBusy if other callers held one of them for the whole wait."""
        names = [self._prefix + key for key in sorted(set(keys))]
        token = secrets.token_hex(16)
        began = clock.monotonic()
        try:
            how = self._acquire(names, token, began + wait_seconds, lease_seconds)
        except SlotBusy:
            metrics.lock_attempts.labels("refused").inc()
            raise
        waited = clock.monotonic() - began
        metrics.lock_waits.observe(waited)
        metrics.lock_attempts.labels(how).inc()
        try:
            yield LockAttempt(how, waited)
        finally:
            if how == "held":
                self._release(names, token, lease_seconds)

    def _acquire(self, names: list[str], token: str, deadline: float, lease: float) -> str:
        if not names or not self.breaker.allows():
            return "away"
        lease_ms = max(1, int(lease * 1000))
        # If one holder keeps the lock this long, the cause is not many callers: the holder is dead, frozen or busy with
        # a large change. The caller then proceeds without the lock and waits for the row lock.
        stall_seconds = min(1.0, lease / 2)
        holder, since = "", clock.monotonic()
        try:
            while True:
                which, other, left_ms = self._take_script(keys=names, args=[token, lease_ms])
                self.breaker.succeeded()
                if which == 0:
                    return "held"
                now = clock.monotonic()
                if other != holder:
                    holder, since = other, now
                elif now - since >= stall_seconds:
                    return "stalled"
                if now >= deadline:
                    raise SlotBusy()
                sleep_seconds = min(
                    _MAX_SLEEP_SECONDS, deadline - now, max(left_ms, 1) / 1000, since + stall_seconds - now
                )
                self._redis.blpop([names[which - 1] + ":bell"], timeout=max(sleep_seconds, 0.01))
        except RedisError:
            metrics.lock_failures.labels("enter").inc()
            self.breaker.failed()
            return "away"

    def _release(self, names: list[str], token: str, lease: float) -> None:
        # The change is already committed, so a failure here must not reach the client.
        try:
            released = self._release_script(keys=names, args=[token, max(1, int(lease * 1000))])
        except RedisError:
            metrics.lock_failures.labels("leave").inc()
            self.breaker.failed()
        else:
            if released != len(names):
                metrics.lock_failures.labels("lease-lost").inc()

    def is_well(self) -> bool:
        """Return whether Redis answers now."""
        try:
            return bool(self._redis.ping())
        except RedisError:
            return False

    def close(self) -> None:
        """Close the connections."""
        self._redis.close()


_locks: dict[str, RedisLock] = {}
_making = threading.Lock()


def default_lock() -> RedisLock:
    """Return this process's lock on REDIS_URL."""
    url = settings.REDIS_URL
    found = _locks.get(url)
    if found is None:
        with _making:
            found = _locks.setdefault(url, RedisLock(url))
    return found


@contextmanager
def redis_lock(keys: Sequence[str], *, wait_seconds: float | None = None) -> Iterator[LockAttempt]:
    """Run the block while holding the lock of these keys; run it without the lock while Redis is down."""
    wait = settings.OPD_LOCK_WAIT_SECONDS if wait_seconds is None else wait_seconds
    with default_lock().hold(keys, wait_seconds=wait, lease_seconds=settings.OPD_LOCK_LEASE_SECONDS) as attempt:
        yield attempt

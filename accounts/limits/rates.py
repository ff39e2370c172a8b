"""Rate limits of requests.

Most limits are counted in Redis and do not apply while it is down. The limits on codes and registrations, and on failed
sign-ins (lockout.py), are counted in the database, so that they hold without Redis.
"""

import threading
from typing import Any

from django.conf import settings
from redis.exceptions import RedisError
from rest_framework.exceptions import Throttled
from rest_framework.throttling import BaseThrottle

from accounts.access.principal import Principal
from accounts.access.roles import Role
from accounts.audit.security_log import digest, log_event
from accounts.limits.attempts import Limit
from core import clock
from core.api.client_address import client_address, network_of
from core.api.request import ApiRequest
from core.redis.client import connect
from core.redis.lock import default_lock

_HIT_SCRIPT = """
local count = redis.call('INCRBY', KEYS[1], ARGV[2])
if count == tonumber(ARGV[2]) then redis.call('PEXPIRE', KEYS[1], ARGV[1]) end
return {count, redis.call('PTTL', KEYS[1])}
"""
_REFUND_SCRIPT = """
if tonumber(redis.call('GET', KEYS[1]) or '0') > 0 then redis.call('DECR', KEYS[1]) end
"""

_MAX_KEYS = 10_000

# The whole network of a hospital, or all patients in a waiting room, may share one address.
PER_ADDRESS = {name: Limit(f"{name}-address", 300) for name in ("register", "forgot", "code", "pairing")}


class Counter:
    """Counters in one Redis; while it is down, nothing is counted and no request is refused."""

    def __init__(self, url: str) -> None:
        self._breaker = default_lock().breaker  # shared with the locks, which use the same Redis
        self.redis = connect(url)
        self._lock = threading.Lock()
        self._pending: dict[str, int] = {}
        self._blocked_until: dict[str, float] = {}  # key -> end of the block, on the monotonic clock
        self._hit_script = self.redis.register_script(_HIT_SCRIPT)
        self._refund_script = self.redis.register_script(_REFUND_SCRIPT)

    def hit(self, name: str, *, limit: int, seconds: int) -> float | None:
        """Count one request; return the seconds to wait if the limit of this window is exceeded, else None.

        Counts are sent to Redis in batches of one hundredth of the limit, so that a limit in the thousands does not
        cost every request a round trip. Once Redis reports that such a limit is exceeded, this process refuses every
        request until the window ends; other processes do so after their next batch.
        """
        batch = limit // 100
        if (wait := self._seconds_blocked(name)) is not None:
            return wait
        by = self._batched(name, batch)
        if not by or not self._breaker.allows():
            return None
        try:
            count, left_ms = self._hit_script(keys=[f"opd:throttle:{name}"], args=[seconds * 1000, by])
        except RedisError:
            self._breaker.failed()
            return None
        self._breaker.succeeded()
        if count <= limit:
            return None
        seconds_left = max(1.0, left_ms / 1000)
        if batch > 1:
            self._block(name, seconds_left)
        return seconds_left

    def _seconds_blocked(self, name: str) -> float | None:
        """Return the seconds until the window of an exceeded limit ends; None if it is not exceeded."""
        until = self._blocked_until.get(name)
        if until is None:
            return None
        if (left := until - clock.monotonic()) > 0:
            return max(1.0, left)
        self._blocked_until.pop(name, None)
        return None

    def _block(self, name: str, seconds: float) -> None:
        with self._lock:
            if len(self._blocked_until) > _MAX_KEYS:
                self._blocked_until.clear()
            self._blocked_until[name] = clock.monotonic() + seconds

    def _batched(self, name: str, batch: int) -> int:
        """Return the number of requests to send to Redis now; 0 if the batch is not full."""
        if batch <= 1:
            return 1
        with self._lock:
            if len(self._pending) > _MAX_KEYS:
                self._pending.clear()
            count = self._pending.get(name, 0) + 1
            self._pending[name] = count % batch
        return batch if count >= batch else 0

    def refund(self, name: str) -> None:
        """Subtract one request that was counted."""
        if self._breaker.allows():
            try:
                self._refund_script(keys=[f"opd:throttle:{name}"])
            except RedisError:
                self._breaker.failed()
            else:
                self._breaker.succeeded()


_counters: dict[str, Counter] = {}


def default_counter() -> Counter:
    url = settings.REDIS_URL
    if url not in _counters:
        _counters[url] = Counter(url)
    return _counters[url]


class PrincipalThrottle(BaseThrottle):
    """The limit on all requests, which only a runaway program exceeds."""

    name = "all"
    limit = 30_000
    seconds = 60

    def key(self, request: ApiRequest) -> str | None:
        """Return the key under which this request is counted; None if it is not counted."""
        if isinstance(request.auth, Principal):
            return request.auth.actor
        return "address:" + digest("throttle", network_of(client_address(request)))

    def allow_request(self, request: Any, view: Any) -> bool:
        """Count the request and return whether it is allowed."""
        return self.allows(self.key(request))

    def allows(self, key: str | None) -> bool:
        """Count one request under this key (None: do not count) and return whether it is allowed."""
        self._wait: float | None = None
        if settings.OPD_THROTTLING and key is not None:
            self._wait = default_counter().hit(f"{self.name}:{key}", limit=self.limit, seconds=self.seconds)
            if self._wait is not None:
                log_event("throttled", limit=self.name, who=key)
        return self._wait is None

    def wait(self) -> float | None:
        """Return the seconds after which the client may retry."""
        return self._wait


class PatientBookingThrottle(PrincipalThrottle):
    """The limit on a patient's bookings: ten in 15 minutes. Other callers are not counted (see tokens.api.tokens)."""

    name = "booking"
    limit = 10
    seconds = 15 * 60

    def key(self, request: ApiRequest) -> str | None:
        """Return the actor of a patient who books; None for other requests and callers."""
        principal = request.auth
        if request.method != "POST" or not isinstance(principal, Principal) or principal.role != Role.PATIENT:
            return None
        return principal.actor

    def allow_request(self, request: Any, view: Any) -> bool:
        """Count the request, and mark it as counted for `refund`."""
        allowed = super().allow_request(request, view)
        request.counted_as_booking = self.key(request) if settings.OPD_THROTTLING else None  # type: ignore[attr-defined]
        return allowed

    @classmethod
    def refund(cls, request: ApiRequest) -> None:
        """Subtract this request if it was counted."""
        if key := getattr(request, "counted_as_booking", None):
            default_counter().refund(f"{cls.name}:{key}")


def throttle_address(request: ApiRequest, name: str) -> None:
    """Count one attempt of this kind by this address in the database; raise Throttled (429) above the limit."""
    if not settings.OPD_THROTTLING:
        return
    limit, address = PER_ADDRESS[name], network_of(client_address(request))
    if seconds := limit.seconds_locked(address):
        log_event("throttled", limit=limit.name, who=digest("throttle", address))
        raise Throttled(wait=seconds)
    limit.count(address)

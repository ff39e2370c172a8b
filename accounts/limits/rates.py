"""How often one may ask.

Most limits are counted in Redis and let everybody through while it is away. What guards the doors (codes and
registrations; failed sign-ins in lockout.py) is counted in the database, so that it holds without Redis.
"""

import threading
from typing import Any

from django.conf import settings
from redis.exceptions import RedisError
from rest_framework.exceptions import Throttled
from rest_framework.throttling import BaseThrottle

from accounts.access.principal import Principal, principal_of
from accounts.access.roles import Role
from accounts.audit.security_log import digest, note
from accounts.limits.attempts import Limit
from core import clock
from core.api.client_address import client_address, network_of
from core.api.request import ApiRequest
from core.redis.client import connect
from core.redis.lock import default_gate

_HIT = """
local count = redis.call('INCRBY', KEYS[1], ARGV[2])
if count == tonumber(ARGV[2]) then redis.call('PEXPIRE', KEYS[1], ARGV[1]) end
return {count, redis.call('PTTL', KEYS[1])}
"""
_GIVE_BACK = """
if tonumber(redis.call('GET', KEYS[1]) or '0') > 0 then redis.call('DECR', KEYS[1]) end
"""

_MAX_NAMES = 10_000

# A hospital's whole network may stand behind one address, and a hall full of patients behind another.
_PER_ADDRESS = {name: Limit(f"{name}-address", 300) for name in ("register", "forgot", "code")}


class Counter:
    """Counts in one Redis; where it is away, nothing is counted and nobody is held up."""

    def __init__(self, url: str) -> None:
        self._breaker = default_gate().breaker  # one Redis, one memory of whether it answers
        self._redis = connect(url)
        self._lock = threading.Lock()
        self._pending: dict[str, int] = {}
        self._closed: dict[str, float] = {}  # until which moment of the monotonic clock
        self._hit = self._redis.register_script(_HIT)
        self._give_back = self._redis.register_script(_GIVE_BACK)

    def hit(self, name: str, *, limit: int, seconds: int) -> float | None:
        """Count one; the seconds to wait if that was more than the limit in this window, else None.

        A limit in the thousands is reported to Redis a hundredth of it at a time, so that the generous limit on
        everything does not cost every request a call. Once Redis says that such a limit is exceeded, this process
        refuses every request until the window ends; other processes learn of it with their next report.
        """
        batch = limit // 100
        if (wait := self._still_closed(name)) is not None:
            return wait
        by = self._gathered(name, batch)
        if not by or not self._breaker.allows():
            return None
        try:
            count, left_ms = self._hit(keys=[f"opd:throttle:{name}"], args=[seconds * 1000, by])
        except RedisError:
            self._breaker.failed()
            return None
        self._breaker.succeeded()
        if count <= limit:
            return None
        seconds_left = max(1.0, left_ms / 1000)
        if batch > 1:
            self._close(name, seconds_left)
        return seconds_left

    def _still_closed(self, name: str) -> float | None:
        """The seconds until the window of an exceeded limit ends; None for a limit that is open."""
        until = self._closed.get(name)
        if until is None:
            return None
        if (left := until - clock.monotonic()) > 0:
            return max(1.0, left)
        self._closed.pop(name, None)
        return None

    def _close(self, name: str, seconds: float) -> None:
        with self._lock:
            if len(self._closed) > _MAX_NAMES:
                self._closed.clear()
            self._closed[name] = clock.monotonic() + seconds

    def _gathered(self, name: str, batch: int) -> int:
        """How many to tell Redis of now; 0: none yet."""
        if batch <= 1:
            return 1
        with self._lock:
            if len(self._pending) > _MAX_NAMES:
                self._pending.clear()
            count = self._pending.get(name, 0) + 1
            self._pending[name] = count % batch
        return batch if count >= batch else 0

    def give_back(self, name: str) -> None:
        """Take back one that was counted."""
        if self._breaker.allows():
            try:
                self._give_back(keys=[f"opd:throttle:{name}"])
            except RedisError:
                self._breaker.failed()
            else:
                self._breaker.succeeded()


_counters: dict[str, Counter] = {}


def _counter() -> Counter:
    url = settings.REDIS_URL
    if url not in _counters:
        _counters[url] = Counter(url)
    return _counters[url]


class PrincipalThrottle(BaseThrottle):
    """Everything: so generous that only a runaway program meets it."""

    name = "all"
    limit = 30_000
    seconds = 60

    def who(self, request: ApiRequest) -> str | None:
        """Under which name this request is counted; None: not at all."""
        if isinstance(request.auth, Principal):
            return request.auth.actor
        return "address:" + digest("throttle", network_of(client_address(request)))

    def allow_request(self, request: Any, view: Any) -> bool:
        """Count the request and say whether it was one too many."""
        return self.allows(self.who(request))

    def allows(self, who: str | None) -> bool:
        """Count one request under this name (None: not at all) and say whether it was one too many."""
        self._wait: float | None = None
        if settings.OPD_THROTTLING and who is not None:
            self._wait = _counter().hit(f"{self.name}:{who}", limit=self.limit, seconds=self.seconds)
            if self._wait is not None:
                note("throttled", limit=self.name, who=who)
        return self._wait is None

    def wait(self) -> float | None:
        """After how many seconds to ask again."""
        return self._wait


class PatientBookingThrottle(PrincipalThrottle):
    """Bookings by a patient: ten in a quarter of an hour; nobody else is counted (see BookingLimit)."""

    name = "booking"
    limit = 10
    seconds = 15 * 60

    def who(self, request: ApiRequest) -> str | None:
        """The patient who books."""
        if request.method != "POST" or not request.user.is_authenticated:
            return None
        principal = principal_of(request)
        return principal.actor if principal.role == Role.PATIENT else None

    def allow_request(self, request: Any, view: Any) -> bool:
        """Count the request, and note on it that it was counted."""
        allowed = super().allow_request(request, view)
        request.counted_as_booking = self.who(request) if settings.OPD_THROTTLING else None  # type: ignore[attr-defined]
        return allowed

    @classmethod
    def give_back(cls, request: ApiRequest) -> None:
        """Take back what was counted for this request, if anything was."""
        if who := getattr(request, "counted_as_booking", None):
            _counter().give_back(f"{cls.name}:{who}")


def throttle_address(request: ApiRequest, name: str) -> None:
    """Count one try of this kind by this address, in the database; Throttled (429) if there were too many."""
    if not settings.OPD_THROTTLING:
        return
    limit, address = _PER_ADDRESS[name], network_of(client_address(request))
    if seconds := limit.seconds_closed(address):
        note("throttled", limit=limit.name, who=digest("throttle", address))
        raise Throttled(wait=seconds)
    limit.count(address)

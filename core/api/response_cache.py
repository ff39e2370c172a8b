"""Answers that are ready to be sent, kept while nothing changes: near in this process, and in Redis for all of them.

A snapshot is kept under its whole key and carries the tag of what it was made from. A caller names the tag that is true
now, as just read from the database; a snapshot with any other tag is not used. So nothing has to be thrown away when
something changes, and Redis may be away, flushed, frozen or put back to any state: it can only cost time. A key holds
one snapshot, the latest, so that what is kept does not grow with the changes.
"""

import hashlib
import hmac
import inspect
import threading
from collections import OrderedDict
from collections.abc import Callable, Sequence
from types import ModuleType
from typing import NamedTuple

from django.conf import settings
from redis.exceptions import RedisError

from core import clock
from core.batching import Combiner
from core.observability import metrics
from core.redis.client import connect
from core.redis.lock import default_gate

NEAR_BYTES = 16 * 1024 * 1024
KEPT_SECONDS = 60
TURN_SECONDS = 5.0
_SEAL_BYTES, _TAG_BYTES = 16, 32


class Snapshot(NamedTuple):
    """Bytes, and the tag (32 hexadecimal digits) of what they were made from."""

    tag: str
    body: bytes


class Asked(NamedTuple):
    """A snapshot that somebody wants: its whole key, the tag that is true now, and how it is made anew.

    Keys without number can share places in Redis (`shared_place`), so that nobody fills it. The tags of such keys must
    differ: then a snapshot of another key is one with another tag, and is not used.
    """

    key: str
    tag: str
    make: Callable[[], Snapshot]
    shared_place: str | None = None

    @property
    def place(self) -> str:
        """Where it lies in Redis."""
        return self.shared_place or self.key


class Near:
    """The snapshots that this process used in the last minute, up to a number of bytes; those used last come last."""

    def __init__(self, limit: int = NEAR_BYTES) -> None:
        self._limit = limit
        self._bytes = 0
        self._kept: OrderedDict[str, tuple[float, Snapshot]] = OrderedDict()  # by key, with the moment of the last use
        self._lock = threading.Lock()

    def get(self, key: str, tag: str) -> Snapshot | None:
        """What is kept under the key, if it carries this tag."""
        with self._lock:
            _, found = self._kept.get(key, (0.0, None))
            if found is None or found.tag != tag:
                return None
            self._kept[key] = clock.monotonic(), found
            self._kept.move_to_end(key)
            return found

    def put(self, key: str, snapshot: Snapshot) -> None:
        """Keep it; what was not used for longest makes room, and what was not used for a minute goes."""
        with self._lock:
            self._drop(key)
            now = clock.monotonic()
            self._kept[key] = now, snapshot
            self._bytes += len(snapshot.body)
            for each, (used, _) in list(self._kept.items()):
                if self._bytes <= self._limit and used >= now - KEPT_SECONDS:
                    break
                self._drop(each)

    def _drop(self, key: str) -> None:
        _, gone = self._kept.pop(key, (0.0, None))
        self._bytes -= len(gone.body) if gone is not None else 0


class Far:
    """The snapshots in one Redis, each under a seal that only the engine can make; nothing while Redis is away."""

    def __init__(self, url: str) -> None:
        self._breaker = default_gate().breaker  # one Redis, one memory of whether it answers
        self._key = hashlib.sha256(b"snapshots" + settings.SECRET_KEY.encode()).digest()
        self._redis = connect(url)

    def get(self, place: str, tag: str) -> Snapshot | None:
        """What lies at the place, if it carries this tag and nobody else has touched it."""
        if not self._breaker.allows():
            return None
        try:
            kept = self._redis.get(_name(place))
        except RedisError:
            self._breaker.failed()
            return None
        self._breaker.succeeded()
        if not isinstance(kept, bytes) or kept[_SEAL_BYTES : _SEAL_BYTES + _TAG_BYTES] != tag.encode():
            return None
        text = kept[_SEAL_BYTES:]
        if not hmac.compare_digest(kept[:_SEAL_BYTES], self._seal(place, text)):
            metrics.snapshots.labels("spoilt").inc()
            return None
        return Snapshot(tag, text[_TAG_BYTES:])

    def put(self, place: str, snapshot: Snapshot) -> None:
        """Lay it there for a while."""
        if not self._breaker.allows():
            return
        text = snapshot.tag.encode() + snapshot.body
        try:
            self._redis.set(_name(place), self._seal(place, text) + text, ex=KEPT_SECONDS)
        except RedisError:
            self._breaker.failed()
        else:
            self._breaker.succeeded()

    def _seal(self, place: str, text: bytes) -> bytes:
        sealed = hashlib.blake2b(place.encode() + b"\n", digest_size=_SEAL_BYTES, key=self._key)
        sealed.update(text)
        return sealed.digest()


def ready(asked: Asked) -> Snapshot:
    """The snapshot with the tag that is true now, or a later one: at hand, or made once for all who ask meanwhile."""
    found = near.get(asked.key, asked.tag)
    if found is not None:
        metrics.snapshots.labels("near").inc()
        return found
    fetched: Snapshot = _fetching.outcome_of(asked.key, asked, patience_seconds=TURN_SECONDS)
    return fetched


def _fetch_all(together: Sequence[Asked]) -> list[Snapshot]:
    """For each the snapshot that it asked for, else one that is made now: after all of them have read their tag.

    All of them ask for the same key.
    """
    made: Snapshot | None = None
    fetched = []
    for asked in together:
        found = near.get(asked.key, asked.tag)
        how = "near"
        if found is None:
            found, how = _redis().get(asked.place, asked.tag), "far"
            if found is not None:
                near.put(asked.key, found)
        if found is None:
            how = "near" if made else "made"
            found = made = made or _made(asked)
        metrics.snapshots.labels(how).inc()
        fetched.append(found)
    return fetched


def _made(asked: Asked) -> Snapshot:
    made = asked.make()
    near.put(asked.key, made)
    _redis().put(asked.place, made)
    return made


def tag_of(*facts: object) -> str:
    """The tag of what a snapshot is made from."""
    return hashlib.blake2b(repr(facts).encode(), digest_size=_TAG_BYTES // 2).hexdigest()


def text_of(*modules: ModuleType) -> str:
    """The tag of the code that makes snapshots, so that no release takes another's for its own."""
    return tag_of(*(inspect.getsource(module) for module in modules))


def _name(place: str) -> str:
    return f"opd:snapshot:{place}"


def _redis() -> Far:
    url = settings.REDIS_URL
    if url not in _far:
        _far[url] = Far(url)
    return _far[url]


near = Near()
_far: dict[str, Far] = {}
_fetching: Combiner[str, Asked] = Combiner(_fetch_all)

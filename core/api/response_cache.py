"""Cache response bodies in this process, validated by tags.

A body has the tag of the data that it was made from. A request gives the tag of the current data, which it has just
read from the database, and a body with any other tag is not used, so changes need no invalidation. Only the latest body
of each name is cached, so the cache does not grow with the number of changes.
"""

import hashlib
import inspect
import threading
from collections import OrderedDict
from collections.abc import Callable, Sequence
from types import ModuleType
from typing import Any, NamedTuple

from core import clock
from core.batching import Combiner
from core.observability import metrics

MAX_BYTES = 16 * 1024 * 1024
MAX_IDLE_SECONDS = 60
QUEUE_SECONDS = 5.0
_TAG_BYTES = 16


class Body(NamedTuple):
    """The bytes of a body, the tag (32 hexadecimal digits) of its data, and what its maker wants to know about it."""

    tag: str
    content: bytes
    about: Any = None


class BodyRequest(NamedTuple):
    """The body that a request needs: its name, the current tag, and the function that makes it."""

    name: str
    tag: str
    make: Callable[[], Body]


class ResponseCache:
    """Bodies used in the last MAX_IDLE_SECONDS, up to a number of bytes; the least recently used are evicted first."""

    def __init__(self, max_bytes: int = MAX_BYTES) -> None:
        self._max_bytes = max_bytes
        self._bytes = 0
        self._entries: OrderedDict[str, tuple[float, Body]] = OrderedDict()  # with the time of the last use
        self._lock = threading.Lock()

    def get(self, name: str, tag: str) -> Body | None:
        """Return the body of this name if it has this tag, else None."""
        with self._lock:
            _, found = self._entries.get(name, (0.0, None))
            if found is None or found.tag != tag:
                return None
            self._entries[name] = clock.monotonic(), found
            self._entries.move_to_end(name)
            return found

    def put(self, name: str, body: Body) -> None:
        """Cache a body in place of the one of this name."""
        with self._lock:
            self._drop(name)
            now = clock.monotonic()
            self._entries[name] = now, body
            self._bytes += len(body.content)
            for each, (used, _) in list(self._entries.items()):
                if self._bytes <= self._max_bytes and used >= now - MAX_IDLE_SECONDS:
                    break
                self._drop(each)

    def _drop(self, name: str) -> None:
        _, dropped = self._entries.pop(name, (0.0, None))
        self._bytes -= len(dropped.content) if dropped is not None else 0


cache = ResponseCache()


def cached(wanted: BodyRequest) -> Body:
    """Return the body with the wanted tag or a later one: from the cache, or made once for all requests that wait."""
    found = cache.get(wanted.name, wanted.tag)
    if found is not None:
        metrics.cached_bodies.labels("cached").inc()
        return found
    made: Body = _builds.submit_or_run(wanted.name, wanted, timeout_seconds=QUEUE_SECONDS)
    return made


def _make(batch: Sequence[BodyRequest]) -> list[Body]:
    """Return for each request the body with its tag, or one made now, after all of them have read their tags."""
    made: Body | None = None
    bodies = []
    for wanted in batch:
        found = cache.get(wanted.name, wanted.tag)
        if found is None and made is None:
            made = wanted.make()
            cache.put(wanted.name, made)
            metrics.cached_bodies.labels("made").inc()
        bodies.append(found or made)
    return bodies  # type: ignore[return-value]


_builds: Combiner[str, BodyRequest] = Combiner(_make)


def tag_of(*facts: object) -> str:
    """Return the tag of the data from which a body is made."""
    return hashlib.blake2b(repr(facts).encode(), digest_size=_TAG_BYTES).hexdigest()


def source_tag(*modules: ModuleType) -> str:
    """Return the tag of the code that makes bodies, so that a release does not use the bodies of another."""
    return tag_of(*(inspect.getsource(module) for module in modules))

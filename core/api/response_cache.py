"""Bodies of answers, kept in this process while nothing changes.

A body carries the tag of what it was made from. A request names the tag that is true now, as just read from the
database; a body with any other tag is not used. So nothing has to be removed from the cache when something changes.
For each name the latest body is kept, so that the cache does not grow with the changes.
"""

import hashlib
import inspect
import threading
from collections import OrderedDict
from collections.abc import Callable, Sequence
from types import ModuleType
from typing import NamedTuple

from core import clock
from core.batching import Combiner
from core.observability import metrics

MAX_BYTES = 16 * 1024 * 1024
KEPT_SECONDS = 60
TURN_SECONDS = 5.0
_TAG_BYTES = 16


class Body(NamedTuple):
    """The bytes of an answer, the tag (32 hexadecimal digits) of what they were made from, and whom they name."""

    tag: str
    content: bytes
    patient_ids: tuple[str, ...] = ()


class Wanted(NamedTuple):
    """A body that a request wants: its name, the tag that is true now, and how it is made."""

    name: str
    tag: str
    make: Callable[[], Body]


class ResponseCache:
    """The bodies that were used in the last KEPT_SECONDS, up to a number of bytes; the least recently used go first."""

    def __init__(self, max_bytes: int = MAX_BYTES) -> None:
        self._max_bytes = max_bytes
        self._bytes = 0
        self._kept: OrderedDict[str, tuple[float, Body]] = OrderedDict()  # with the time of the last use
        self._lock = threading.Lock()

    def get(self, name: str, tag: str) -> Body | None:
        """The body of this name, if it carries this tag."""
        with self._lock:
            _, found = self._kept.get(name, (0.0, None))
            if found is None or found.tag != tag:
                return None
            self._kept[name] = clock.monotonic(), found
            self._kept.move_to_end(name)
            return found

    def put(self, name: str, body: Body) -> None:
        """Keep a body, in place of the one of this name."""
        with self._lock:
            self._drop(name)
            now = clock.monotonic()
            self._kept[name] = now, body
            self._bytes += len(body.content)
            for each, (used, _) in list(self._kept.items()):
                if self._bytes <= self._max_bytes and used >= now - KEPT_SECONDS:
                    break
                self._drop(each)

    def _drop(self, name: str) -> None:
        _, gone = self._kept.pop(name, (0.0, None))
        self._bytes -= len(gone.content) if gone is not None else 0


cache = ResponseCache()


def cached(wanted: Wanted) -> Body:
    """The body with the wanted tag or a later one: from the cache, or made once for all requests that wait for it."""
    found = cache.get(wanted.name, wanted.tag)
    if found is not None:
        metrics.cached_bodies.labels("cached").inc()
        return found
    made: Body = _making.outcome_of(wanted.name, wanted, patience_seconds=TURN_SECONDS)
    return made


def _make(together: Sequence[Wanted]) -> list[Body]:
    """For each request the body with its tag, or one that is made now, after all of them have read their tags."""
    made: Body | None = None
    bodies = []
    for wanted in together:
        found = cache.get(wanted.name, wanted.tag)
        if found is None and made is None:
            made = wanted.make()
            cache.put(wanted.name, made)
            metrics.cached_bodies.labels("made").inc()
        bodies.append(found or made)
    return bodies  # type: ignore[return-value]


_making: Combiner[str, Wanted] = Combiner(_make)


def tag_of(*facts: object) -> str:
    """The tag of what a body is made from."""
    return hashlib.blake2b(repr(facts).encode(), digest_size=_TAG_BYTES).hexdigest()


def source_tag(*modules: ModuleType) -> str:
    """The tag of the code that makes bodies, so that no release takes the body of another one for its own."""
    return tag_of(*(inspect.getsource(module) for module in modules))

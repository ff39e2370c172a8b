"""Read reports and lists from a streaming replica; read everything else, and everything in doubt, from the primary.

A read sees at least every write that was acknowledged to any client before the read began: it first queries the
primary's log position and uses the replica only if the replica reaches that position within
OPD_REPLICA_WAIT_SECONDS. So a client reads its own writes at every web process, and no process has to keep track
of recent writes.

A view must opt in with `from_replica`.
"""

import functools
import time
from collections.abc import Callable
from contextvars import ContextVar
from typing import Any, ParamSpec, TypeVar

from django.conf import settings
from django.db import DEFAULT_DB_ALIAS, InterfaceError, InternalError, OperationalError, connections
from django.db.models import Model

from core import clock
from core.db import retry
from core.db.transactions import atomic
from core.observability import metrics
from core.redis.circuit_breaker import Breaker

P = ParamSpec("P")
T = TypeVar("T")

ALIAS = "replica"
_POSITION = "SELECT pg_current_wal_flush_lsn()::text"
# A promoted replica has diverged from the primary: it is not read, whatever its position.
_HAS_COME_TO = "SELECT pg_is_in_recovery() AND pg_last_wal_replay_lsn() >= %s::pg_lsn"
_POLL_SECONDS = 0.003
_CANCELLED = "57014"
"""SQLSTATE of a statement that timed out; it would time out on the primary too, so it is not run there."""

breaker = Breaker(failures=1, rest_seconds=2.0, gauge=metrics.replica_left_alone)
_reading: ContextVar[bool] = ContextVar("reading_replica", default=False)


class Router:
    """Routes model reads inside `from_replica` to the replica, unless this thread has a transaction on the primary."""

    def db_for_read(self, model: type[Model], **hints: Any) -> str:
        """Return the alias of the replica or of the primary."""
        replica = _reading.get() and not connections[DEFAULT_DB_ALIAS].in_atomic_block
        return ALIAS if replica else DEFAULT_DB_ALIAS

    def db_for_write(self, model: type[Model], **hints: Any) -> str:
        """Return the alias of the primary."""
        return DEFAULT_DB_ALIAS

    def allow_relation(self, one: Model, other: Model, **hints: Any) -> bool:
        """Return True: both aliases hold the same rows."""
        return True

    def allow_migrate(self, db: str, app_label: str, **hints: Any) -> bool:
        """Return whether this is the primary; the replica receives its tables by replication."""
        return db == DEFAULT_DB_ALIAS


def from_replica(read: Callable[P, T]) -> Callable[P, T]:
    """Decorate a function that only reads, so that it reads from the replica if there is one that is up to date.

    If the replica fails during the read, the function runs again on the primary.
    """

    @functools.wraps(read)
    def reading(*args: P.args, **kwargs: P.kwargs) -> T:
        if not is_configured():
            return read(*args, **kwargs)
        if breaker.allows():
            position = _position()
            try:
                # One transaction, so that a pooler sends the position check and the reads to the same server.
                with atomic(using=ALIAS):
                    if has_come_to(position):
                        _count("replica")
                        return inside(read, *args, **kwargs)
                _count("behind")
            except (OperationalError, InterfaceError, InternalError) as error:
                if retry.sqlstate(error) == _CANCELLED:
                    raise
                _count("away")
        return read(*args, **kwargs)

    return reading


def is_configured() -> bool:
    """Return whether a replica is configured."""
    return ALIAS in settings.DATABASES


def is_well() -> bool:
    """Return whether the replica answers and is up to date; while the breaker is open, most calls return False."""
    if not breaker.allows():
        return False
    position = _position()
    try:
        with atomic(using=ALIAS):
            up_to_date = has_come_to(position)
    except (OperationalError, InterfaceError, InternalError):
        up_to_date = False
    _update_breaker(up_to_date)
    return up_to_date


def inside(read: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
    before = _reading.set(True)
    try:
        return read(*args, **kwargs)
    finally:
        _reading.reset(before)


def _position() -> str:
    """Return the position up to which the primary's log is flushed to disk; every acknowledged write lies before it."""
    with connections[DEFAULT_DB_ALIAS].cursor() as cursor:
        cursor.execute(_POSITION)
        return str(cursor.fetchone()[0])


def has_come_to(position: str) -> bool:
    """Return whether the replica has replayed the log up to this position, now or within OPD_REPLICA_WAIT_SECONDS."""
    deadline = clock.monotonic() + settings.OPD_REPLICA_WAIT_SECONDS
    with connections[ALIAS].cursor() as cursor:
        while True:
            cursor.execute(_HAS_COME_TO, [position])
            if cursor.fetchone()[0]:
                return True
            if clock.monotonic() >= deadline:
                return False
            time.sleep(_POLL_SECONDS)


def _count(how: str) -> None:
    metrics.replica_reads.labels(how).inc()
    _update_breaker(how == "replica")


def _update_breaker(up_to_date: bool) -> None:
    if up_to_date:
        breaker.succeeded()
    else:
        breaker.failed()

"""Reports and lists from a streaming replica; everything else, and all of it when in doubt, from the primary.

Whoever reads sees at least what was acknowledged to anybody before they asked: a read first asks the primary how far
its log is, and the replica is read only if it has come so far, which it may take a moment for. So a reader finds what
they just wrote, at whichever web process they ask, and nobody has to remember who wrote when.

Nothing comes here by itself: a view says so with `from_replica`.
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
# A replica that was promoted goes its own way from there: it is not read, however far it is.
_HAS_COME_TO = "SELECT pg_is_in_recovery() AND pg_last_wal_replay_lsn() >= %s::pg_lsn"
_NAP = 0.003
_CANCELLED = "57014"
"""A statement ran out of time: it would do so on the primary too."""

breaker = Breaker(failures=1, rest_seconds=2.0, gauge=metrics.replica_left_alone)
_reading: ContextVar[bool] = ContextVar("reading_replica", default=False)


class Router:
    """Model reads go to the replica inside `from_replica`, unless the primary has a transaction open here."""

    def db_for_read(self, model: type[Model], **hints: Any) -> str:
        """The replica or the primary."""
        replica = _reading.get() and not connections[DEFAULT_DB_ALIAS].in_atomic_block
        return ALIAS if replica else DEFAULT_DB_ALIAS

    def db_for_write(self, model: type[Model], **hints: Any) -> str:
        """Always the primary."""
        return DEFAULT_DB_ALIAS

    def allow_relation(self, one: Model, other: Model, **hints: Any) -> bool:
        """Rows of both are rows of the same database."""
        return True

    def allow_migrate(self, db: str, app_label: str, **hints: Any) -> bool:
        """The replica gets its tables from the primary."""
        return db == DEFAULT_DB_ALIAS


def from_replica(read: Callable[P, T]) -> Callable[P, T]:
    """Let a function that only reads do so on the replica, if there is one that is up to date.

    If the replica breaks in the middle the function is run again on the primary.
    """

    @functools.wraps(read)
    def reading(*args: P.args, **kwargs: P.kwargs) -> T:
        if not is_configured():
            return read(*args, **kwargs)
        if breaker.allows():
            position = _position()
            try:
                # One transaction, so that a pooler in between asks and reads the same server.
                with atomic(using=ALIAS):
                    if _has_come_to(position):
                        _note("replica")
                        return _inside(read, *args, **kwargs)
                _note("behind")
            except (OperationalError, InterfaceError, InternalError) as error:
                if retry.sqlstate(error) == _CANCELLED:
                    raise
                _note("away")
        return read(*args, **kwargs)

    return reading


def is_configured() -> bool:
    """Whether there is a replica at all."""
    return ALIAS in settings.DATABASES


def is_well() -> bool:
    """Whether the replica answers and is up to date; while it is left alone, only one who asks in a while finds out."""
    if not breaker.allows():
        return False
    position = _position()
    try:
        with atomic(using=ALIAS):
            well = _has_come_to(position)
    except (OperationalError, InterfaceError, InternalError):
        well = False
    _remember(well)
    return well


def _inside(read: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
    before = _reading.set(True)
    try:
        return read(*args, **kwargs)
    finally:
        _reading.reset(before)


def _position() -> str:
    """The place in the primary's log up to which everything is safe on its disk, and so all that was acknowledged."""
    with connections[DEFAULT_DB_ALIAS].cursor() as cursor:
        cursor.execute(_POSITION)
        return str(cursor.fetchone()[0])


def _has_come_to(position: str) -> bool:
    """Whether the replica shows everything up to there, at once or within its patience."""
    ends = clock.monotonic() + settings.OPD_REPLICA_WAIT_SECONDS
    with connections[ALIAS].cursor() as cursor:
        while True:
            cursor.execute(_HAS_COME_TO, [position])
            if cursor.fetchone()[0]:
                return True
            if clock.monotonic() >= ends:
                return False
            time.sleep(_NAP)


def _note(how: str) -> None:
    metrics.replica_reads.labels(how).inc()
    _remember(how == "replica")


def _remember(well: bool) -> None:
    if well:
        breaker.succeeded()
    else:
        breaker.failed()

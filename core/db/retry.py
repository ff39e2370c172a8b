"""Passing failures of the database: which may be tried again, and how often."""

import random
import time
from collections.abc import Callable
from typing import TypeVar

from django.db import DatabaseError, InterfaceError, InternalError, OperationalError, connection

from core.observability import metrics

T = TypeVar("T")

TRIES = 3
LOCK_NOT_AVAILABLE = "55P03"
"""PostgreSQL's code for a lock that was not to be had within the lock timeout."""
_ROLLED_BACK = {"40001": "serialization", "40P01": "deadlock"}
"""The server itself says that nothing was done."""
_LOST = {"57P01", "57P02", "57P03", "53300", "25P03", "25P04"}
"""The connection went away, or was not to be had."""
_INTERNAL = "XX000"
_NODE_LOST = ("failure on connection marked as essential", "could not commit transaction")
"""How a coordinator of several servers reports, as an internal error, that it lost its connection to one of them."""


def sqlstate(error: BaseException) -> str | None:
    """PostgreSQL's code of an error, if it came from the server."""
    return getattr(error.__cause__, "sqlstate", None)


def was_rolled_back(error: BaseException) -> bool:
    """Whether the server gave the transaction up as a victim: certain, even during COMMIT."""
    return isinstance(error, OperationalError) and sqlstate(error) in _ROLLED_BACK


def lost_connection(error: BaseException) -> bool:
    """Whether the connection broke or could not be made; if COMMIT was on its way, nobody knows what became of it."""
    if isinstance(error, InterfaceError):
        return True
    if isinstance(error, InternalError):
        return sqlstate(error) == _INTERNAL and any(text in str(error) for text in _NODE_LOST)
    if not isinstance(error, OperationalError) or type(error.__cause__).__name__ == "PoolTimeout":
        return False
    state = sqlstate(error)
    return state is None or state.startswith("08") or state in _LOST


def pause(attempt: int) -> None:
    """Wait a little longer after each failure, never the same time for two."""
    time.sleep(random.uniform(0.02, 0.1) * 2**attempt)  # noqa: S311


def start_afresh() -> None:
    """Let the next statement use a sound connection."""
    if not connection.in_atomic_block:
        connection.close()


def again(step: Callable[[], T], *, may_repeat: Callable[[BaseException], bool] | None = None) -> T:
    """Run a step, again after passing failures, TRIES times in all; `may_repeat` decides for a lost connection."""
    for attempt in range(TRIES):
        try:
            return step()
        except (DatabaseError, InterfaceError) as error:
            victim = was_rolled_back(error)
            allowed = victim or (lost_connection(error) and (may_repeat is None or may_repeat(error)))
            if connection.in_atomic_block or not allowed or attempt == TRIES - 1:
                raise
            metrics.retries.labels(_ROLLED_BACK[sqlstate(error) or ""] if victim else "connection").inc()
            start_afresh()
            pause(attempt)
    raise AssertionError("unreachable")

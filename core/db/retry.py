"""Retry operations after transient failures of the database."""

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
"""SQLSTATEs with which the server reports that it rolled the transaction back."""
_LOST = {"57P01", "57P02", "57P03", "53300", "25P03", "25P04"}
"""SQLSTATEs of a connection that was lost or could not be made."""
_INTERNAL = "XX000"
_NODE_LOST = ("failure on connection marked as essential", "could not commit transaction")
"""Messages of internal errors with which a coordinator of several servers reports a lost connection to one of them."""


def sqlstate(error: BaseException) -> str | None:
    """Return PostgreSQL's error code, or None if the error did not come from the server."""
    return getattr(error.__cause__, "sqlstate", None)


def was_rolled_back(error: BaseException) -> bool:
    """Return whether the server rolled the transaction back after a conflict; certain even during COMMIT."""
    return isinstance(error, OperationalError) and sqlstate(error) in _ROLLED_BACK


def lost_connection(error: BaseException) -> bool:
    """Return whether the connection was lost or could not be made.

    If COMMIT had been sent, it is unknown whether the transaction was committed.
    """
    if isinstance(error, InterfaceError):
        return True
    if isinstance(error, InternalError):
        return sqlstate(error) == _INTERNAL and any(text in str(error) for text in _NODE_LOST)
    if not isinstance(error, OperationalError) or type(error.__cause__).__name__ == "PoolTimeout":
        return False
    state = sqlstate(error)
    return state is None or state.startswith("08") or state in _LOST


def pause(attempt: int) -> None:
    """Sleep before the next attempt: 20 to 100 ms, doubled after each failure, random so that callers spread out."""
    time.sleep(random.uniform(0.02, 0.1) * 2**attempt)  # noqa: S311


def start_afresh() -> None:
    """Close the connection, so that the next statement opens a new one; does nothing inside a transaction."""
    if not connection.in_atomic_block:
        connection.close()


def again(step: Callable[[], T], *, may_repeat: Callable[[BaseException], bool] | None = None) -> T:
    """Run a step, up to TRIES times if it fails with transient errors, and return its result.

    After a lost connection the step is repeated only if `may_repeat` allows it, or if no `may_repeat` was given. Inside
    a transaction it is never repeated.
    """
    for attempt in range(TRIES):
        try:
            return step()
        except (DatabaseError, InterfaceError) as error:
            rolled_back = was_rolled_back(error)
            allowed = rolled_back or (lost_connection(error) and (may_repeat is None or may_repeat(error)))
            if connection.in_atomic_block or not allowed or attempt == TRIES - 1:
                raise
            metrics.retries.labels(_ROLLED_BACK[sqlstate(error) or ""] if rolled_back else "connection").inc()
            start_afresh()
            pause(attempt)
    raise AssertionError("unreachable")

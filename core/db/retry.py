"""Retry operations after transient failures of the database, and after races that another transaction won."""

import random
import time
from collections.abc import Callable
from typing import TypeVar

from django.db import DatabaseError, InterfaceError, InternalError, OperationalError, connection

from core.observability import metrics

T = TypeVar("T")

MAX_FAILURES = 3
"""Transient failures after which an operation is given up."""
MAX_RACES = 5
"""Lost races after which an operation is given up."""
LOCK_NOT_AVAILABLE = "55P03"
"""PostgreSQL's code for a lock that was not to be had within the lock timeout."""
_ROLLED_BACK = {"40001": "serialization", "40P01": "deadlock"}
"""SQLSTATEs with which the server reports that it rolled the transaction back."""
_LOST = {"57P01", "57P02", "57P03", "53300", "25P03", "25P04"}
"""SQLSTATEs of a connection that was lost or could not be made."""
_INTERNAL = "XX000"
_NODE_LOST = ("failure on connection marked as essential", "could not commit transaction")
"""Messages of internal errors with which a coordinator of several servers reports a lost connection to one of them."""


class LostRace(Exception):
    """Another transaction won a race; this one was rolled back, and can run again at once."""


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
    """Run a step and return its result; run it again after LostRace and after transient errors of the database.

    Raise the last of MAX_RACES lost races or of MAX_FAILURES errors. After a lost connection the step is repeated only
    if `may_repeat` allows it, or if no `may_repeat` was given. After an error inside a transaction it never is.
    """
    failures = races = 0
    while True:
        try:
            return step()
        except LostRace:
            races += 1
            if races == MAX_RACES:
                raise
        except (DatabaseError, InterfaceError) as error:
            failures += 1
            rolled_back = was_rolled_back(error)
            allowed = rolled_back or (lost_connection(error) and (may_repeat is None or may_repeat(error)))
            if connection.in_atomic_block or not allowed or failures == MAX_FAILURES:
                raise
            metrics.retries.labels(_ROLLED_BACK[sqlstate(error) or ""] if rolled_back else "connection").inc()
            start_afresh()
            pause(failures - 1)

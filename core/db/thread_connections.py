"""A thread that ends takes its connections to the database with it.

A web server ends threads that are idle and starts others when it needs them. Django keeps a connection for each thread,
in objects that know each other in circles: left alone, it outlives its thread until the collector comes by, and after a
few quiet minutes PostgreSQL has "too many clients".
"""

import os
import threading
from contextlib import suppress
from typing import Any

from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.backends.signals import connection_created


class Farewell:
    """Kept by nobody but its thread, and so gone when the thread is: then it closes what the thread had open."""

    def __init__(self) -> None:
        self.process = os.getpid()
        self.databases: set[BaseDatabaseWrapper] = set()

    def __del__(self) -> None:
        if os.getpid() != self.process:  # a copy in a forked process, where the connection is still the parent's
            return
        for database in self.databases:
            with suppress(Exception):  # the process may be at its end as well
                database.close()


_of_thread = threading.local()


def see_off(*, connection: BaseDatabaseWrapper, **_: Any) -> None:
    """Note a connection that this thread has opened."""
    if not hasattr(_of_thread, "farewell"):
        _of_thread.farewell = Farewell()
    _of_thread.farewell.databases.add(connection)


def see_off_threads() -> None:
    """From now on, no thread leaves a connection behind."""
    connection_created.connect(see_off)

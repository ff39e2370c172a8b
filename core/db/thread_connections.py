"""Close the database connections of a thread when it exits.

The web server ends idle threads and starts new ones when it needs them. Django keeps one connection for each thread in
objects with reference cycles, so the connection stays open after its thread has exited until the cyclic garbage
collector runs. Without this module PostgreSQL reports "too many clients" after a few quiet minutes.
"""

import os
import threading
from contextlib import suppress
from typing import Any

from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.backends.signals import connection_created


class ThreadConnections:
    """Referenced only from thread-local storage; finalised when the thread exits, closing its connections."""

    def __init__(self) -> None:
        self.process = os.getpid()
        self.databases: set[BaseDatabaseWrapper] = set()

    def __del__(self) -> None:
        if os.getpid() != self.process:  # a copy in a forked process; the connection belongs to the parent
            return
        for database in self.databases:
            with suppress(Exception):  # the interpreter may be shutting down
                database.close()


_of_thread = threading.local()  # private, so that it is the first to go when the interpreter shuts down


def connections_of_thread() -> ThreadConnections:
    """Return the connections of the current thread."""
    if not hasattr(_of_thread, "connections"):
        _of_thread.connections = ThreadConnections()
    return _of_thread.connections  # type: ignore[no-any-return]


def register(*, connection: BaseDatabaseWrapper, **_: Any) -> None:
    """Register a connection that this thread has opened."""
    connections_of_thread().databases.add(connection)


def close_on_thread_exit() -> None:
    """Register every new connection, so that it is closed when its thread exits."""
    connection_created.connect(register)

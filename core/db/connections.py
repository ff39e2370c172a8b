"""Check idle database connections without sending a query.

Before the first statement of a request Django checks the connection with a statement of its own, which costs a round
trip. When a server closes a connection, data or the end of the stream arrive on its socket. As long as nothing has
arrived there, the connection is as usable as it was before.
"""

import select
from typing import Any

from django.core.signals import request_started
from django.db import connections
from psycopg import Error

READABLE = select.POLLIN | select.POLLHUP | select.POLLERR | select.POLLNVAL


def trust_quiet_connections(**_: Any) -> None:
    """Skip Django's health check for this thread's connections on whose sockets nothing has arrived."""
    for database in connections.all(initialized_only=True):
        if database.connection is not None and is_quiet(database.connection):
            database.health_check_done = True  # type: ignore[attr-defined]


def is_quiet(connection: Any) -> bool:
    """Return whether nothing has arrived on the socket of the idle connection, neither data nor its end."""
    try:
        watch = select.poll()
        watch.register(connection.fileno(), READABLE)
    except (Error, OSError):
        return False
    return not watch.poll(0)


def watch_requests() -> None:
    """Check the connections at the start of every request, after Django's own handler."""
    request_started.connect(trust_quiet_connections)

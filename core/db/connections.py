"""Whether a connection to the database still lives, without asking the database.

Before a request's first statement Django asks with a statement of its own, which costs a journey there and back. A
server that ends a connection says so on its socket: as long as nothing has arrived there, the connection is as good as
it was.
"""

import select
from typing import Any

from django.core.signals import request_started
from django.db import connections
from psycopg import Error

READABLE = select.POLLIN | select.POLLHUP | select.POLLERR | select.POLLNVAL


def trust_quiet_connections(**_: Any) -> None:
    """Spare this thread's connections the question; one on whose socket something has arrived is asked as ever."""
    for database in connections.all(initialized_only=True):
        if database.connection is not None and is_quiet(database.connection):
            database.health_check_done = True  # type: ignore[attr-defined]


def is_quiet(connection: Any) -> bool:
    """Whether nothing, not even its end, has arrived on the idle connection's socket."""
    try:
        watch = select.poll()
        watch.register(connection.fileno(), READABLE)
    except (Error, OSError):
        return False
    return not watch.poll(0)


def watch_requests() -> None:
    """From now on, look at the connections when a request begins, after Django has."""
    request_started.connect(trust_quiet_connections)

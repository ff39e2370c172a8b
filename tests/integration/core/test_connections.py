"""A connection closed by the server is detected before a request uses it; a healthy one costs no query."""

import select
import subprocess
import sys
from collections.abc import Iterator

import psycopg
import pytest
from django.core.signals import request_started
from django.db import connection

from core.db.connections import is_quiet, trust_quiet_connections, watch_requests

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def like_in_production() -> Iterator[None]:
    connection.close()  # other tests may have left it in any state
    connection.ensure_connection()
    enabled, connection.health_check_enabled = connection.health_check_enabled, True
    connection.close_at = None
    yield
    connection.health_check_enabled = enabled


def _backend() -> int:
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_backend_pid()")
        [pid] = cursor.fetchone()
    return int(pid)


def _end(pid: int) -> None:
    """Have the server close this connection; return when the client has received the notice."""
    settings = connection.get_connection_params()
    known = {name: settings[name] for name in ("dbname", "user", "password", "host", "port") if name in settings}
    with psycopg.connect(**known, autocommit=True) as other:
        other.execute("SELECT pg_terminate_backend(%s)", [pid])
    arrived = select.poll()
    arrived.register(connection.connection.fileno(), select.POLLIN)
    assert arrived.poll(10_000)


def begin_a_request() -> None:
    """Send request_started in production order. (Django's test client moves Django's own receiver to the end.)"""
    request_started.disconnect(trust_quiet_connections)
    watch_requests()
    request_started.send(sender=None, environ={})


RECEIVERS = """
import django
django.setup()
from django.core.signals import request_started
receivers, _ = request_started._live_receivers(sender=None)
print(*[each.__name__ for each in receivers])
"""


def test_every_request_begins_with_djangos_receiver_and_then_the_connection_check() -> None:
    """In a separate process, as in production: Django's receiver would discard the check's result."""
    told = subprocess.run([sys.executable, "-c", RECEIVERS], capture_output=True, text=True, check=True, timeout=60)
    names = told.stdout.split()
    assert names.index("close_old_connections") < names.index("trust_quiet_connections")


def test_a_sound_connection_is_not_asked() -> None:
    asked: list[bool] = []
    before, usable = _backend(), connection.is_usable
    connection.is_usable = lambda: (asked.append(True), usable())[1]  # type: ignore[method-assign]
    try:
        begin_a_request()
        assert _backend() == before
        assert asked == []
    finally:
        del connection.is_usable


def test_a_connection_that_was_ended_is_replaced_before_it_is_used() -> None:
    before = _backend()
    _end(before)
    assert not is_quiet(connection.connection)
    begin_a_request()
    assert _backend() != before


def test_a_closed_connection_is_not_quiet() -> None:
    connection.connection.close()
    assert not is_quiet(connection.connection)
    connection.close()

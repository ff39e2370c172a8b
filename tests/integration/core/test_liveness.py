"""A connection that the server has ended is noticed before a request uses it, and a sound one is not asked."""

import select
from collections.abc import Iterator

import psycopg
import pytest
from django.core.signals import request_started
from django.db import connection

from core.liveness import is_quiet, trust_quiet_connections

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def like_in_production() -> Iterator[None]:
    connection.close()  # whatever became of it in another test
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
    """The server ends this connection; back when the news has arrived here."""
    settings = connection.get_connection_params()
    known = {name: settings[name] for name in ("dbname", "user", "password", "host", "port") if name in settings}
    with psycopg.connect(**known, autocommit=True) as other:
        other.execute("SELECT pg_terminate_backend(%s)", [pid])
    arrived = select.poll()
    arrived.register(connection.connection.fileno(), select.POLLIN)
    assert arrived.poll(10_000)


def begin_a_request() -> None:
    """What Django and then we do when a request begins. (Its test client changes the order of the receivers.)"""
    connection.close_if_unusable_or_obsolete()
    trust_quiet_connections()


def test_every_request_begins_with_a_look() -> None:
    receivers, _ = request_started._live_receivers(sender=None)  # type: ignore[attr-defined]
    assert trust_quiet_connections in receivers


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

"""A thread's database connections are closed as soon as the thread ends."""

import gc
import os
import threading
from collections.abc import Iterator
from typing import Any

import pytest
from django.db import connection
from django.db.backends.signals import connection_created

from core.db import thread_connections
from core.db.thread_connections import register
from tests.support.eventually import eventually

pytestmark = pytest.mark.django_db(transaction=True)

SOON = 2.0


@pytest.fixture(autouse=True)
def no_garbage_collection() -> Iterator[None]:
    """Disable the garbage collector, so that a connection freed only by it counts as leaked."""
    gc.collect()
    gc.disable()
    yield
    gc.enable()


def _backend_exists(pid: int) -> bool:
    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM pg_stat_activity WHERE pid = %s", [pid])
        return bool(cursor.fetchone()[0])


def _connection_of_finished_thread() -> int:
    """Return the backend pid of the connection of a finished thread."""
    told: list[int] = []

    def ask() -> None:
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_backend_pid()")
            told.extend(cursor.fetchone())
            assert _backend_exists(told[0])

    thread = threading.Thread(target=ask)
    thread.start()
    thread.join()
    return told[0]


def test_the_connection_of_a_thread_ends_with_it() -> None:
    pid = _connection_of_finished_thread()
    eventually(lambda: not _backend_exists(pid), SOON)


def test_canary_without_the_clean_up_the_connection_stays_open() -> None:
    """The canary: without the clean-up Django leaves the connection to the garbage collector."""
    connection_created.disconnect(register)
    try:
        pid = _connection_of_finished_thread()
        with pytest.raises(AssertionError, match="in vain"):
            eventually(lambda: not _backend_exists(pid), 0.5)
        gc.collect()
        eventually(lambda: not _backend_exists(pid), SOON)
    finally:
        connection_created.connect(register)


def test_a_forked_process_leaves_its_parent_s_connection_alone() -> None:
    connection.close()
    with connection.cursor() as cursor:
        cursor.execute("SELECT 1")
    child = os.fork()
    if child == 0:
        thread_connections.connections_of_thread().__del__()
        os._exit(0)
    os.waitpid(child, 0)
    with connection.cursor() as cursor:
        cursor.execute("SELECT 2")
        assert cursor.fetchone() == (2,)


def test_a_connection_made_anew_ends_with_its_thread_too() -> None:
    told: list[Any] = []

    def ask_twice() -> None:
        for _ in range(2):
            with connection.cursor() as cursor:
                cursor.execute("SELECT pg_backend_pid()")
                told.extend(cursor.fetchone())
            if len(told) == 1:
                connection.close()

    thread = threading.Thread(target=ask_twice)
    thread.start()
    thread.join()
    assert told[0] != told[1]
    eventually(lambda: not _backend_exists(told[1]), SOON)

"""Fixtures: the counter table and request threads."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest
from django.db import connection

from tests.integration.core.idempotency.counter_endpoints import Hooks, Threads


@pytest.fixture(autouse=True)
def _counter(transactional_db: None) -> Iterator[None]:
    with connection.cursor() as cursor:
        cursor.execute("DROP TABLE IF EXISTS test_counter")
        cursor.execute("CREATE TABLE test_counter (id bigserial)")
    Hooks.reset()
    yield
    Hooks.reset()
    with connection.cursor() as cursor:
        cursor.execute("DROP TABLE test_counter")


@pytest.fixture
def threads() -> Iterator[Threads]:
    with ThreadPoolExecutor(60) as pool:
        yield Threads(pool)

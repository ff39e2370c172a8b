"""Each of these tests has servers and processes of its own; the database that other tests use is left alone."""

from collections.abc import Iterator
from typing import Any

import pytest


@pytest.fixture(autouse=True)
def _database_of_the_system(django_db_blocker: Any) -> Iterator[None]:
    with django_db_blocker.unblock():
        yield

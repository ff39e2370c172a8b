"""The fault tests start their own servers; the shared test database is not used."""

from collections.abc import Iterator
from typing import Any

import pytest


@pytest.fixture(autouse=True)
def _database_of_the_system(django_db_blocker: Any) -> Iterator[None]:
    with django_db_blocker.unblock():
        yield

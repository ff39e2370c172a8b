"""Fixtures of the API tests."""

import pytest

from tests.factories import first_admin
from tests.support.api import in_process
from tests.support.hospital import PASSWORD, Hospital


@pytest.fixture
def hospital(db: None) -> Hospital:
    """Users of every role, and shortcuts that create objects, in a database that is rolled back."""
    return Hospital(in_process(), first_admin(PASSWORD).username, PASSWORD)

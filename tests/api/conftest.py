"""A hospital with users of every role, for the tests of what is registered and reported."""

import pytest

from tests.factories import first_admin
from tests.support.api import in_process
from tests.support.hospital import PASSWORD, Hospital


@pytest.fixture
def hospital(db: None) -> Hospital:
    """Users of every role and short ways to make things, in a database that forgets them."""
    return Hospital(in_process(), first_admin(PASSWORD).username, PASSWORD)

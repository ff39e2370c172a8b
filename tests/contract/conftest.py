"""Run the contract tests in this process, or against a server (OPD_CONTRACT_URL, OPD_USERNAME, OPD_PASSWORD).

In this process the tests of one file share a database, which is emptied afterwards; a test that moves the
clock (`moves_clock`) or changes a setting can't do so to a server, and is left out of that run.
"""

import os
from collections.abc import Iterator
from typing import Any

import pytest

from tests.support.api import URL, as_users_send, in_process, over_network
from tests.support.hospital import PASSWORD, Hospital

HERE = os.path.dirname(__file__)


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Skip tests that need this process when the tests run against a server."""
    mine = [item for item in items if str(item.path).startswith(HERE)]
    if not URL:
        for item in mine:
            item.add_marker(pytest.mark.django_db(transaction=True))
        return
    inside = [item for item in mine if {"clock", "settings"} & set(item.fixturenames)]
    items[:] = [i for i in items if i not in inside]
    config.hook.pytest_deselected(items=inside)


@pytest.fixture
def _django_db_marker() -> None:
    """Override pytest-django's mark: these tests share one database, which is not reset per test."""


def emptied() -> None:
    """Empty the test database, and never any other."""
    from django.core.management import call_command
    from django.db import connection

    from tests.factories import ensure_facility

    assert str(connection.settings_dict["NAME"]).startswith("test_"), "this is no test database"
    call_command("flush", interactive=False, verbosity=0)
    ensure_facility()


@pytest.fixture(scope="module")
def hospital(request: pytest.FixtureRequest) -> Iterator[Hospital]:
    """Users of every role, and shortcuts that create objects."""
    if URL:
        yield Hospital(as_users_send(over_network(URL)), os.environ["OPD_USERNAME"], os.environ["OPD_PASSWORD"])
        return
    request.getfixturevalue("django_db_setup")
    blocker: Any = request.getfixturevalue("django_db_blocker")
    with blocker.unblock():
        from tests.factories import first_admin
        from tests.support.invariants import assert_invariants_hold

        emptied()
        admin = first_admin(PASSWORD)
        yield Hospital(as_users_send(in_process()), admin.username, PASSWORD)
        try:
            assert_invariants_hold()
        finally:
            emptied()


@pytest.fixture
def invariants_hold(hospital: Hospital) -> Iterator[None]:
    """Check the invariants of section 11 after the test and at the end of every file."""
    yield
    if not URL:
        from tests.support.invariants import assert_invariants_hold

        assert_invariants_hold()


@pytest.fixture
def clock() -> Iterator[Any]:
    """Freeze the clock until the test moves it."""
    from core import clock as engine_clock

    with engine_clock.use(engine_clock.ManualClock(engine_clock.now())) as manual:
        yield manual

"""The same contract, two ways: in this process, or (OPD_CONTRACT_URL, OPD_USERNAME, OPD_PASSWORD) against a server.

In this process the tests of one file share a database, which is emptied afterwards; a test that moves the
clock (`moves_clock`) or changes a setting can't do so to a server, and is left out of that run.
"""

import os
from collections.abc import Iterator
from typing import Any

import pytest

from tests.support.api import URL, in_process, over_network
from tests.support.hospital import PASSWORD, Hospital

HERE = os.path.dirname(__file__)


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leaves out what can only be done in this process when a server is asked."""
    if not URL:
        return
    inside = [i for i in items if str(i.path).startswith(HERE) and {"clock", "settings"} & set(i.fixturenames)]
    items[:] = [i for i in items if i not in inside]
    config.hook.pytest_deselected(items=inside)


@pytest.fixture(scope="module")
def hospital(request: pytest.FixtureRequest) -> Iterator[Hospital]:
    """Users of every role and short ways to make things."""
    if URL:
        yield Hospital(over_network(URL), os.environ["OPD_USERNAME"], os.environ["OPD_PASSWORD"])
        return
    request.getfixturevalue("django_db_setup")
    blocker: Any = request.getfixturevalue("django_db_blocker")
    with blocker.unblock():
        from django.core.management import call_command

        from tests.factories import ensure_facility, first_admin

        call_command("flush", interactive=False, verbosity=0)
        ensure_facility()
        admin = first_admin(PASSWORD)
        yield Hospital(in_process(), admin.username, PASSWORD)
        call_command("flush", interactive=False, verbosity=0)
        ensure_facility()


@pytest.fixture(autouse=True)
def invariants_hold(hospital: Hospital) -> Iterator[None]:
    """After every scenario the engine's own check of section 11 finds nothing."""
    yield
    if not URL:
        from tests.support.invariants import assert_invariants_hold

        assert_invariants_hold()


@pytest.fixture
def clock() -> Iterator[Any]:
    """A clock that stands until it is moved."""
    from core import clock as engine_clock

    with engine_clock.use(engine_clock.ManualClock(engine_clock.now())) as manual:
        yield manual

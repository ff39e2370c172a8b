"""A pytest plugin that comes before Django's: without DATABASE_URL and REDIS_URL the tests get servers of their own.

With xdist only the controller starts them; its workers inherit the addresses.
"""

import contextlib
import os

import pytest

_held = contextlib.ExitStack()


@pytest.hookimpl(tryfirst=True)
def pytest_load_initial_conftests() -> None:
    if "PYTEST_XDIST_WORKER" in os.environ or (os.environ.get("DATABASE_URL") and os.environ.get("REDIS_URL")):
        return
    from devserver import servers

    os.environ.update(_held.enter_context(servers(fsync=False, environ=os.environ)))


def pytest_unconfigure() -> None:
    _held.close()

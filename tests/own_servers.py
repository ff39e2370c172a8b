"""A pytest plugin that starts PostgreSQL and Redis for the tests unless DATABASE_URL and REDIS_URL are set.

It loads before pytest-django. With xdist only the controller starts the servers; the workers inherit the URLs.
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

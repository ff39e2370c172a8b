"""A running server for the tests that send raw HTTP."""

from collections.abc import Iterator
from contextlib import ExitStack, nullcontext
from typing import Any

import pytest

from bench.chaos.system import System, running_system

BEHIND_A_PROXY = {
    "OPD_NUM_PROXIES": "1",
    "OPD_INTERNAL_NETWORKS": "10.0.0.0/8",
    "OPD_CORS_ORIGINS": "https://desk.example",
}


@pytest.fixture(scope="package")
def system(django_db_blocker: Any) -> Iterator[System]:
    """Start one engine for all of these tests, because each start takes several seconds."""
    with ExitStack() as stack:
        with django_db_blocker.unblock():
            running = running_system(celery=False, beside=lambda _: nullcontext(BEHIND_A_PROXY))
            system = stack.enter_context(running)
        yield system

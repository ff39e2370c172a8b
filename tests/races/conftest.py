"""Races run on committed rows: behind the Redis gate and with Redis away, booked together and one by one."""

from collections.abc import Iterator
from typing import Any

import pytest

from tests.races.interleaving import gate_open


@pytest.fixture(autouse=True)
def canaries_come_one_by_one(request: pytest.FixtureRequest, settings: Any) -> None:
    """Requests of one batch cannot race within one process: a canary shows what happens between processes."""
    if "canary" in request.node.name:
        settings.OPD_COMBINE = False


@pytest.fixture(params=["redis, together", "redis, one by one", "no redis, together", "no redis, one by one"])
def any_redis(request: pytest.FixtureRequest, settings: Any) -> Iterator[None]:
    """The scene is played four times: whatever helps is there or not, the row lock decides."""
    gate, requests = request.param.split(", ")
    settings.OPD_COMBINE = requests == "together"
    if gate == "redis":
        yield
        return
    with gate_open():
        yield

"""Race tests run on committed rows: with and without the Redis lock, and with and without batching."""

from collections.abc import Iterator
from typing import Any

import pytest

from tests.races.interleaving import without_redis_lock


@pytest.fixture(autouse=True)
def no_batching_in_canaries(request: pytest.FixtureRequest, settings: Any) -> None:
    """Turn batching off in canaries: requests of one batch cannot race, requests of different processes can."""
    if "canary" in request.node.name:
        settings.OPD_COMBINE = False


@pytest.fixture(params=["redis, together", "redis, one by one", "no redis, together", "no redis, one by one"])
def any_redis(request: pytest.FixtureRequest, settings: Any) -> Iterator[None]:
    """Run the test with and without Redis and with and without batching; the row lock must suffice in each case."""
    redis, requests = request.param.split(", ")
    settings.OPD_COMBINE = requests == "together"
    if redis == "redis":
        yield
        return
    with without_redis_lock():
        yield

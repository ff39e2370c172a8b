"""Races run on committed rows, once behind the Redis gate and once with Redis away."""

from collections.abc import Iterator

import pytest

from tests.races.choreography import gate_open


@pytest.fixture(params=["redis", "no redis"])
def any_redis(request: pytest.FixtureRequest) -> Iterator[None]:
    """The scene is played twice: the gate may be there or not, the row lock decides."""
    if request.param == "redis":
        yield
        return
    with gate_open():
        yield

"""REDIS_URL: the URL of one server or of sentinels."""

import time

import pytest
from redis.exceptions import RedisError

from core.redis.client import connect
from core.redis.url import watched


def test_a_single_server_is_not_watched() -> None:
    assert watched("redis://:secret@127.0.0.1:6379/0") is None


def test_sentinels_with_everything() -> None:
    found = watched("sentinel://opd:p%40ss@one:26380,two,[::1]:26381/main/3?sentinel_password=other")
    assert found is not None
    assert found.sentinels == (("one", 26380), ("two", 26379), ("::1", 26381))
    assert (found.name, found.number) == ("main", 3)
    assert (found.username, found.password, found.sentinel_password) == ("opd", "p@ss", "other")
    assert found.cache_url == "redis://main/3"
    assert found.broker_url == (
        "sentinel://opd:p%40ss@one:26380/3;sentinel://opd:p%40ss@two:26379/3;sentinel://opd:p%40ss@[::1]:26381/3"
    )


def test_sentinels_without_passwords() -> None:
    found = watched("sentinel://one/main")
    assert found is not None
    assert (found.username, found.password, found.sentinel_password, found.number) == (None, None, None, 0)
    assert found.broker_url == "sentinel://one:26379/0"


@pytest.mark.parametrize(
    "url", ["sentinel://one", "sentinel:///main", "sentinel://one:x/main", "sentinel://one/main/x"]
)
def test_an_address_that_names_nothing(url: str) -> None:
    with pytest.raises(ValueError, match="has the form"):
        watched(url)


def test_sentinels_that_are_away_are_noticed_at_once() -> None:
    client, began = connect("sentinel://:secret@127.0.0.1:9,127.0.0.1:9/main/0"), time.monotonic()
    with pytest.raises(RedisError):
        client.ping()
    assert time.monotonic() - began < 0.4

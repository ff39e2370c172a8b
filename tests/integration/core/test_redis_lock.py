"""The Redis lock on a real Redis: one holder at a time; without Redis all pass, and no request hangs."""

import contextlib
import socket
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import redis
from django.conf import settings

from core import ids
from core.errors import SlotBusy
from core.redis.circuit_breaker import Breaker
from core.redis.lock import RedisLock
from devserver import EmbeddedRedis
from devserver.data_dir import remove_home

PREFIX = "opd:lock:"


@pytest.fixture
def lock(settings: Any) -> Iterator[RedisLock]:
    """A lock on a Redis that answers, also if the machine is so busy that the answer is late."""
    settings.REDIS_SOCKET_SECONDS = 5.0
    made = RedisLock(settings.REDIS_URL)
    yield made
    made.close()


@pytest.fixture
def raw() -> Iterator["redis.Redis[str]"]:
    client = redis.Redis.from_url(settings.REDIS_URL, decode_responses=True)
    yield client
    client.close()


@pytest.fixture
def key() -> str:
    return f"test:{ids.new_id()}"


@pytest.fixture(scope="module")
def own_redis(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmbeddedRedis]:
    server = EmbeddedRedis(Path(tmp_path_factory.mktemp("lock")), fsync=False)
    server.start()
    yield server
    server.stop()
    remove_home(data_dir=server.data_dir)


def enter(lock: RedisLock, *keys: str, wait: float = 2.0, lease: float = 5.0) -> contextlib.AbstractContextManager:  # type: ignore[type-arg]
    return lock.hold(keys, wait_seconds=wait, lease_seconds=lease)


def in_threads(count: int, step) -> list[float]:  # type: ignore[no-untyped-def]
    """Run the step in threads at once; return each duration, and raise an exception of any thread."""
    together, took, failed = threading.Barrier(count), [], []

    def run() -> None:
        together.wait()
        began = time.monotonic()
        try:
            step()
        except BaseException as error:
            failed.append(error)
        took.append(time.monotonic() - began)

    threads = [threading.Thread(target=run) for _ in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if failed:
        raise failed[0]
    return took


def test_one_at_a_time_and_nobody_waits_for_a_poll(lock: RedisLock, key: str) -> None:
    inside, most, how = 0, 0, []

    def pass_through() -> None:
        nonlocal inside, most
        with enter(lock, key, wait=5) as passed:
            inside += 1
            most = max(most, inside)
            time.sleep(0.004)
            how.append(passed.how)
            inside -= 1

    took = in_threads(40, pass_through)
    assert most == 1
    assert set(how) == {"held"}
    # 40 x 4 ms of work; sleepers are woken, so the last is not far behind.
    assert max(took) < 1.2


def test_canary_without_the_lock_requests_overlap() -> None:
    inside, most = 0, 0

    def pass_through() -> None:
        nonlocal inside, most
        inside += 1
        most = max(most, inside)
        time.sleep(0.004)
        inside -= 1

    in_threads(40, pass_through)
    assert most > 1


def test_keys_in_opposite_orders_never_wait_for_each_other_for_ever(lock: RedisLock, key: str) -> None:
    orders = [(f"{key}a", f"{key}b"), (f"{key}b", f"{key}a")]
    turn = iter(range(20))

    def pass_through() -> None:
        with enter(lock, *orders[next(turn) % 2], wait=5):
            time.sleep(0.002)

    assert max(in_threads(20, pass_through)) < 1.5


def test_busy_when_others_hold_it_in_turn_for_the_whole_wait(lock: RedisLock, raw, key: str) -> None:  # type: ignore[no-untyped-def]
    stop = threading.Event()

    def crowd() -> None:
        turn = 0
        while not stop.is_set():
            turn += 1
            raw.set(PREFIX + key, f"somebody{turn}", px=5000)
            time.sleep(0.02)

    raw.set(PREFIX + key, "somebody", px=5000)
    thread = threading.Thread(target=crowd)
    thread.start()
    began = time.monotonic()
    with pytest.raises(SlotBusy), enter(lock, key, wait=0.5):
        pass
    stop.set()
    thread.join()
    raw.delete(PREFIX + key)
    assert 0.45 < time.monotonic() - began < 1.0


def test_a_hanging_holder_does_not_block_the_others(lock: RedisLock, raw, key: str) -> None:  # type: ignore[no-untyped-def]
    raw.set(PREFIX + key, "dead holder", px=60_000)
    with enter(lock, key, wait=5) as passed:
        assert passed.how == "stalled"
        assert passed.waited < 1.5
    assert raw.get(PREFIX + key) == "dead holder"
    raw.delete(PREFIX + key)


def test_a_lease_ends(lock: RedisLock, raw, key: str) -> None:  # type: ignore[no-untyped-def]
    raw.set(PREFIX + key, "dead holder", px=150)
    with enter(lock, key, wait=2) as passed:
        assert passed.how == "held"
        assert 0.1 < passed.waited < 0.6


def test_nobody_opens_another_s_lock(lock: RedisLock, raw, key: str) -> None:  # type: ignore[no-untyped-def]
    with enter(lock, key, lease=0.1):
        time.sleep(0.15)
        raw.set(PREFIX + key, "the next one", px=5000)
    assert raw.get(PREFIX + key) == "the next one"
    raw.delete(PREFIX + key)


def test_nothing_is_left_behind(lock: RedisLock, raw, key: str) -> None:  # type: ignore[no-untyped-def]
    with enter(lock, key, lease=0.2):
        assert raw.pttl(PREFIX + key) <= 200
    assert raw.get(PREFIX + key) is None
    time.sleep(0.25)
    assert raw.keys(f"*{key}*") == []


def test_flushing_it_all_only_lets_the_next_one_in(lock: RedisLock, own_redis: EmbeddedRedis, key: str) -> None:
    flushed = RedisLock(own_redis.url)
    with enter(flushed, key):
        with redis.Redis.from_url(own_redis.url) as client:
            client.flushall()
            client.script_flush()
        with enter(flushed, key) as second:
            assert second.how == "held"
    flushed.close()


def test_a_redis_that_is_away_lets_everybody_in_at_once() -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        port = unused.getsockname()[1]
    away = RedisLock(f"redis://127.0.0.1:{port}/0")
    for _ in range(8):
        with enter(away, "slot") as passed:
            assert passed.how == "away"
            assert passed.waited < 0.3
    assert away.breaker.is_open


def test_a_server_that_never_answers_costs_little_and_then_nothing() -> None:
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen(64)
        mute = RedisLock(f"redis://127.0.0.1:{silent.getsockname()[1]}/0", breaker=Breaker(failures=2, rest_seconds=60))
        waits = []
        for _ in range(5):
            with enter(mute, "slot") as passed:
                assert passed.how == "away"
                waits.append(passed.waited)
        assert max(waits[:2]) < 0.8
        assert max(waits[2:]) < 0.02
        mute.close()


def test_a_frozen_redis_is_passed_by_and_used_again_when_it_thaws(own_redis: EmbeddedRedis, key: str) -> None:
    breaker = Breaker(failures=2, rest_seconds=0.3)
    freezing = RedisLock(own_redis.url, breaker=breaker)
    with enter(freezing, key) as passed:
        assert passed.how == "held"
    own_redis.pause()
    try:
        waits = []
        for _ in range(4):
            with enter(freezing, key) as passed:
                assert passed.how == "away"
                waits.append(passed.waited)
        assert max(waits) < 0.8
        assert breaker.is_open
    finally:
        own_redis.resume()
    time.sleep(0.35)
    with enter(freezing, f"{key}-other") as passed:
        assert passed.how == "held"
    assert not breaker.is_open
    freezing.close()


def test_a_redis_that_freezes_under_the_holder_does_not_lose_the_change(own_redis: EmbeddedRedis, key: str) -> None:
    freezing = RedisLock(own_redis.url)
    done = False
    try:
        with enter(freezing, key) as passed:
            assert passed.how == "held"
            own_redis.pause()
            done = True
        assert done
    finally:
        own_redis.resume()
        freezing.close()


def test_a_killed_redis_is_used_again_when_it_is_back(own_redis: EmbeddedRedis, key: str) -> None:
    lasting = RedisLock(own_redis.url, breaker=Breaker(failures=1, rest_seconds=0.1))
    with enter(lasting, key):
        own_redis.kill()
    with enter(lasting, key) as passed:
        assert passed.how == "away"
    own_redis.restart()
    time.sleep(0.15)
    how = []
    for _ in range(3):
        with enter(lasting, key) as passed:
            how.append(passed.how)
        time.sleep(0.15)
    assert how[-1] == "held"
    lasting.close()

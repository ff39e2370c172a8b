"""Kept answers: with the tag that is true now or not at all, whatever becomes of Redis."""

import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import redis

from core import ids
from core.api import response_cache
from core.api.response_cache import Asked, Near, Snapshot, ready, tag_of
from core.redis.lock import default_gate
from devserver import EmbeddedRedis
from devserver.data_dir import remove_home

OLD, NEW = tag_of("old"), tag_of("new")


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmbeddedRedis]:
    made = EmbeddedRedis(Path(tmp_path_factory.mktemp("snapshots")), fsync=False)
    made.start()
    yield made
    made.stop()
    remove_home(data_dir=made.data_dir)


@pytest.fixture
def own(server: EmbeddedRedis, settings: Any) -> EmbeddedRedis:
    """The Redis of this process."""
    settings.REDIS_URL = server.url
    default_gate().breaker.succeeded()
    return server


@pytest.fixture
def other_process(monkeypatch: pytest.MonkeyPatch) -> Callable[[], None]:
    """From here on this is a process that has nothing near."""
    return lambda: monkeypatch.setattr(response_cache, "near", Near())


@pytest.fixture
def place() -> str:
    return f"test:{ids.new_id()}"


class Maker:
    """Makes a snapshot, and counts how often."""

    def __init__(self, tag: str, body: bytes) -> None:
        self.snapshot, self.times = Snapshot(tag, body), 0

    def __call__(self) -> Snapshot:
        self.times += 1
        return self.snapshot


def raw(server: EmbeddedRedis) -> Any:
    return redis.Redis.from_url(server.url)


def test_made_once_and_at_hand_in_every_process(
    own: EmbeddedRedis, place: str, other_process: Callable[[], None]
) -> None:
    make = Maker(OLD, b"list")
    for _ in range(3):
        assert ready(Asked(place, OLD, make)).body == b"list"
        other_process()
    assert make.times == 1


def test_no_other_tag_is_ever_answered(own: EmbeddedRedis, place: str, other_process: Callable[[], None]) -> None:
    ready(Asked(place, OLD, Maker(OLD, b"old")))
    assert ready(Asked(place, NEW, Maker(NEW, b"new"))).body == b"new"
    other_process()
    assert ready(Asked(place, NEW, Maker(NEW, b"never"))).body == b"new"
    assert ready(Asked(place, OLD, Maker(OLD, b"anew"))).body == b"anew"  # one snapshot at a place


def test_keys_that_share_a_place_in_redis_never_answer_for_each_other(
    own: EmbeddedRedis, place: str, other_process: Callable[[], None]
) -> None:
    """Their tags tell them apart; the one that was kept last is found by another process."""
    keys, makers = [f"{place}:{name}" for name in "ab"], [Maker(tag_of(name), name.encode()) for name in "ab"]
    for _ in range(2):
        for key, make in zip(keys, makers, strict=True):
            asked = Asked(key, make.snapshot.tag, make, shared_place=place)
            assert ready(asked).body == make.snapshot.body
    assert [make.times for make in makers] == [1, 1]
    other_process()
    asked = Asked(keys[1], makers[1].snapshot.tag, makers[1], shared_place=place)
    assert ready(asked).body == b"b"
    assert makers[1].times == 1


def test_what_a_maker_finds_newer_is_answered_and_kept_under_its_own_tag(own: EmbeddedRedis, place: str) -> None:
    assert ready(Asked(place, OLD, Maker(NEW, b"new"))) == Snapshot(NEW, b"new")
    assert ready(Asked(place, NEW, Maker(NEW, b"never"))).body == b"new"


@pytest.mark.parametrize("spoil", ["body", "tag", "cut", "empty", "type", "moved"])
def test_what_somebody_touched_is_as_good_as_none(
    own: EmbeddedRedis, place: str, other_process: Callable[[], None], spoil: str
) -> None:
    ready(Asked(place, OLD, Maker(OLD, b"list of names")))
    client, name = raw(own), f"opd:snapshot:{place}"
    kept = client.get(name)
    if spoil == "type":
        client.delete(name)
        client.rpush(name, kept)
    elif spoil == "moved":  # another's list, sealed by us, laid at this place
        ready(Asked(f"{place}:own", OLD, Maker(OLD, b"another list")))
        client.rename(f"opd:snapshot:{place}:own", name)
    else:
        touched = {
            "body": kept[:-1] + b"!",
            "tag": kept[:16] + NEW.encode() + kept[48:],
            "cut": kept[:40],
            "empty": b"",
        }
        client.set(name, touched[spoil])
    other_process()
    asked = NEW if spoil == "tag" else OLD
    assert ready(Asked(place, asked, Maker(asked, b"made anew"))).body == b"made anew"


def test_a_flushed_redis_costs_a_making(own: EmbeddedRedis, place: str, other_process: Callable[[], None]) -> None:
    ready(Asked(place, OLD, Maker(OLD, b"list")))
    raw(own).flushall()
    other_process()
    again = Maker(OLD, b"list")
    assert ready(Asked(place, OLD, again)).body == b"list"
    assert again.times == 1


def test_a_redis_put_back_to_an_older_state_is_not_believed(
    own: EmbeddedRedis, place: str, other_process: Callable[[], None]
) -> None:
    ready(Asked(place, OLD, Maker(OLD, b"old")))
    client, name = raw(own), f"opd:snapshot:{place}"
    older = client.get(name)
    ready(Asked(place, NEW, Maker(NEW, b"new")))
    client.set(name, older)
    other_process()
    assert ready(Asked(place, NEW, Maker(NEW, b"new"))).body == b"new"


@pytest.mark.parametrize("fault", ["killed", "frozen"])
def test_without_redis_everything_is_answered_and_soon_as_fast(
    own: EmbeddedRedis, place: str, other_process: Callable[[], None], fault: str
) -> None:
    ready(Asked(place, OLD, Maker(OLD, b"list")))
    own.kill() if fault == "killed" else own.pause()
    try:
        took = []
        for number in range(8):
            other_process()
            began = time.monotonic()
            body = f"{number}".encode()
            assert ready(Asked(place, NEW, Maker(NEW, body))).body == body
            took.append(time.monotonic() - began)
        assert max(took) < 1.5  # two calls that are not answered
        assert max(took[-3:]) < 0.1  # then Redis is left alone
        assert ready(Asked(place, NEW, Maker(NEW, b"never"))).body == b"7"
    finally:
        own.restart() if fault == "killed" else own.resume()
    default_gate().breaker.succeeded()
    other_process()
    ready(Asked(place, OLD, Maker(OLD, b"back")))
    assert raw(own).get(f"opd:snapshot:{place}") is not None


def test_a_snapshot_stays_in_redis_for_a_minute_at_most(own: EmbeddedRedis, place: str) -> None:
    ready(Asked(place, OLD, Maker(OLD, b"list")))
    assert 0 < raw(own).ttl(f"opd:snapshot:{place}") <= 60


def test_a_crowd_has_it_made_twice_at_most(own: EmbeddedRedis, place: str) -> None:
    """By the first who comes, and by nobody else with its tag; those who come meanwhile wait for it."""
    begun, go = threading.Event(), threading.Event()
    makings: list[int] = []

    def make() -> Snapshot:
        makings.append(1)
        begun.set()
        assert go.wait(20)
        return Snapshot(OLD, b"list")

    found: list[bytes] = []
    crowd = [threading.Thread(target=lambda: found.append(ready(Asked(place, OLD, make)).body)) for _ in range(12)]
    crowd[0].start()
    assert begun.wait(20)
    for each in crowd[1:]:
        each.start()
    while response_cache._fetching.waiting(place) < len(crowd) - 1:
        assert len(makings) == 1
    go.set()
    for each in crowd:
        each.join(20)
    assert found == [b"list"] * 12
    assert len(makings) == 1


def test_what_fails_fails_for_those_who_asked_and_is_tried_again(own: EmbeddedRedis, place: str) -> None:
    def fail() -> Snapshot:
        raise LookupError

    with pytest.raises(LookupError):
        ready(Asked(place, OLD, fail))
    assert ready(Asked(place, OLD, Maker(OLD, b"list"))).body == b"list"


def test_the_process_keeps_so_many_bytes_and_no_more() -> None:
    near = Near(limit=100)
    for number in range(5):
        near.put(f"{number}", Snapshot(OLD, b"x" * 40))
        near.get("0", OLD)
    assert [number for number in range(5) if near.get(f"{number}", OLD)] == [0, 4]  # used last
    near.put("0", Snapshot(NEW, b"y" * 90))
    assert [number for number in range(5) if near.get(f"{number}", OLD)] == []
    assert near.get("0", NEW) is not None
    near.put("large", Snapshot(OLD, b"z" * 101))
    assert near.get("large", OLD) is None
    assert near.get("0", NEW) is None


def test_what_was_not_used_for_a_minute_is_not_kept_near(monkeypatch: pytest.MonkeyPatch) -> None:
    near, now = Near(limit=1000), [0.0]
    monkeypatch.setattr(response_cache.clock, "monotonic", lambda: now[0])
    for place in ("left", "used"):
        near.put(place, Snapshot(OLD, b"x" * 40))
    now[0] = response_cache.KEPT_SECONDS - 1
    assert near.get("used", OLD) is not None
    now[0] = response_cache.KEPT_SECONDS + 1
    near.put("new", Snapshot(OLD, b"x" * 40))
    assert [place for place in ("left", "used", "new") if near.get(place, OLD)] == ["used", "new"]

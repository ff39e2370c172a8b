"""The response cache: a body matches its current ETag, and is built once for all concurrent readers."""

import threading
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from core import ids
from core.api import response_cache
from core.api.response_cache import Body, BodyRequest, ResponseCache, cached, source_tag, tag_of
from tests.support.eventually import eventually

OLD, NEW = tag_of("old"), tag_of("new")
TIMEOUT_SECONDS = 20.0


@pytest.fixture(autouse=True)
def _own_cache(monkeypatch: pytest.MonkeyPatch) -> None:
    """Start with an empty cache."""
    monkeypatch.setattr(response_cache, "cache", ResponseCache())


@pytest.fixture
def name() -> str:
    return f"test:{ids.new_id()}"


class Maker:
    """Builds a body and counts the calls."""

    def __init__(self, tag: str, content: bytes, about: Any = None) -> None:
        self.body, self.times = Body(tag, content, about), 0

    def __call__(self) -> Body:
        self.times += 1
        return self.body


def test_made_once() -> None:
    make = Maker(OLD, b"list", ("p1", "p2"))
    for _ in range(3):
        assert cached(BodyRequest("a", OLD, make)) == Body(OLD, b"list", ("p1", "p2"))
    assert make.times == 1


def test_no_other_tag_is_ever_answered(name: str) -> None:
    cached(BodyRequest(name, OLD, Maker(OLD, b"old")))
    assert cached(BodyRequest(name, NEW, Maker(NEW, b"new"))).content == b"new"
    assert cached(BodyRequest(name, NEW, Maker(NEW, b"never"))).content == b"new"
    assert cached(BodyRequest(name, OLD, Maker(OLD, b"anew"))).content == b"anew"  # one body of each name


def test_names_do_not_answer_for_each_other(name: str) -> None:
    """Not even with the same tag."""
    for each in "ab":
        assert cached(BodyRequest(f"{name}:{each}", OLD, Maker(OLD, each.encode()))).content == each.encode()
    assert cached(BodyRequest(f"{name}:a", OLD, Maker(OLD, b"never"))).content == b"a"


def test_what_a_maker_finds_newer_is_answered_and_kept_under_its_own_tag(name: str) -> None:
    assert cached(BodyRequest(name, OLD, Maker(NEW, b"new"))) == Body(NEW, b"new")
    assert cached(BodyRequest(name, NEW, Maker(NEW, b"never"))).content == b"new"


def test_a_failed_build_fails_its_readers_and_is_retried(name: str) -> None:
    def fail() -> Body:
        raise LookupError

    with pytest.raises(LookupError):
        cached(BodyRequest(name, OLD, fail))
    assert cached(BodyRequest(name, OLD, Maker(OLD, b"list"))).content == b"list"


@pytest.mark.parametrize("combine", [True, False])
def test_the_same_with_requests_carried_out_alone(name: str, settings: Any, combine: bool) -> None:
    settings.OPD_COMBINE = combine
    make = Maker(OLD, b"list")
    assert [cached(BodyRequest(name, OLD, make)).content for _ in range(2)] == [b"list"] * 2
    assert make.times == 1


class Crowd:
    """Reader threads; the first is blocked while it builds its body, and the others wait behind it."""

    def __init__(self, name: str) -> None:
        self.name, self.makings, self.found = name, list[str](), dict[int, Body]()
        self.begun, self.go = threading.Event(), threading.Event()
        self._threads: list[threading.Thread] = []

    def held_up(self, tag: str) -> Callable[[], Body]:
        """Build a body, blocking until released."""

        def make() -> Body:
            self.makings.append(tag)
            self.begun.set()
            assert self.go.wait(TIMEOUT_SECONDS)
            return Body(tag, b"held up")

        return make

    def at_once(self, tag: str) -> Callable[[], Body]:
        """Build a body without blocking."""

        def make() -> Body:
            self.makings.append(tag)
            return Body(tag, tag.encode())

        return make

    def wants(self, tag: str, make: Callable[[], Body]) -> None:
        number = len(self._threads)

        def want() -> None:
            self.found[number] = cached(BodyRequest(self.name, tag, make))

        self._threads.append(threading.Thread(target=want))
        self._threads[-1].start()

    def leave(self) -> None:
        self.go.set()
        for each in self._threads:
            each.join(TIMEOUT_SECONDS)


@pytest.fixture
def crowd(name: str) -> Iterator[Crowd]:
    made = Crowd(name)
    yield made
    made.leave()


def test_concurrent_readers_build_it_once(crowd: Crowd) -> None:
    """The first reader builds it; readers that arrive meanwhile wait for it."""
    for number in range(12):
        crowd.wants(OLD, crowd.held_up(OLD))
        if number == 0:
            assert crowd.begun.wait(TIMEOUT_SECONDS)
    eventually(lambda: response_cache._builds.waiting(crowd.name) == 11)
    crowd.leave()
    assert set(crowd.found.values()) == {Body(OLD, b"held up")}
    assert len(crowd.found) == 12
    assert crowd.makings == [OLD]


def test_a_reader_of_a_later_etag_does_not_get_an_earlier_body(crowd: Crowd) -> None:
    """Waiting readers share one later build, which begins after each has read its ETag."""
    crowd.wants(OLD, crowd.held_up(OLD))
    assert crowd.begun.wait(TIMEOUT_SECONDS)
    for _ in range(3):
        crowd.wants(NEW, crowd.at_once(NEW))
    eventually(lambda: response_cache._builds.waiting(crowd.name) == 3)
    crowd.leave()
    assert crowd.found[0].tag == OLD
    assert [crowd.found[number].tag for number in (1, 2, 3)] == [NEW] * 3
    assert crowd.makings == [OLD, NEW]


def test_who_waits_too_long_makes_their_own(crowd: Crowd, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(response_cache, "QUEUE_SECONDS", 0.05)
    crowd.wants(OLD, crowd.held_up(OLD))
    assert crowd.begun.wait(TIMEOUT_SECONDS)
    assert cached(BodyRequest(crowd.name, OLD, Maker(OLD, b"own"))).content == b"own"


# Eviction


def test_the_process_keeps_so_many_bytes_and_no_more() -> None:
    kept = ResponseCache(max_bytes=100)
    for number in range(5):
        kept.put(f"{number}", Body(OLD, b"x" * 40))
        kept.get("0", OLD)
    assert [number for number in range(5) if kept.get(f"{number}", OLD)] == [0, 4]  # used last
    kept.put("0", Body(NEW, b"y" * 90))
    assert [number for number in range(5) if kept.get(f"{number}", OLD)] == []
    assert kept.get("0", NEW) is not None
    kept.put("large", Body(OLD, b"z" * 101))
    assert kept.get("large", OLD) is None
    assert kept.get("0", NEW) is None


def test_a_body_replaced_many_times_counts_once() -> None:
    kept = ResponseCache(max_bytes=100)
    kept.put("still", Body(OLD, b"x" * 40))
    for number in range(10):
        kept.put("busy", Body(tag_of(number), b"y" * 40))
    assert kept.get("still", OLD) is not None
    assert kept.get("busy", tag_of(9)) is not None


def test_what_was_not_used_for_a_minute_is_not_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    kept, now = ResponseCache(), [0.0]
    monkeypatch.setattr(response_cache.clock, "monotonic", lambda: now[0])
    for each in ("left", "used"):
        kept.put(each, Body(OLD, b"x" * 40))
    now[0] = response_cache.MAX_IDLE_SECONDS - 1
    assert kept.get("used", OLD) is not None
    now[0] = response_cache.MAX_IDLE_SECONDS + 1
    kept.put("new", Body(OLD, b"x" * 40))
    assert [each for each in ("left", "used", "new") if kept.get(each, OLD)] == ["used", "new"]


def test_a_request_with_another_tag_does_not_keep_a_body_in_use(monkeypatch: pytest.MonkeyPatch) -> None:
    kept, now = ResponseCache(), [0.0]
    monkeypatch.setattr(response_cache.clock, "monotonic", lambda: now[0])
    kept.put("a", Body(OLD, b"x"))
    now[0] = response_cache.MAX_IDLE_SECONDS - 1
    assert kept.get("a", NEW) is None
    now[0] = response_cache.MAX_IDLE_SECONDS + 1
    kept.put("b", Body(OLD, b"x"))
    assert kept.get("a", OLD) is None


# ETags


def test_tags_differ_as_the_facts_do() -> None:
    facts: list[tuple[object, ...]] = [(), ("a",), ("b",), ("a", "b"), ("ab",), (1,), ("1",), (None,), (("a", "b"),)]
    assert len({tag_of(*each) for each in facts}) == len(facts)
    assert tag_of("a", 1) == tag_of("a", 1)
    assert len(tag_of()) == 32


def test_the_code_that_makes_a_body_is_part_of_its_tag() -> None:
    assert source_tag(response_cache) == source_tag(response_cache)
    assert source_tag(response_cache) != source_tag(ids)
    assert source_tag(response_cache, ids) != source_tag(response_cache)

"""Two concurrent requests with one Idempotency-Key. Uses real threads and transactions."""

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import pytest
from django.db import OperationalError, connection
from django.http import HttpResponse

from core import clock
from core.api import idempotency
from core.api.endpoint import Endpoint
from core.api.idempotency import Key, Stored
from core.db import retry
from core.db.transactions import atomic
from core.errors import InUse
from core.models import IdempotencyRecord
from tests.integration.core.idempotency.counter_endpoints import (
    TIMEOUT_SECONDS,
    Hook,
    Hooks,
    Threads,
    ask,
    backend,
    code,
    counted,
    failing,
    is_replay,
    meeting,
    nothing,
    number_of,
    once,
    terminate,
    views,
    waits_for_a_lock,
)
from tests.support.eventually import eventually

pytestmark = pytest.mark.django_db(transaction=True, available_apps=["core"])  # only these tables have to be emptied


@views
def test_two_at_once_with_one_key_make_one_change(threads: Threads, view: type[Endpoint]) -> None:
    """Both make their change before either stores its response."""
    Hooks.before_keep = staticmethod(meeting(2))
    asked = [threads.start(lambda: ask("k1", view=view)) for _ in range(2)]
    answers = [each.result(TIMEOUT_SECONDS) for each in asked]
    assert [answer.status_code for answer in answers] == [201, 201]
    assert answers[0].content == answers[1].content
    assert sorted(is_replay(answer) for answer in answers) == [False, True]
    assert counted() == 1
    assert Hooks.runs == 2


@views
def test_canary_two_at_once_whose_answers_are_not_stored(
    threads: Threads, view: type[Endpoint], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(idempotency, "store", lambda answers: None)
    Hooks.before_keep = staticmethod(meeting(2))
    asked = [threads.start(lambda: ask("k1", view=view)) for _ in range(2)]
    assert [each.result(TIMEOUT_SECONDS).status_code for each in asked] == [201, 201]
    assert counted() == 2


def test_two_requests_at_once_with_one_key_that_differ(threads: Threads) -> None:
    Hooks.before_keep = staticmethod(meeting(2))
    asked = [threads.start(lambda n=n: ask("k1", {"n": n})) for n in range(2)]
    answers = sorted((each.result(TIMEOUT_SECONDS) for each in asked), key=lambda answer: answer.status_code)
    assert [answer.status_code for answer in answers] == [201, 422]
    assert code(answers[1]) == "idempotency-mismatch"
    assert counted() == 1


def test_fifty_at_once_with_one_key_have_one_effect(threads: Threads) -> None:
    Hooks.before_write = staticmethod(meeting(50))
    asked = [threads.start(lambda: ask("k1")) for _ in range(50)]
    answers = [each.result(60) for each in asked]
    assert {answer.status_code for answer in answers} == {201}
    assert len({answer.content for answer in answers}) == 1
    assert sum(not is_replay(answer) for answer in answers) == 1
    assert counted() == 1


@dataclass
class Held:
    """A request with the key k1 that has stored its response and is paused before the commit."""

    outcome: "Future[Any]"
    go: threading.Event
    pid: int


@pytest.fixture
def hold(threads: Threads) -> Iterator[Callable[..., Held]]:
    go = threading.Event()

    def start(then: Hook = nothing) -> Held:
        stored, pids = threading.Event(), list[int]()

        def wait() -> None:
            pids.append(backend())
            stored.set()
            assert go.wait(TIMEOUT_SECONDS)
            then()

        Hooks.after_keep = staticmethod(once(wait))
        outcome = threads.start(lambda: ask("k1"))
        assert stored.wait(TIMEOUT_SECONDS)
        return Held(outcome, go, pids[0])

    yield start
    go.set()


def test_while_the_first_still_runs_the_second_waits_for_its_answer(
    threads: Threads, hold: Callable[..., Held]
) -> None:
    first = hold()
    second = threads.start(lambda: ask("k1"))
    eventually(waits_for_a_lock)
    assert not second.done()
    first.go.set()
    assert not is_replay(first.outcome.result(TIMEOUT_SECONDS))
    assert is_replay(second.result(TIMEOUT_SECONDS))
    assert counted() == 1


def test_when_the_first_fails_the_second_does_the_work(threads: Threads, hold: Callable[..., Held]) -> None:
    first = hold(then=failing(InUse()))
    second = threads.start(lambda: ask("k1", {"another": "request"}))
    eventually(waits_for_a_lock)
    first.go.set()
    assert first.outcome.result(TIMEOUT_SECONDS).status_code == 409
    assert not is_replay(second.result(TIMEOUT_SECONDS))
    assert counted() == 1


def test_a_second_request_that_waits_too_long_gets_a_conflict(threads: Threads, hold: Callable[..., Held]) -> None:
    def impatient() -> HttpResponse:
        with connection.cursor() as cursor:
            cursor.execute("SET lock_timeout = '100ms'")
        return ask("k1")

    first = hold()
    response = threads.start(impatient).result(TIMEOUT_SECONDS)
    assert (response.status_code, code(response)) == (409, "idempotency-in-progress")
    assert response["Retry-After"]
    first.go.set()
    assert first.outcome.result(TIMEOUT_SECONDS).status_code == 201
    assert is_replay(ask("k1"))
    assert counted() == 1


def test_a_run_that_dies_leaves_its_key_free_at_once(threads: Threads) -> None:
    stored, pids = threading.Event(), list[int]()
    go = threading.Event()

    def die() -> None:
        with atomic(durable=True):
            idempotency.store([(Key(actor="user:1", key="k1", fingerprint="0" * 64), Stored(201, b"{}", {}))])
            pids.append(backend())
            stored.set()
            go.wait(TIMEOUT_SECONDS)

    dying = threads.start(die)
    assert stored.wait(TIMEOUT_SECONDS)
    waiting = threads.start(lambda: ask("k1"))
    eventually(waits_for_a_lock)
    terminate(pids[0])
    assert number_of(waiting.result(TIMEOUT_SECONDS)) == 1
    go.set()
    assert isinstance(dying.exception(TIMEOUT_SECONDS), OperationalError)
    assert is_replay(ask("k1"))


def test_a_key_that_is_taken_and_gone_again_each_time_is_refused_in_the_end() -> None:
    def take() -> None:
        key = Key(actor="user:1", key="k1", fingerprint="0" * 64)
        with ThreadPoolExecutor(1) as pool:
            Threads(pool).start(lambda: idempotency.store([(key, Stored(201, b"{}", {}))])).result()

    Hooks.before_keep = staticmethod(take)
    Hooks.after_rollback = staticmethod(lambda: IdempotencyRecord.objects.all().delete() and None)
    response = ask("k1")
    assert (response.status_code, code(response)) == (409, "idempotency-in-progress")
    assert response["Retry-After"]
    assert (counted(), Hooks.runs) == (0, retry.MAX_RACES)


def test_two_at_once_with_a_key_that_is_older_than_a_day(threads: Threads) -> None:
    with clock.use(clock.ManualClock(clock.now() - timedelta(hours=25))):
        ask("k1")
    Hooks.before_keep = staticmethod(meeting(2))
    asked = [threads.start(lambda: ask("k1")) for _ in range(2)]
    answers = [each.result(TIMEOUT_SECONDS) for each in asked]
    assert sorted(is_replay(answer) for answer in answers) == [False, True]
    assert counted() == 2

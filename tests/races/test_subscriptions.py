"""An event log consumer receives every event in order, despite killed processes and concurrent consumers."""

import os
import signal
import subprocess
import sys
import threading
from collections import defaultdict
from collections.abc import Iterator, Sequence
from typing import Any

import environ
import pytest
from django.db import connection
from django.test import Client

from clinics.models import Slot
from core.api.commands import Reply
from devserver.project import ROOT
from events import subscriptions
from events.models import Event, Subscription
from events.subscriptions import consume, consume_all, lags
from tests.races.builders import a_patient, a_slot, service
from tests.races.interleaving import TIMEOUT_SECONDS, Refusal, Runner, without_redis_lock
from tokens.operations.booking import BookingRequest
from tokens.policy.priority import Category

pytestmark = pytest.mark.django_db(transaction=True)

NAME = "followers"


@pytest.fixture(autouse=True)
def one_by_one(settings: Any) -> None:
    """Turn batching off: in one batch a late commit would delay the early one."""
    settings.OPD_COMBINE = False


@pytest.fixture
def got(monkeypatch: pytest.MonkeyPatch) -> list[Event]:
    """Run the only consumer with its cursor at the end of the log; return the events it received."""
    handed: list[Event] = []
    monkeypatch.setattr(subscriptions, "handlers", {NAME: handed.extend})
    assert consume(NAME) == 0
    return handed


@pytest.fixture(autouse=True)
def no_cursor_is_left() -> Iterator[None]:
    yield
    Subscription.objects.all().delete()


def book(slot: Slot, reply: Reply | None = None, patient: Any = None) -> None:
    patient_id = (patient or a_patient()).id
    request = BookingRequest(slot_id=slot.id, patient_id=patient_id, category=Category.WALKIN, actor="user:desk")
    service.book(request, reply=reply)


def written(after: int = 0) -> list[int]:
    return list(Event.objects.filter(seq__gt=after).order_by("seq").values_list("seq", flat=True))


def cursor_of(name: str = NAME) -> int:
    return Subscription.objects.get(name=name).seq


def test_a_consumer_starts_at_the_end_and_gets_each_event_once_in_order(got: list[Event]) -> None:
    begun = cursor_of()
    slots = [a_slot(capacity=9), a_slot(capacity=9)]
    for slot in slots * 3:
        book(slot)
    while consume(NAME, batch=2):
        pass
    assert [event.seq for event in got] == written(begun)
    numbers = defaultdict(list)
    for event in got:
        numbers[event.slot_id].append(event.number)
    assert all(one == list(range(one[0], one[0] + 4)) for one in numbers.values())
    assert consume(NAME) == 0


def test_a_consumer_that_fails_gets_the_same_events_again(got: list[Event], monkeypatch: pytest.MonkeyPatch) -> None:
    begun = cursor_of()
    book(a_slot())
    tried: list[int] = []

    def fail(events: Sequence[Event]) -> None:
        tried.extend(event.seq for event in events)
        raise RuntimeError("mail server away")

    monkeypatch.setattr(subscriptions, "handlers", {"failing": fail, NAME: got.extend})
    Subscription.objects.create(name="failing", seq=begun, moved_at=Subscription.objects.get(name=NAME).moved_at)
    for _ in range(2):
        with pytest.raises(RuntimeError, match="mail server away"):
            consume_all()
    assert tried == written(begun) * 2
    assert cursor_of("failing") == begun
    assert [event.seq for event in got] == written(begun)  # the other consumer goes on, and handles them once


def handle_in_two_processes(monkeypatch: pytest.MonkeyPatch) -> tuple[list[int], int]:
    """Run one consumer twice at once; return the events delivered, and the number that the second run handled."""
    handed: list[int] = []
    begun, go = threading.Event(), threading.Event()

    def slow(events: Sequence[Event]) -> None:
        handed.extend(event.seq for event in events)
        begun.set()
        go.wait(TIMEOUT_SECONDS)

    monkeypatch.setattr(subscriptions, "handlers", {NAME: slow})
    book(a_slot())
    first = Runner(lambda: consume(NAME))
    first.start()
    assert begun.wait(TIMEOUT_SECONDS)
    go_soon = threading.Timer(0.2, go.set)
    go_soon.start()
    try:
        second = Runner(lambda: consume(NAME))
        second.start()
        handled = second.finish()
    finally:
        go.set()
    assert first.finish() == 2
    return handed, handled


def test_of_two_at_once_one_handles_the_events(got: list[Event], monkeypatch: pytest.MonkeyPatch) -> None:
    begun = cursor_of()
    handed, second = handle_in_two_processes(monkeypatch)
    assert handed == written(begun)
    assert second == 0


def test_canary_without_the_row_lock_both_handle_them(got: list[Event], monkeypatch: pytest.MonkeyPatch) -> None:
    begun = cursor_of()
    monkeypatch.setattr(type(Subscription.objects.all()), "select_for_update", lambda self, **how: self)
    handed, second = handle_in_two_processes(monkeypatch)
    assert handed == written(begun) * 2
    assert second == 2


def overtaken(got: list[Event]) -> int:
    """Consume while one event is uncommitted and a later one committed; return the cursor's previous position."""
    slow, quick = a_slot(), a_slot()
    consume(NAME)
    got.clear()
    begun = cursor_of()
    early, late = a_patient(), a_patient()
    noted, go = threading.Event(), threading.Event()

    def hesitate(result: Any) -> Any:
        noted.set()
        go.wait(TIMEOUT_SECONDS)
        return result

    writer = Runner(lambda: book(slow, Reply(hesitate), late))
    try:
        writer.start()
        assert noted.wait(TIMEOUT_SECONDS)
        with without_redis_lock():
            book(quick, patient=early)
        consume(NAME)
    finally:
        go.set()
    assert not isinstance(writer.finish(), Refusal)
    consume(NAME)
    return begun


def test_an_event_that_is_committed_late_is_not_skipped(got: list[Event]) -> None:
    begun = overtaken(got)
    assert [event.seq for event in got] == written(begun)


def test_canary_without_the_complete_part_it_is_skipped(got: list[Event], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(subscriptions, "complete_until", lambda: 2**62)
    begun = overtaken(got)
    assert len(got) == len(written(begun)) - 1


KILLED_WITHIN = """
import os, signal, django
django.setup()
from events import subscriptions
from events.models import Subscription

def handler(events):
    Subscription.objects.create(name="written-by-the-handler", seq=1, moved_at=events[0].at)
    os.kill(os.getpid(), signal.SIGKILL)

subscriptions.handlers = {"followers": handler}
subscriptions.consume("followers")
"""


def test_a_process_killed_within_a_batch_leaves_nothing_done(got: list[Event]) -> None:
    begun = cursor_of()
    book(a_slot())
    url = environ.Env().str("DATABASE_URL").rpartition("/")[0] + f"/{connection.settings_dict['NAME']}"
    killed = subprocess.run(
        [sys.executable, "-c", KILLED_WITHIN], env={**os.environ, "DATABASE_URL": url}, cwd=ROOT, timeout=60
    )
    assert killed.returncode == -signal.SIGKILL
    assert not Subscription.objects.filter(name="written-by-the-handler").exists()
    assert cursor_of() == begun
    while not consume(NAME):  # until the database has detected the dead client
        pass
    assert [event.seq for event in got] == written(begun)


def test_the_lag_is_measured(got: list[Event]) -> None:
    book(a_slot())
    [lag] = lags()
    assert (lag.consumer, lag.events) == (NAME, 2)
    line = f'opd_subscription_lag_events{{consumer="{NAME}"}}'
    assert f"{line} 2.0" in Client().get("/metrics").text
    consume(NAME)
    assert f"{line} 0.0" in Client().get("/metrics").text


def test_a_consumer_that_is_no_longer_registered_has_no_lag(got: list[Event]) -> None:
    Subscription.objects.create(name="removed", seq=0, moved_at=Subscription.objects.get(name=NAME).moved_at)
    assert [lag.consumer for lag in lags()] == [NAME]

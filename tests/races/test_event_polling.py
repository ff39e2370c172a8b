"""A client that polls events/?after= receives every event once, even if a transaction commits late."""

import random
import threading
import time
from collections import defaultdict
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from functools import partial
from typing import Any

import pytest
from django.db import connection
from django.db.models import QuerySet

from clinics.models import Slot
from core.api.commands import Reply
from core.db.transactions import atomic
from events.models import Event
from patients.models import Patient
from tests.factories import ensure_facility, first_admin
from tests.races.builders import a_patient, a_slot, service
from tests.races.interleaving import TIMEOUT_SECONDS, Refusal, Runner, without_redis_lock
from tests.support.api import Api, in_process
from tests.support.hospital import PASSWORD
from tokens.api import events as events_api
from tokens.operations.booking import BookingRequest
from tokens.policy.priority import Category

pytestmark = pytest.mark.django_db(transaction=True)


class Follower:
    """A client that polls the event log over HTTP."""

    def __init__(self) -> None:
        ensure_facility()
        body = {"username": first_admin(PASSWORD).username, "password": PASSWORD}
        self.api = Api(in_process(), f"Bearer {Api(in_process()).post('auth/token/', body).expect(200)['access']}")
        self.seen: list[dict[str, Any]] = []

    def poll(self) -> int:
        """Fetch the events after the last one seen; return how many arrived."""
        after = {"after": self.seen[-1]["id"]} if self.seen else {}
        new = self.api.get("events/", page_size=50, **after).expect(200)["results"]
        self.seen += new
        return len(new)

    def catch_up(self, known: int) -> None:
        """Read on until this many events were seen. Every transaction of the server that runs, whatever it does in
        whichever database, may hold the last ones back for a while."""
        deadline = time.monotonic() + TIMEOUT_SECONDS / 2
        while len(self.seen) < known and time.monotonic() < deadline:
            if not self.poll():
                time.sleep(0.02)

    @property
    def ids(self) -> list[str]:
        return [event["id"] for event in self.seen]


@pytest.fixture(autouse=True)
def one_by_one(settings: Any) -> None:
    """Turn batching off: writers of one batch share a commit, so none could overtake another."""
    settings.OPD_COMBINE = False


def book(slot: Slot, *, form: Any = None, patient: Patient | None = None) -> Any:
    """Book a seat; call `form` between the last write and the commit."""
    patient_id = (patient or a_patient()).id
    request = BookingRequest(slot_id=slot.id, patient_id=patient_id, category=Category.WALKIN, actor="user:desk")
    return service.book(request, reply=Reply(form) if form else None)


def everything() -> set[str]:
    return {str(event_id) for event_id in Event.objects.values_list("id", flat=True)}


def test_every_event_once_and_in_order_under_32_writers() -> None:
    """Writers wait between writing their events and committing, so that transactions commit out of order."""
    slots = [a_slot(capacity=100) for _ in range(8)]
    follower, chance = Follower(), random.Random(7)

    def dawdle(result: Any) -> Any:
        time.sleep(chance.random() * 0.05)
        return result

    def write(slot: Slot) -> None:
        for _ in range(5):
            book(slot, form=dawdle)

    writers = [Runner(partial(write, slots[n % 8])) for n in range(32)]
    for writer in writers:
        writer.start()
    polls = 0
    while any(writer.is_alive() for writer in writers):
        polls += follower.poll() > 0
    assert not [writer.outcome for writer in writers if isinstance(writer.outcome, Refusal)]
    follower.catch_up(Event.objects.count())
    assert polls > 1
    assert len(follower.ids) == len(set(follower.ids))
    assert set(follower.ids) == everything()
    by_slot = defaultdict(list)
    for event in follower.seen:
        by_slot[event["slot"]].append(event["id"])
    for slot in slots:
        written = Event.objects.filter(slot_id=slot.id).order_by("number").values_list("id", flat=True)
        assert by_slot[str(slot.id)] == [str(event_id) for event_id in written]


@contextmanager
def unrelated_transaction() -> Iterator[None]:
    """Hold a transaction that began earlier, writes unrelated rows and ends within the block."""
    began, go = threading.Event(), threading.Event()

    def stand_by() -> None:
        with atomic(), connection.cursor() as cursor:
            cursor.execute("SELECT pg_current_xact_id()")
            began.set()
            go.wait(TIMEOUT_SECONDS)

    bystander = Runner(stand_by)
    bystander.start()
    assert began.wait(TIMEOUT_SECONDS)
    try:
        yield
    finally:
        go.set()
        bystander.finish()


def commit_out_of_order(*, patient: bool, meanwhile: AbstractContextManager[None] | None = None) -> Follower:
    """Write one event, commit and read a later one, then commit the first."""
    slow, quick = a_slot(), a_slot()
    follower = Follower()
    follower.catch_up(Event.objects.count())
    written, go = threading.Event(), threading.Event()

    def hesitate(result: Any) -> Any:
        written.set()
        go.wait(TIMEOUT_SECONDS)
        return result

    early, late = a_patient(), a_patient()  # created first: no other transaction may end between the two bookings
    writer = Runner(lambda: book(slow, form=hesitate, patient=late))
    try:
        with meanwhile or nullcontext():
            writer.start()
            assert written.wait(TIMEOUT_SECONDS)
            with without_redis_lock():
                book(quick, patient=early)
        for _ in range(20):
            follower.poll()
    finally:
        go.set()
    assert not isinstance(writer.finish(), Refusal)
    follower.catch_up(Event.objects.count() if patient else 0)
    return follower


def test_a_late_commit_is_not_skipped() -> None:
    follower = commit_out_of_order(patient=True)
    assert set(follower.ids) == everything()


def test_a_late_commit_is_not_skipped_when_an_older_transaction_ends_meanwhile() -> None:
    """A late transaction may have a higher id than every finished one, so finished ids alone are no safe bound."""
    follower = commit_out_of_order(patient=True, meanwhile=unrelated_transaction())
    assert set(follower.ids) == everything()


def test_canary_without_the_complete_part_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    def careless(events: QuerySet[Event]) -> QuerySet[Event]:
        return events

    monkeypatch.setattr(events_api, "complete_part", careless)
    follower = commit_out_of_order(patient=False)
    while follower.poll():
        pass
    assert len(everything() - set(follower.ids)) == 1

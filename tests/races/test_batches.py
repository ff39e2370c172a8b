"""Batched requests: each has its own result, and one busy slot does not delay the others."""

import threading
import uuid
from functools import partial
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from clinics.models import Facility, Slot
from core.clock import ManualClock
from core.db.transactions import atomic
from core.errors import NotFound
from events.models import Event
from tests.factories import DoctorFactory
from tests.races.batches import ask, leave, one_batch
from tests.races.builders import a_doctor, a_patient, a_slot, book, inconsistencies_of, service
from tests.races.interleaving import TIMEOUT_SECONDS, Refusal, Runner
from tests.support.invariants import assert_invariants_hold
from tokens.engine import batch, locking
from tokens.models import Token
from tokens.operations.booking import BookingRequest
from tokens.policy.priority import Category
from waitlist.models import WaitlistEntry

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def in_batches(settings: Any) -> None:
    settings.OPD_COMBINE = True


def test_each_request_has_its_own_result(monkeypatch: pytest.MonkeyPatch) -> None:
    full, free = a_slot(capacity=1), a_slot(capacity=5)
    held, one, two, three, four = (a_patient() for _ in range(5))
    book(full, held)
    nobody, nowhere = uuid.uuid4(), uuid.uuid4()
    seat, waiting, twice, unknown, missing, refused, again = one_batch(
        [
            lambda: ask(free.id, one.id),
            lambda: ask(full.id, two.id),
            lambda: ask(free.id, one.id),
            lambda: ask(free.id, nobody),
            lambda: ask(nowhere, three.id),
            lambda: ask(full.id, four.id, wait=False),
            lambda: ask(full.id, two.id),
        ],
        monkeypatch=monkeypatch,
    )
    assert isinstance(seat, Token)
    assert isinstance(waiting, WaitlistEntry)
    codes = [outcome.code for outcome in (twice, unknown, missing, refused, again)]
    assert codes == ["duplicate-booking", NotFound.code, NotFound.code, "slot-full", "duplicate-booking"]
    assert (seat.computed_position, waiting.computed_position) == (1, 1)
    assert inconsistencies_of(full) == inconsistencies_of(free) == []
    assert_invariants_hold()


def test_cancellations_free_seats_for_bookings_of_the_same_batch(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of two freed seats, one goes to the waiting patient and the other to a booking of the same batch."""
    waited_for, free_again = a_slot(capacity=1), a_slot(capacity=1)
    first, second = book(waited_for), book(free_again)
    waiting, coming = a_patient(), a_patient()
    book(waited_for, waiting, join_waiting_list=True)
    late, seated, left, emptied, again = one_batch(
        [
            lambda: ask(waited_for.id, first.patient_id, wait=False),
            lambda: ask(free_again.id, coming.id, wait=False),
            lambda: leave(first),
            lambda: leave(second),
            lambda: leave(second),
        ],
        monkeypatch=monkeypatch,
    )
    assert late.code == "slot-full"
    assert isinstance(seated, Token)
    assert [token.patient_id for token in left.promoted] == [waiting.id]
    assert (emptied.token.status, emptied.promoted) == ("CANCELLED", [])
    assert again.code == "invalid-transition"
    assert inconsistencies_of(waited_for) == inconsistencies_of(free_again) == []
    assert_invariants_hold()


def test_a_patient_may_cancel_and_book_again_in_one_batch(monkeypatch: pytest.MonkeyPatch) -> None:
    slot, other, waits = a_slot(capacity=3), a_slot(), a_patient()
    token, kept = book(slot), book(slot)
    new, one, two, buffered = one_batch(
        [
            lambda: ask(slot.id, token.patient_id),
            lambda: ask(other.id, waits.id),
            lambda: leave(token),
            lambda: leave(kept, keep_seat=True),
        ],
        monkeypatch=monkeypatch,
    )
    assert isinstance(new, Token)
    assert isinstance(one, Token)
    assert new.id != token.id
    assert (two.token.status, buffered.token.status) == ("CANCELLED", "BUFFER")
    assert inconsistencies_of(slot) == inconsistencies_of(other) == []
    assert_invariants_hold()


def test_cancellations_in_many_slots_take_as_many_statements_as_in_few(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def statements_of(number: int) -> int:
        tokens = [book(a_slot()) for _ in range(number)]
        counted: list[int] = []
        looked = batch.run_batch

        def counting(queued: Any, **facts: Any) -> Any:
            with CaptureQueriesContext(connection) as queries:
                outcomes = looked(queued, **facts)
            counted.append(len(queries.captured_queries))
            return outcomes

        with monkeypatch.context() as patched:
            patched.setattr(batch, "run_batch", counting)
            one_batch([partial(leave, token) for token in tokens], monkeypatch=patched)
        return counted[-1]

    assert statements_of(2) == statements_of(12) <= 7


def test_a_batch_over_many_slots_fills_each_to_the_last_seat(monkeypatch: pytest.MonkeyPatch) -> None:
    slots = [a_slot(capacity=2) for _ in range(5)]
    steps = [partial(ask, slot.id, a_patient().id) for slot in slots for _ in range(3)]
    outcomes = one_batch(steps, monkeypatch=monkeypatch)
    assert sum(isinstance(outcome, Token) for outcome in outcomes) == 10
    assert sum(isinstance(outcome, WaitlistEntry) for outcome in outcomes) == 5
    for slot in slots:
        tickets = Token.objects.filter(slot=slot).order_by("ticket").values_list("ticket", flat=True)
        assert [ticket[-3:] for ticket in tickets] == ["001", "002"]
        assert inconsistencies_of(slot) == []
    assert_invariants_hold()


def test_a_constraint_violation_fails_only_its_own_request(monkeypatch: pytest.MonkeyPatch) -> None:
    """Another process books the patient with the same doctor between the batch's reads and its writes."""
    doctor = a_doctor()
    early = a_slot(doctor)
    late = a_slot(doctor, start=early.end_time)
    other, double, plain = a_slot(), a_patient(), a_patient()
    looked = batch.book_all
    done = threading.Event()

    def overtaken(*args: Any, **kwargs: Any) -> Any:
        outcomes = looked(*args, **kwargs)
        if len(kwargs["requests"]) > 1 and not done.is_set():
            done.set()
            monkeypatch.setattr("django.conf.settings.OPD_COMBINE", False)
            elsewhere = Runner(lambda: book(late, double))
            elsewhere.start()
            assert isinstance(elsewhere.finish(), Token)
            monkeypatch.setattr("django.conf.settings.OPD_COMBINE", True)
        return outcomes

    monkeypatch.setattr(batch, "book_all", overtaken)
    refused, booked = one_batch(
        [lambda: ask(early.id, double.id), lambda: ask(other.id, plain.id)], monkeypatch=monkeypatch
    )
    assert done.is_set()
    assert isinstance(refused, Refusal)
    assert refused.code == "duplicate-booking"
    assert isinstance(booked, Token)
    assert_invariants_hold()


def test_each_event_of_a_batch_names_its_own_cause(monkeypatch: pytest.MonkeyPatch, clock: ManualClock) -> None:
    """Expirations that are due name the sweep as their cause and are applied only in the slots of the batch."""
    due, untouched = a_slot(capacity=2), a_slot(capacity=1)
    for slot in (due, untouched):
        book(slot, actor="user:planner", hold=True)
    given_back = book(due, actor="user:planner")
    for _ in range(3):
        book(due, actor="user:planner", join_waiting_list=True)
    before = {slot.id: Event.objects.filter(slot_id=slot.id).count() for slot in (due, untouched)}
    clock.advance(minutes=5)
    left, waits = one_batch(
        [
            lambda: service.cancel(token_id=given_back.id, actor="user:leaves"),
            lambda: ask(due.id, a_patient().id),
        ],
        monkeypatch=monkeypatch,
    )
    assert [token.slot_id for token in left.promoted] == [due.id]
    assert isinstance(waits, WaitlistEntry)

    def told(slot: Slot) -> list[tuple[str, str]]:
        events = Event.objects.filter(slot_id=slot.id).order_by("number")[before[slot.id] :]
        return [(event.type, event.actor) for event in events]

    handed_on = ("token.promoted", "waitlist.promoted")
    assert told(untouched) == []
    assert told(due) == [
        *((kind, "system:sweep") for kind in ("token.expired", *handed_on)),
        *((kind, "user:leaves") for kind in ("token.cancelled", *handed_on)),
        ("waitlist.joined", "user:desk"),
    ]
    assert_invariants_hold()


def test_one_busy_slot_does_not_delay_the_others(monkeypatch: pytest.MonkeyPatch) -> None:
    busy, free = a_slot(), a_slot()
    one, other = a_patient(), a_patient()
    locked, go = threading.Event(), threading.Event()

    def hold() -> None:
        with atomic():
            Slot.objects.select_for_update().get(id=busy.id)
            locked.set()
            go.wait(TIMEOUT_SECONDS)

    holder = Runner(hold)
    holder.start()
    assert locked.wait(TIMEOUT_SECONDS)
    waits = Runner(lambda: ask(busy.id, one.id))
    waits.start()
    try:
        assert isinstance(ask(free.id, other.id), Token)
        assert waits.is_alive()
    finally:
        go.set()
    holder.finish()
    assert isinstance(waits.finish(), Token)
    assert_invariants_hold()


@pytest.fixture
def passed(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Record the slots whose Redis lock was taken."""
    passed: list[str] = []
    redis_lock = locking.redis_lock

    def noted(keys: list[str], **patience: Any) -> Any:
        passed.extend(key for key in keys if key.startswith("slot:"))
        return redis_lock(keys, **patience)

    monkeypatch.setattr(locking, "redis_lock", noted)
    return passed


def test_a_single_request_takes_the_redis_lock_and_a_batch_over_slots_does_not(
    monkeypatch: pytest.MonkeyPatch, passed: list[str]
) -> None:
    slot, patients = a_slot(capacity=5), [a_patient() for _ in range(3)]
    steps = [lambda patient=patient: ask(slot.id, patient.id) for patient in patients]
    assert all(isinstance(each, Token) for each in one_batch(steps, monkeypatch=monkeypatch))
    assert len(passed) == 1  # of who came first, alone, to another slot
    assert f"slot:{slot.id}" not in passed
    ask(slot.id, a_patient().id)
    assert passed[1:] == [f"slot:{slot.id}"]


def test_a_batch_for_one_slot_takes_the_redis_lock(passed: list[str]) -> None:
    slot, patients = a_slot(capacity=5), [a_patient() for _ in range(3)]
    queued = [
        batch.QueuedRequest(
            BookingRequest(slot_id=slot.id, patient_id=each.id, category=Category.WALKIN, actor="user:desk"), None
        )
        for each in patients
    ]
    assert all(isinstance(each, Token) for each in batch.run_or_retry_alone(queued))
    assert passed == [f"slot:{slot.id}"]


def test_no_transaction_spans_two_facilities(monkeypatch: pytest.MonkeyPatch) -> None:
    here = a_slot(capacity=2)
    branch = Facility.objects.create(name="Branch", code="BRANCH", time_zone="Asia/Kolkata")
    there = a_slot(DoctorFactory(facility=branch), capacity=2)
    spans: list[int] = []
    looked = batch.book_all

    def noted(ledgers: Any, **rest: Any) -> Any:
        spans.append(len({ledger.slot.facility_id for ledger in ledgers.values()}))
        return looked(ledgers, **rest)

    monkeypatch.setattr(batch, "book_all", noted)
    steps = [partial(ask, slot.id, a_patient(facility=slot.facility).id) for slot in (here, there, here, there)]
    outcomes = one_batch(steps, monkeypatch=monkeypatch)
    assert all(isinstance(outcome, Token) for outcome in outcomes)
    assert set(spans) == {1}

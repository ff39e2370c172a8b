"""Batched requests with an Idempotency-Key: each key makes one change and stores one response."""

import threading
from collections.abc import Callable
from contextlib import suppress
from datetime import timedelta
from functools import partial
from typing import Any

import pytest
from django.db import OperationalError, connection
from django.db.backends.base.base import BaseDatabaseWrapper
from django.test.utils import CaptureQueriesContext

from clinics.models import Slot
from core.api import commands, idempotency
from core.api.answers import Answer
from core.api.commands import REPLAYED, Reply
from core.api.idempotency import Key, KeyTaken
from core.models import IdempotencyRecord
from patients.models import Patient
from tests.races.batches import ask, leave, one_batch
from tests.races.builders import a_patient, a_slot, book, events_of, inconsistencies_of
from tests.races.interleaving import Refusal, Runner
from tests.support.invariants import assert_invariants_hold
from tokens.engine import batch
from tokens.models import Token

pytestmark = pytest.mark.django_db(transaction=True)

Step = Callable[[], Any]


@pytest.fixture(autouse=True)
def in_batches(settings: Any) -> None:
    settings.OPD_COMBINE = True


def booked(token: Token) -> Answer:
    return Answer(201, {"id": str(token.id)}, {"X-Ticket": token.ticket})


def cancelled(result: Any) -> Answer:
    return Answer(200, {"id": str(result.token.id), "status": result.token.status})


def key_for(text: str, *, request: str = "", actor: str = "user:desk") -> Key:
    return Key(actor=actor, key=text, fingerprint=request or text)


def booking(slot: Slot, patient: Patient, key: Key | None) -> Step:
    """Return a booking request with its key, as the API makes it."""
    work = partial(ask, slot.id, patient.id, wait=False, reply=Reply(booked, key))
    return partial(commands.run, work, key, find_stored=False)


def cancelling(token: Token, key: Key) -> Step:
    return partial(commands.run, partial(leave, token, reply=Reply(cancelled, key)), key, find_stored=False)


def stored() -> dict[str, bytes]:
    return {record.key: bytes(record.body) for record in IdempotencyRecord.objects.all()}


def of(answer: Answer) -> bytes:
    """Return the response body as sent to the client."""
    return commands.stored(answer).body


def is_replayed(answer: Answer) -> bool:
    return answer.headers.get(REPLAYED) == "true"


@pytest.fixture
def runs(monkeypatch: pytest.MonkeyPatch) -> list[tuple[int, int]]:
    """Record the number of requests and statements of each transaction."""
    runs: list[tuple[int, int]] = []
    run = batch.run_batch

    def noted(queued: Any, **facts: Any) -> Any:
        with CaptureQueriesContext(connection) as queries:
            try:
                return run(queued, **facts)
            finally:
                runs.append((len(queued), len(queries.captured_queries)))

    monkeypatch.setattr(batch, "run_batch", noted)
    return runs


def test_each_request_stores_its_own_answer(monkeypatch: pytest.MonkeyPatch, runs: list[tuple[int, int]]) -> None:
    slot, other = a_slot(capacity=5), a_slot(capacity=1)
    token, people = book(slot), [a_patient() for _ in range(4)]
    book(other)
    runs.clear()
    one, two, left, keyless, refused = outcomes = one_batch(
        [
            booking(slot, people[0], key_for("one")),
            booking(slot, people[1], key_for("two")),
            cancelling(token, key_for("left")),
            booking(slot, people[2], None),
            booking(other, people[3], key_for("refused")),
        ],
        monkeypatch=monkeypatch,
    )
    assert [number for number, _ in runs] == [1, len(outcomes)]
    assert refused.code == "slot-full"
    assert stored() == {"one": of(one), "two": of(two), "left": of(left)}
    assert len({of(answer) for answer in (one, two, left, keyless)}) == 4
    assert not any(is_replayed(answer) for answer in (one, two, left, keyless))
    record = IdempotencyRecord.objects.get(key="two")
    assert (record.actor, record.fingerprint, record.status) == ("user:desk", "two", 201)
    assert record.headers == two.headers
    assert inconsistencies_of(slot) == inconsistencies_of(other) == []
    assert_invariants_hold()


def test_keys_add_as_many_statements_for_a_large_batch_as_for_a_small_one(
    monkeypatch: pytest.MonkeyPatch, runs: list[tuple[int, int]]
) -> None:
    slot = a_slot(capacity=50)

    def statements(number: int, *, keys: bool) -> int:
        names = [f"{number}-{each}" for each in range(number)]
        steps = [booking(slot, a_patient(), key_for(name) if keys else None) for name in names]
        with monkeypatch.context() as patched:
            assert all(isinstance(each, Answer) for each in one_batch(steps, monkeypatch=patched))
        size, counted = runs[-1]
        assert size == number
        return counted

    assert statements(2, keys=True) == statements(12, keys=True) <= statements(12, keys=False) + 1


def test_two_requests_with_one_key_make_one_change(monkeypatch: pytest.MonkeyPatch) -> None:
    slot, patient, other = a_slot(capacity=5), a_patient(), a_patient()
    first, again, different = one_batch(
        [
            booking(slot, patient, key_for("k")),
            booking(slot, patient, key_for("k")),
            booking(slot, other, key_for("k", request="another one")),
        ],
        monkeypatch=monkeypatch,
    )
    assert not is_replayed(first)
    assert is_replayed(again)
    assert of(again) == of(first)
    assert {name: again.headers[name] for name in first.headers} == first.headers
    assert different.code == "idempotency-mismatch"
    assert list(Token.objects.filter(slot=slot).values_list("patient_id", flat=True)) == [patient.id]
    assert events_of(slot.id, "token.booked") == 1
    assert inconsistencies_of(slot) == []


def test_the_same_key_of_two_callers_is_two_keys(monkeypatch: pytest.MonkeyPatch) -> None:
    slot = a_slot(capacity=5)
    one, other = one_batch(
        [booking(slot, a_patient(), key_for("k", actor=actor)) for actor in ("user:one", "user:other")],
        monkeypatch=monkeypatch,
    )
    assert of(one) != of(other)
    assert not is_replayed(one)
    assert not is_replayed(other)
    assert Token.objects.filter(slot=slot).count() == IdempotencyRecord.objects.count() == 2


def test_a_refused_request_leaves_its_key_to_the_next_one_of_the_batch(monkeypatch: pytest.MonkeyPatch) -> None:
    full, free, patient = a_slot(capacity=1), a_slot(capacity=1), a_patient()
    book(full)
    refused, taken = one_batch(
        [booking(full, patient, key_for("k")), booking(free, patient, key_for("k", request="another one"))],
        monkeypatch=monkeypatch,
    )
    assert refused.code == "slot-full"
    assert not is_replayed(taken)
    assert stored() == {"k": of(taken)}


def test_stored_answers_among_new_requests(monkeypatch: pytest.MonkeyPatch, runs: list[tuple[int, int]]) -> None:
    slot, patient = a_slot(capacity=5), a_patient()
    first = booking(slot, patient, key_for("old"))()
    token = book(slot)
    left = cancelling(token, key_for("left"))()
    runs.clear()
    new, again, left_again, mismatch = one_batch(
        [
            booking(slot, a_patient(), key_for("new")),
            booking(slot, patient, key_for("old")),
            cancelling(token, key_for("left")),
            booking(slot, a_patient(), key_for("old", request="another one")),
        ],
        monkeypatch=monkeypatch,
    )
    assert [number for number, _ in runs] == [1, 4], "one batch serves all of them"
    assert [is_replayed(answer) for answer in (new, again, left_again)] == [False, True, True]
    assert (of(again), of(left_again)) == (of(first), of(left))
    assert mismatch.code == "idempotency-mismatch"
    assert stored() == {"old": of(first), "left": of(left), "new": of(new)}
    assert events_of(slot.id, "token.booked") == 3
    assert inconsistencies_of(slot) == []
    assert_invariants_hold()


def test_an_expired_answer_is_replaced(monkeypatch: pytest.MonkeyPatch, clock: Any) -> None:
    slot = a_slot(capacity=5)
    booking(slot, a_patient(), key_for("k"))()
    clock.advance(idempotency.RETENTION + timedelta(seconds=1))
    slot = a_slot(capacity=5)
    new, plain = one_batch(
        [booking(slot, a_patient(), key_for("k", request="another one")), booking(slot, a_patient(), None)],
        monkeypatch=monkeypatch,
    )
    assert not is_replayed(new)
    assert isinstance(plain, Answer)
    assert stored() == {"k": of(new)}


# Another process uses a key while the batch runs


def taken_meanwhile(monkeypatch: pytest.MonkeyPatch, runs: list[tuple[int, int]]) -> tuple[list[Any], list[Slot]]:
    """A client sends one key with two bookings, to two processes at once, each for the last seat of another slot.

    One runs in a batch with a third booking. After that batch has looked for stored answers and before it stores its
    own, the other one is committed.
    """
    here, there, beside = slots = [a_slot(capacity=1) for _ in range(3)]
    elsewhere = booking(there, a_patient(), key_for("k", request="another one"))
    keep, outcomes, done = idempotency.store, [], threading.Event()

    def overtaken(answers: Any) -> None:
        if len(answers) > 1 and not done.is_set():
            done.set()
            monkeypatch.setattr("django.conf.settings.OPD_COMBINE", False)
            runner = Runner(elsewhere)
            runner.start()
            outcomes.append(runner.finish())
            monkeypatch.setattr("django.conf.settings.OPD_COMBINE", True)
        keep(answers)

    monkeypatch.setattr(idempotency, "store", overtaken)
    runs.clear()
    outcomes += one_batch(
        [booking(here, a_patient(), key_for("k")), booking(beside, a_patient(), key_for("mate"))],
        monkeypatch=monkeypatch,
    )
    assert done.is_set()
    return [outcomes[-2], outcomes[-1], outcomes[0]], slots


def test_a_key_that_is_taken_meanwhile_rolls_the_batch_back_and_each_request_runs_alone(
    monkeypatch: pytest.MonkeyPatch, runs: list[tuple[int, int]]
) -> None:
    (late, mate, first), (here, there, beside) = taken_meanwhile(monkeypatch, runs)
    assert isinstance(first, Answer)
    assert isinstance(late, Refusal)
    assert late.code == "idempotency-mismatch"
    assert isinstance(mate, Answer)
    assert not is_replayed(mate)
    assert sorted(number for number, _ in runs) == [1, 1, 1, 1, 2]
    assert stored() == {"k": of(first), "mate": of(mate)}
    assert [Token.objects.filter(slot=slot).count() for slot in (here, there, beside)] == [0, 1, 1]
    assert [events_of(slot.id, "token.booked") for slot in (here, there, beside)] == [0, 1, 1]
    assert [lie for slot in (here, there, beside) for lie in inconsistencies_of(slot)] == []
    assert_invariants_hold()


def test_canary_a_batch_that_ignores_a_taken_key_books_two_seats(
    monkeypatch: pytest.MonkeyPatch, runs: list[tuple[int, int]]
) -> None:
    keep = idempotency.store

    def careless(answers: Any) -> None:
        with suppress(KeyTaken):
            keep(answers)

    monkeypatch.setattr(idempotency, "store", careless)
    (late, mate, first), (here, there, beside) = taken_meanwhile(monkeypatch, runs)
    assert all(isinstance(each, Answer) for each in (late, mate, first))
    assert [Token.objects.filter(slot=slot).count() for slot in (here, there, beside)] == [1, 1, 1]
    assert of(late) != of(first)


# A connection that is lost while the batch commits


@pytest.mark.parametrize("made", [True, False], ids=["committed", "rolled back"])
def test_after_a_lost_commit_requests_with_keys_run_again_and_others_do_not(
    monkeypatch: pytest.MonkeyPatch, made: bool
) -> None:
    slots, people = [a_slot(capacity=1) for _ in range(3)], [a_patient() for _ in range(3)]
    run, commit, committing = batch.run_batch, BaseDatabaseWrapper._commit, threading.local()

    def noted(queued: Any, **facts: Any) -> Any:
        committing.batch = len(queued) == len(people)
        return run(queued, **facts)

    def lose(database: Any) -> Any:
        if not getattr(committing, "batch", False):
            return commit(database)
        committing.batch = False
        if made:
            commit(database)
        raise OperationalError("the connection is lost")

    monkeypatch.setattr(batch, "run_batch", noted)
    monkeypatch.setattr(BaseDatabaseWrapper, "_commit", lose)
    keys = [key_for("one"), key_for("two"), None]
    one, two, keyless = one_batch(
        [booking(slot, each, key) for slot, each, key in zip(slots, people, keys, strict=True)],
        monkeypatch=monkeypatch,
    )
    assert [is_replayed(answer) for answer in (one, two)] == [made, made]
    assert stored() == {"one": of(one), "two": of(two)}
    assert isinstance(keyless, Refusal)
    assert keyless.code == "CommitUnknown"
    assert [Token.objects.filter(slot=slot).count() for slot in slots] == [1, 1, int(made)]
    assert [lie for slot in slots for lie in inconsistencies_of(slot)] == []
    assert_invariants_hold()

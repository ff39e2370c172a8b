"""A crowd that is booked together: each has their own outcome, and one busy slot does not hold up the others."""

import threading
import uuid
from collections.abc import Callable
from functools import partial
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from accounts.auth.authentication import Caller
from accounts.auth.jwt import claims_of
from accounts.auth.sessions import open_session
from accounts.models import Session, User
from clinics.models import Facility, Slot
from core import clock
from core.clock import ManualClock
from core.db.transactions import atomic
from core.errors import NotAuthenticated, NotFound
from events.models import Event
from tests.factories import DoctorFactory
from tests.races.choreography import PATIENCE, Refusal, Runner
from tests.races.scene import a_doctor, a_patient, a_slot, book, lies_of, service
from tests.support.invariants import assert_invariants_hold
from tests.support.waiting import until
from tokens.engine import batch as crowds
from tokens.engine import locking
from tokens.models import Token
from tokens.operations.booking import BookingRequest
from tokens.policy.priority import Category
from waitlist.models import WaitlistEntry

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def in_crowds(settings: Any) -> None:
    settings.OPD_COMBINE = True


Answering = Callable[[Any], Any]


def _ask(
    slot_id: uuid.UUID,
    patient_id: uuid.UUID,
    *,
    wait: bool = True,
    caller: Caller | None = None,
    answer: Answering = lambda result: result,
) -> Any:
    request = BookingRequest(patient_id=patient_id, category=Category.WALKIN, join_waiting_list=wait)
    return service.book(slot_id=slot_id, request=request, actor="user:desk", caller=caller, answer=answer)


def _leave(token: Token, *, keep_seat: bool = False) -> Any:
    return service.cancel(token_id=token.id, keep_seat=keep_seat, actor="user:desk")


def one_crowd(steps: list[Callable[[], Any]], *, monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """The outcomes of steps that were all waiting while somebody else was booked: they are one crowd."""
    booked, go = threading.Event(), threading.Event()
    leader_slot, leader = a_slot(), a_patient()
    monkeypatch.setattr(crowds, "TURN_SECONDS", PATIENCE)

    def hold_up(result: Any) -> Any:
        booked.set()
        go.wait(PATIENCE)
        return result

    first = Runner(lambda: _ask(leader_slot.id, leader.id, answer=hold_up))
    first.start()
    assert booked.wait(PATIENCE)
    runners = [Runner(step) for step in steps]
    try:
        for number, runner in enumerate(runners):
            until(lambda number=number: crowds._crowds.waiting(None) >= number)
            runner.start()
        until(lambda: crowds._crowds.waiting(None) >= len(runners))
    finally:
        go.set()
    assert isinstance(first.finish(), Token)
    return [runner.finish() for runner in runners]


def test_each_has_their_own_outcome(monkeypatch: pytest.MonkeyPatch) -> None:
    full, free = a_slot(capacity=1), a_slot(capacity=5)
    held, one, two, three, four = (a_patient() for _ in range(5))
    book(full, held)
    nobody, nowhere = uuid.uuid4(), uuid.uuid4()
    seat, waiting, twice, unknown, missing, refused, again = one_crowd(
        [
            lambda: _ask(free.id, one.id),
            lambda: _ask(full.id, two.id),
            lambda: _ask(free.id, one.id),
            lambda: _ask(free.id, nobody),
            lambda: _ask(nowhere, three.id),
            lambda: _ask(full.id, four.id, wait=False),
            lambda: _ask(full.id, two.id),
        ],
        monkeypatch=monkeypatch,
    )
    assert isinstance(seat, Token)
    assert isinstance(waiting, WaitlistEntry)
    codes = [outcome.code for outcome in (twice, unknown, missing, refused, again)]
    assert codes == ["duplicate-booking", NotFound.code, NotFound.code, "slot-full", "duplicate-booking"]
    assert (seat.noted_position, waiting.noted_position) == (1, 1)
    assert lies_of(full) == lies_of(free) == []
    assert_invariants_hold()


def test_who_leaves_makes_room_for_who_comes(monkeypatch: pytest.MonkeyPatch) -> None:
    """One seat goes to the patient who waited for it, the other to the one who comes with the crowd."""
    waited_for, free_again = a_slot(capacity=1), a_slot(capacity=1)
    first, second = book(waited_for), book(free_again)
    waiting, coming = a_patient(), a_patient()
    book(waited_for, waiting, join_waiting_list=True)
    late, seated, left, emptied, again = one_crowd(
        [
            lambda: _ask(waited_for.id, first.patient_id, wait=False),
            lambda: _ask(free_again.id, coming.id, wait=False),
            lambda: _leave(first),
            lambda: _leave(second),
            lambda: _leave(second),
        ],
        monkeypatch=monkeypatch,
    )
    assert late.code == "slot-full"
    assert isinstance(seated, Token)
    assert [token.patient_id for token in left.promoted] == [waiting.id]
    assert (emptied.token.status, emptied.promoted) == ("CANCELLED", [])
    assert again.code == "invalid-transition"
    assert lies_of(waited_for) == lies_of(free_again) == []
    assert_invariants_hold()


def test_who_leaves_may_come_again_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    slot, other, waits = a_slot(capacity=3), a_slot(), a_patient()
    token, kept = book(slot), book(slot)
    new, one, two, buffered = one_crowd(
        [
            lambda: _ask(slot.id, token.patient_id),
            lambda: _ask(other.id, waits.id),
            lambda: _leave(token),
            lambda: _leave(kept, keep_seat=True),
        ],
        monkeypatch=monkeypatch,
    )
    assert isinstance(new, Token)
    assert isinstance(one, Token)
    assert new.id != token.id
    assert (two.token.status, buffered.token.status) == ("CANCELLED", "BUFFER")
    assert lies_of(slot) == lies_of(other) == []
    assert_invariants_hold()


def test_a_crowd_that_leaves_many_slots_takes_as_many_statements_as_one_that_leaves_few(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def statements_of(number: int) -> int:
        tokens = [book(a_slot()) for _ in range(number)]
        counted: list[int] = []
        looked = crowds._in_one_transaction

        def counting(crowd: Any, **facts: Any) -> Any:
            with CaptureQueriesContext(connection) as queries:
                outcomes = looked(crowd, **facts)
            counted.append(len(queries.captured_queries))
            return outcomes

        with monkeypatch.context() as patched:
            patched.setattr(crowds, "_in_one_transaction", counting)
            one_crowd([partial(_leave, token) for token in tokens], monkeypatch=patched)
        return counted[-1]

    assert statements_of(2) == statements_of(12) <= 7


def test_a_crowd_over_many_slots_fills_each_to_the_last_seat(monkeypatch: pytest.MonkeyPatch) -> None:
    slots = [a_slot(capacity=2) for _ in range(5)]
    steps = [partial(_ask, slot.id, a_patient().id) for slot in slots for _ in range(3)]
    outcomes = one_crowd(steps, monkeypatch=monkeypatch)
    assert sum(isinstance(outcome, Token) for outcome in outcomes) == 10
    assert sum(isinstance(outcome, WaitlistEntry) for outcome in outcomes) == 5
    for slot in slots:
        tickets = Token.objects.filter(slot=slot).order_by("ticket").values_list("ticket", flat=True)
        assert [ticket[-3:] for ticket in tickets] == ["001", "002"]
        assert lies_of(slot) == []
    assert_invariants_hold()


def test_what_the_database_refuses_to_one_is_refused_to_that_one_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    """The patient is booked with the same doctor by somebody else after the crowd has looked and before it writes."""
    doctor = a_doctor()
    early = a_slot(doctor)
    late = a_slot(doctor, start=early.end_time)
    other, double, plain = a_slot(), a_patient(), a_patient()
    looked = crowds.book_all
    done = threading.Event()

    def overtaken(*args: Any, **kwargs: Any) -> Any:
        outcomes = looked(*args, **kwargs)
        if len(kwargs["asked"]) > 1 and not done.is_set():
            done.set()
            monkeypatch.setattr("django.conf.settings.OPD_COMBINE", False)
            elsewhere = Runner(lambda: book(late, double))
            elsewhere.start()
            assert isinstance(elsewhere.finish(), Token)
            monkeypatch.setattr("django.conf.settings.OPD_COMBINE", True)
        return outcomes

    monkeypatch.setattr(crowds, "book_all", overtaken)
    refused, booked = one_crowd(
        [lambda: _ask(early.id, double.id), lambda: _ask(other.id, plain.id)], monkeypatch=monkeypatch
    )
    assert done.is_set()
    assert isinstance(refused, Refusal)
    assert refused.code == "duplicate-booking"
    assert isinstance(booked, Token)
    assert_invariants_hold()


def test_whose_session_has_ended_is_turned_away_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    """The callers of a crowd are looked up in one statement, when it is served and not before."""
    slot, patients = a_slot(capacity=5), [a_patient() for _ in range(3)]
    desk, leaver, demoted = (_a_caller() for _ in range(3))
    Session.objects.filter(id=leaver.claims.session_id).update(ended_at=clock.now())
    User.objects.filter(id=demoted.claims.user_id).update(role="DOCTOR")
    booked, *refused = one_crowd(
        [
            lambda: _ask(slot.id, patients[0].id, caller=desk),
            lambda: _ask(slot.id, patients[1].id, caller=leaver),
            lambda: _ask(slot.id, patients[2].id, caller=demoted),
        ],
        monkeypatch=monkeypatch,
    )
    assert isinstance(booked, Token)
    assert [(each.code, caller.admitted) for each, caller in zip(refused, (leaver, demoted), strict=True)] == [
        ("not-authenticated", None),
        ("not-authenticated", None),
    ]
    assert Token.objects.filter(slot_id=slot.id).count() == 1


def test_each_event_of_a_crowd_names_its_own_cause(monkeypatch: pytest.MonkeyPatch, clock: ManualClock) -> None:
    """What was due is the sweep's, and is applied only where somebody is admitted."""
    due, untouched = a_slot(capacity=2), a_slot(capacity=1)
    for slot in (due, untouched):
        book(slot, actor="user:scene", hold=True)
    given_back = book(due, actor="user:scene")
    for _ in range(3):
        book(due, actor="user:scene", join_waiting_list=True)
    before = {slot.id: Event.objects.filter(slot_id=slot.id).count() for slot in (due, untouched)}
    desk, leaver = _a_caller(), _a_caller()
    clock.advance(minutes=5)
    Session.objects.filter(id=leaver.claims.session_id).update(ended_at=clock.now())
    refused, joined, left, waits = one_crowd(
        [
            lambda: _ask(untouched.id, a_patient().id, caller=leaver),
            lambda: _ask(due.id, a_patient().id, caller=leaver),
            lambda: service.cancel(token_id=given_back.id, actor="user:leaves"),
            lambda: _ask(due.id, a_patient().id, caller=desk),
        ],
        monkeypatch=monkeypatch,
    )
    assert [refused.code, joined.code] == ["not-authenticated"] * 2
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


@pytest.mark.parametrize("combine", [True, False])
def test_who_comes_alone_is_looked_up_too(settings: Any, combine: bool) -> None:
    settings.OPD_COMBINE = combine
    slot, leaver = a_slot(), _a_caller()
    Session.objects.filter(id=leaver.claims.session_id).update(ended_at=clock.now())
    with pytest.raises(NotAuthenticated):
        _ask(slot.id, a_patient().id, caller=leaver)
    assert isinstance(_ask(slot.id, a_patient().id, caller=_a_caller()), Token)


def _a_caller() -> Caller:
    """Somebody at the desk, signed in."""
    name = f"desk-{uuid.uuid4()}"
    user = User.objects.create(username=name, email=f"{name}@example.org", role="FRONT_DESK")
    claims = claims_of(open_session(user=user).access)
    return Caller(claims, may=lambda principal: principal.is_desk)


def test_one_busy_slot_does_not_hold_up_the_others(monkeypatch: pytest.MonkeyPatch) -> None:
    busy, free = a_slot(), a_slot()
    one, other = a_patient(), a_patient()
    locked, go = threading.Event(), threading.Event()

    def hold() -> None:
        with atomic():
            Slot.objects.select_for_update().get(id=busy.id)
            locked.set()
            go.wait(PATIENCE)

    holder = Runner(hold)
    holder.start()
    assert locked.wait(PATIENCE)
    waits = Runner(lambda: _ask(busy.id, one.id))
    waits.start()
    try:
        assert isinstance(_ask(free.id, other.id), Token)
        assert waits.is_alive()
    finally:
        go.set()
    holder.finish()
    assert isinstance(waits.finish(), Token)
    assert_invariants_hold()


@pytest.fixture
def passed(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The slots whose gate was passed."""
    passed: list[str] = []
    gate = locking.gate

    def noted(keys: list[str], **patience: Any) -> Any:
        passed.extend(key for key in keys if key.startswith("slot:"))
        return gate(keys, **patience)

    monkeypatch.setattr(locking, "gate", noted)
    return passed


def test_who_comes_alone_passes_the_gate_and_a_crowd_that_has_gathered_goes_past_it(
    monkeypatch: pytest.MonkeyPatch, passed: list[str]
) -> None:
    slot, patients = a_slot(capacity=5), [a_patient() for _ in range(3)]
    steps = [lambda patient=patient: _ask(slot.id, patient.id) for patient in patients]
    assert all(isinstance(each, Token) for each in one_crowd(steps, monkeypatch=monkeypatch))
    assert len(passed) == 1  # of who came first, alone, to another slot
    assert f"slot:{slot.id}" not in passed
    _ask(slot.id, a_patient().id)
    assert passed[1:] == [f"slot:{slot.id}"]


def test_a_crowd_that_broke_up_passes_the_gate(passed: list[str]) -> None:
    slot, patients = a_slot(capacity=5), [a_patient() for _ in range(3)]
    crowd = [
        crowds.Waiting(
            crowds.BookRequest(slot.id, BookingRequest(each.id, Category.WALKIN), "user:desk"), lambda made: made
        )
        for each in patients
    ]
    assert all(isinstance(each, Token) for each in crowds._unless_refused(crowd))
    assert passed == [f"slot:{slot.id}"]


def test_no_transaction_spans_two_facilities(monkeypatch: pytest.MonkeyPatch) -> None:
    here = a_slot(capacity=2)
    branch = Facility.objects.create(name="Branch", code="BRANCH", time_zone="Asia/Kolkata")
    there = a_slot(DoctorFactory(facility=branch), capacity=2)
    spans: list[int] = []
    looked = crowds.book_all

    def noted(ledgers: Any, **rest: Any) -> Any:
        spans.append(len({ledger.slot.facility_id for ledger in ledgers.values()}))
        return looked(ledgers, **rest)

    monkeypatch.setattr(crowds, "book_all", noted)
    steps = [partial(_ask, slot.id, a_patient().id) for slot in (here, there, here, there)]
    outcomes = one_crowd(steps, monkeypatch=monkeypatch)
    assert all(isinstance(outcome, Token) for outcome in outcomes)
    assert set(spans) == {1}

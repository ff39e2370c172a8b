"""Statement counts per request, including BEGIN and COMMIT: they do not grow with the number of rows."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from clinics.models import Slot
from clinics.rooms import create_room
from core import clock
from tests.factories import DoctorFactory, PatientFactory, ensure_facility, first_admin, stored_slot
from tests.support.api import Answer, Api, in_process
from tests.support.hospital import PASSWORD, Hospital
from tokens.models import Token
from tokens.services import TokenAllocationService

pytestmark = pytest.mark.django_db(transaction=True)

FEW, MANY = 10, 2000


@dataclass(frozen=True)
class Counted:
    """A response and its SQL statements."""

    answer: Answer
    statements: list[str]

    @property
    def number(self) -> int:
        return len(self.statements)

    def __str__(self) -> str:
        return f"{self.number} statements:\n" + "\n".join(each[:160] for each in self.statements)


class Counter:
    """A desk client that records the SQL statements of its requests."""

    def __init__(self, api: Api) -> None:
        self.api = api

    def __getattr__(self, method: str) -> Callable[..., Counted]:
        def counted(*args: Any, **facts: Any) -> Counted:
            with CaptureQueriesContext(connection) as queries:
                answer = getattr(self.api, method)(*args, **facts)
            assert answer.status < 400, str(answer)
            return Counted(answer, [query["sql"] for query in queries.captured_queries])

        return counted


@pytest.fixture
def desk() -> Counter:
    ensure_facility()
    hospital = Hospital(in_process(), first_admin(PASSWORD).username, PASSWORD)
    return Counter(hospital.desk)


def booking(slot: Slot, **facts: Any) -> dict[str, Any]:
    return {"slot_id": str(slot.id), "patient_id": str(PatientFactory().id), "category": "WALKIN", **facts}


def test_a_booking_takes_five_round_trips(desk: Counter) -> None:
    """The session, which requests of one moment share; BEGIN; locks and what is asked with them; writes; COMMIT."""
    booked = desk.post("tokens/", booking(stored_slot(queue=FEW, capacity=50)))
    assert booked.answer.status == 201
    assert booked.statements[-1] == "COMMIT"
    assert booked.number == 5, str(booked)


def test_a_key_adds_one_round_trip_to_a_booking_and_to_a_cancellation(desk: Counter) -> None:
    """The stored answer is looked for together with the locks; storing it takes one statement."""
    slot = stored_slot(queue=FEW, capacity=50)
    without = desk.post("tokens/", booking(slot))
    with_key = desk.post("tokens/", booking(slot), headers={"Idempotency-Key": "k"})
    assert with_key.number == without.number + 1, str(with_key)
    leave = [f"tokens/{each.answer.body['id']}/" for each in (without, with_key)]
    cancelled = desk.delete(leave[0])
    assert desk.delete(leave[1], headers={"Idempotency-Key": "l"}).number == cancelled.number + 1, str(cancelled)


def test_a_key_adds_two_round_trips_to_any_other_operation(desk: Counter) -> None:
    """One looks for the stored answer, one stores it. A repeated request asks for the stored answer alone."""
    slot = stored_slot(queue=FEW, capacity=50)
    one, other = (
        f"tokens/{token_id}/check_in/" for token_id in Token.objects.filter(slot=slot).values_list("id", flat=True)[:2]
    )
    without, key = desk.post(one), {"Idempotency-Key": "k"}
    with_key, again = desk.post(other, headers=key), desk.post(other, headers=key)
    assert with_key.number == without.number + 2, str(with_key)
    assert again.answer.raw == with_key.answer.raw
    assert "INSERT" not in str(again)
    assert again.number <= 3, str(again)


def test_a_booking_costs_the_same_in_a_short_queue_and_in_a_long_one(desk: Counter) -> None:
    few = desk.post("tokens/", booking(stored_slot(queue=FEW, capacity=MANY + 9)))
    many = desk.post("tokens/", booking(stored_slot(queue=MANY, capacity=MANY + 9)))
    assert few.number == many.number == 5, str(many)


def test_joining_the_waiting_list_costs_the_same(desk: Counter) -> None:
    few = desk.post("tokens/", booking(stored_slot(queue=FEW, waiting=FEW)))
    many = desk.post("tokens/", booking(stored_slot(queue=FEW, waiting=MANY)))
    assert few.number == many.number <= 12, str(many)


def test_an_emergency_costs_the_same_whoever_it_pushes_back(desk: Counter) -> None:
    def admit(slot: Slot) -> Counted:
        return desk.post("tokens/emergency/", {"slot_id": str(slot.id), "patient_id": str(PatientFactory().id)})

    few, many = admit(stored_slot(queue=FEW)), admit(stored_slot(queue=MANY))
    assert many.answer.body["affected_count"] == MANY
    assert len(many.answer.body["affected_tokens"]) == 50
    assert few.number == many.number <= 6, str(many)


def test_a_cancellation_that_promotes_costs_the_same(desk: Counter) -> None:
    def cancel(slot: Slot) -> Counted:
        token = Token.objects.filter(slot=slot).order_by("arrival").first()
        assert token
        return desk.delete(f"tokens/{token.id}/")

    few, many = cancel(stored_slot(queue=FEW, waiting=FEW)), cancel(stored_slot(queue=MANY, waiting=MANY))
    assert len(many.answer.body["promoted"]) == 1
    assert few.number == many.number <= 10, str(many)


def test_a_cancellation_takes_at_most_seven_statements(desk: Counter) -> None:
    token = Token.objects.filter(slot=stored_slot(queue=FEW)).first()
    assert token
    cancelled = desk.delete(f"tokens/{token.id}/")
    assert cancelled.number <= 7, str(cancelled)


def test_ten_promotions_take_as_many_statements_as_a_few(desk: Counter) -> None:
    """Raising the capacity: one group of statements for all who are promoted."""

    def widen(slot: Slot, by: int) -> Counted:
        return desk.patch(f"slots/{slot.id}/", {"max_capacity": slot.max_capacity + by})

    two, fifty = widen(stored_slot(queue=FEW, waiting=FEW), 2), widen(stored_slot(queue=FEW, waiting=100), 50)
    assert fifty.answer.body["current_capacity"] == FEW + 50
    assert two.number == fifty.number, f"{two}\n{fifty}"


def test_a_delay_costs_the_same_whoever_waits(desk: Counter) -> None:
    def delay(slot: Slot) -> Counted:
        return desk.put(f"slots/{slot.id}/delay/", {"delay_minutes": 30})

    few, many = delay(stored_slot(queue=FEW)), delay(stored_slot(queue=MANY))
    assert many.answer.body["affected_tokens"] == MANY
    assert few.number == many.number <= 7, str(many)


def test_skipping_costs_at_most_two_statements_more_than_returning_to_the_old_place(desk: Counter) -> None:
    def act(queue: int, action: str) -> Counted:
        slot = stored_slot(queue=queue, queue_status="CHECKED_IN")
        called = desk.post(f"slots/{slot.id}/call_next/").answer.body
        return desk.post(f"tokens/{called['id']}/{action}/")

    few, many, requeued = act(FEW, "skip"), act(MANY, "skip"), act(FEW, "requeue")
    assert few.number == many.number <= requeued.number + 2, str(many)


def test_a_move_costs_at_most_twice_a_booking(desk: Counter) -> None:
    def move(queue: int, waiting: int = 0) -> Counted:
        here, there = stored_slot(queue=queue, waiting=waiting), stored_slot(queue=queue, capacity=queue + 1)
        token = Token.objects.filter(slot=here).order_by("arrival").first()
        assert token
        return desk.post(f"tokens/{token.id}/move/", {"slot_id": str(there.id)})

    few, many = move(FEW), move(MANY)
    assert few.number == many.number <= 2 * 5, str(many)
    assert move(FEW, waiting=FEW).number == move(MANY, waiting=MANY).number


def test_changing_the_category_costs_as_much_as_checking_in(desk: Counter) -> None:
    def act(action: str, queue: int, **body: str) -> Counted:
        token = Token.objects.filter(slot=stored_slot(queue=queue)).order_by("-arrival").first()
        assert token
        return desk.post(f"tokens/{token.id}/{action}/", body)

    few, many = (act("reclassify", queue, category="ONLINE", reason="At the desk") for queue in (FEW, MANY))
    assert few.number == many.number <= act("check_in", FEW).number, str(many)


def test_an_undo_costs_the_same_in_a_short_queue_and_in_a_long_one(desk: Counter) -> None:
    def undo(queue: int, action: str) -> Counted:
        token_id = desk.post("tokens/", booking(stored_slot(queue=queue, capacity=queue + 1))).answer.body["id"]
        if action == "cancel":
            desk.delete(f"tokens/{token_id}/")
        else:
            desk.post(f"tokens/{token_id}/{action}/")
        return desk.post(f"tokens/{token_id}/undo/")

    for action, most in (("check_in", 8), ("call", 9), ("cancel", 9)):
        few, many = undo(FEW, action), undo(MANY, action)
        assert few.number == many.number <= most, str(many)


def test_stepping_out_and_in_cost_as_much_as_calling_and_returning(desk: Counter) -> None:
    def act(queue: int) -> tuple[Counted, Counted]:
        token = (
            Token.objects.filter(slot=stored_slot(queue=queue, queue_status="CHECKED_IN")).order_by("-arrival").first()
        )
        assert token
        path = f"tokens/{token.id}"
        return desk.post(f"{path}/step_out/", {"reason": "LAB"}), desk.post(f"{path}/step_in/")

    few, many = act(FEW), act(MANY)
    assert [each.number for each in few] == [each.number for each in many]
    assert max(each.number for each in many) <= 8, f"{many[0]}\n{many[1]}"


@pytest.mark.parametrize("action", ["check_in", "call", "no_show"])
def test_an_action_costs_the_same_in_a_short_queue_and_in_a_long_one(desk: Counter, action: str) -> None:
    def act(slot: Slot) -> Counted:
        token = Token.objects.filter(slot=slot).order_by("-arrival").first()
        assert token
        return desk.post(f"tokens/{token.id}/{action}/")

    few, many = act(stored_slot(queue=FEW)), act(stored_slot(queue=MANY))
    assert few.number == many.number <= 8, str(many)


def test_calling_the_next_costs_the_same(desk: Counter) -> None:
    few, many = (
        desk.post(f"slots/{stored_slot(queue=number, queue_status='CHECKED_IN').id}/call_next/")
        for number in (FEW, MANY)
    )
    assert few.number == many.number <= 7, str(many)


@pytest.mark.parametrize("act", ["begin", "pause"])
def test_an_act_on_a_slot_costs_as_much_as_closing_it(desk: Counter, act: str) -> None:
    close, few, many = (
        desk.post(f"slots/{stored_slot(queue=number).id}/{each}/")
        for each, number in (("close", FEW), (act, FEW), (act, MANY))
    )
    assert few.number == many.number <= close.number, str(many)


def test_finishing_costs_the_same_in_a_short_queue_and_in_a_long_one(desk: Counter) -> None:
    def finish(number: int) -> Counted:
        return desk.post(f"slots/{stored_slot(queue=number, waiting=number).id}/finish/")

    close, few, many = desk.post(f"slots/{stored_slot(queue=FEW, waiting=FEW).id}/close/"), finish(FEW), finish(MANY)
    assert len(many.answer.body["no_shows"]) == MANY
    assert few.number == many.number <= close.number + 2, str(many)


def test_calling_to_one_of_several_rooms_takes_one_statement_more(desk: Counter) -> None:
    """The name of the room."""

    def call(number: int, **facts: Any) -> Counted:
        slot = stored_slot(queue=number, queue_status="CHECKED_IN")
        rooms = [create_room(facility_id=slot.facility_id, name="R", code=f"R{number}{letter}") for letter in "AB"]
        Slot.objects.filter(id=slot.id).update(rooms=[room.id for room in rooms])
        return desk.post(f"slots/{slot.id}/call_next/", {"room": str(rooms[1].id)})

    few, many, without = (
        call(FEW),
        call(MANY),
        desk.post(f"slots/{stored_slot(queue=FEW, queue_status='CHECKED_IN').id}/call_next/"),
    )
    assert few.number == many.number == without.number + 1, str(many)


def test_a_queue_is_listed_in_three_statements_however_long(desk: Counter) -> None:
    few, many = (desk.get(f"slots/{stored_slot(queue=number).id}/tokens/", in_queue="true") for number in (FEW, 500))
    assert [len(few.answer.body), len(many.answer.body)] == [FEW, 500]
    assert few.number == many.number <= 3, str(many)


def test_a_304_takes_one_round_trip(desk: Counter) -> None:
    """The session and the head of the list are read together."""
    path = f"slots/{stored_slot(queue=FEW).id}/tokens/"
    known = desk.get(path).answer.headers["etag"]
    again = desk.call("GET", path, headers={"If-None-Match": known})
    assert again.answer.status == 304
    assert again.number == 1, str(again)


def test_a_list_that_is_in_the_cache_adds_the_read_trail_alone(desk: Counter) -> None:
    path = f"slots/{stored_slot(queue=FEW).id}/tokens/"
    made, cached = desk.get(path), desk.get(path)
    assert cached.answer.raw == made.answer.raw
    assert cached.number == made.number - 1 == 2, str(cached)


def test_a_waiting_list_is_listed_in_as_many_statements_however_long(desk: Counter) -> None:
    few, many = (
        desk.get("waiting-list/by_slot/", slot_id=stored_slot(queue=1, waiting=number).id) for number in (FEW, 500)
    )
    assert len(many.answer.body) == 500
    assert few.number == many.number <= 5, f"one of them the row of the read trail: {many}"


def fill(number: int) -> None:
    """This many of everything that can be listed."""
    ensure_facility()
    for doctor in DoctorFactory.create_batch(number):
        stored_slot(doctor=doctor, queue=1, waiting=1, start=clock.now() + timedelta(hours=2))


@pytest.mark.parametrize(
    "path",
    [
        *("slots/", "tokens/", "waiting-list/", "events/", "patients/", "doctors/", "facilities/", "users/"),
        "reports/daily/",
    ],
)
def test_no_list_asks_more_for_more_rows(desk: Counter, path: str) -> None:
    admin = Counter(desk.api if path != "users/" else _admin(desk))
    query = {} if path.startswith("reports") else {"page_size": 200}
    fill(3)
    _log(3)
    few = admin.get(path, **query)
    fill(30)
    _log(30)
    many = admin.get(path, **query)
    if path not in ("facilities/", "users/", "reports/daily/"):
        assert len(many.answer.body["results"]) > len(few.answer.body["results"]) > 0
    assert few.number == many.number <= 8, f"{few}\n{many}"


def _admin(desk: Counter) -> Api:
    body = {"username": "contract-admin", "password": PASSWORD}
    return Api(in_process(), f"Bearer {Api(in_process()).post('auth/token/', body).expect(200)['access']}")


def _log(number: int) -> None:
    """As many events: so many slots are delayed."""
    for slot in Slot.objects.filter(status="ACTIVE")[:number]:
        TokenAllocationService().delay_slot(slot_id=slot.id, delay_minutes=5, actor="user:test")

"""Cancelling, emergencies and the actions of the desk have the same answers in both lanes."""

from collections.abc import Callable
from typing import Any

import pytest

from core.clock import ManualClock
from tests.api.tokens.lanes import both, headers_of, shape
from tests.support.api import Answer
from tests.support.hospital import Hospital
from tests.support.invariants import assert_invariants_hold
from tokens.api.express_acts import ACTS

pytestmark = pytest.mark.django_db(transaction=True)

Json = dict[str, Any]
Ask = Callable[[], Answer]

# What is done to a booked token before the action is asked for.
BEFORE: dict[str, tuple[str, ...]] = {
    "confirm": (),
    "check_in": (),
    "call": ("check_in",),
    "start": ("check_in", "call"),
    "complete": ("check_in", "call", "start"),
    "requeue": ("check_in", "call"),
    "no_show": (),
    "reinstate": ("no_show",),
}


def _asking(hospital: Hospital, act: str) -> Ask:
    """The act in a place of its own: a slot with somebody before and somebody behind."""
    slot = hospital.slot(capacity=3)
    for _ in range(2):
        hospital.do(hospital.token(slot), "check_in").expect(200)
    desk = hospital.desk
    if act == "call_next":
        return lambda: desk.post(f"slots/{slot['id']}/call_next/")
    if act == "emergency":
        patient = hospital.patient()
        return lambda: desk.post("tokens/emergency/", {"slot_id": slot["id"], "patient_id": patient["id"]})
    token = hospital.token(slot, hold=act == "confirm")
    if act in ("cancel", "promote"):
        if act == "promote":
            hospital.entry(slot)
        return lambda: desk.delete(f"tokens/{token['id']}/")
    hospital.done(token, *BEFORE[act])
    return lambda: desk.post(f"tokens/{token['id']}/{act}/")


@pytest.mark.parametrize("act", ["cancel", "promote", "emergency", "call_next", *BEFORE])
def test_the_same_act_has_the_same_answer(hospital: Hospital, settings: Any, taken: list[bool], act: str) -> None:
    asks = iter([_asking(hospital, act), _asking(hospital, act)])
    taken.clear()
    fast, ordinary = both(hospital, settings, taken, lambda: next(asks)())
    assert fast.status == ordinary.status == (201 if act == "emergency" else 200)
    assert shape(fast.body) == shape(ordinary.body)
    facts = [answer.body.get("token", answer.body) for answer in (fast, ordinary)]
    assert len({(fact["status"], fact["category"], fact["token_number"], fact["ticket"][-3:]) for fact in facts}) == 1
    told = {"allow", "x-request-id", "content-length"}
    assert headers_of(fast, but=told) == headers_of(ordinary, but=told)
    assert_invariants_hold()


def test_every_act_of_the_lane_is_compared() -> None:
    compared = {"tokens/", "<id:token_id>/", "emergency/", "call_next/", *(f"{act}/" for act in BEFORE)}
    assert {route.rsplit("/", 2)[-2] + "/" for _, route in ACTS} == compared


@pytest.mark.parametrize("act", ["cancel", "start", "complete", "reinstate", "call_next"])
def test_the_same_refusals(hospital: Hospital, settings: Any, taken: list[bool], act: str) -> None:
    """Twice the same: the second time it is refused."""
    slot = hospital.slot()
    if act == "call_next":
        ask, code = (lambda: hospital.desk.post(f"slots/{slot['id']}/call_next/")), "queue-empty"
    else:
        token = hospital.token(slot)
        hospital.done(token, "check_in")
        code = "invalid-transition"
        if act == "cancel":
            hospital.desk.delete(f"tokens/{token['id']}/").expect(200)
            ask = lambda: hospital.desk.delete(f"tokens/{token['id']}/")  # noqa: E731
        else:
            ask = lambda: hospital.desk.post(f"tokens/{token['id']}/{act}/")  # noqa: E731
    taken.clear()
    fast, ordinary = both(hospital, settings, taken, ask)
    assert fast.body["code"] == code
    assert (fast.status, fast.body) == (ordinary.status, ordinary.body)


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("POST", "tokens/{id}/check_in/"),
        ("POST", "slots/{id}/call_next/"),
    ],
)
def test_what_does_not_exist(hospital: Hospital, settings: Any, taken: list[bool], method: str, path: str) -> None:
    unknown = hospital.patient()["id"]

    def ask() -> Answer:
        return hospital.desk.call(method, path.format(id=unknown))

    fast, ordinary = both(hospital, settings, taken, ask)
    assert fast.status == 404
    assert fast.body == ordinary.body


def test_what_is_not_plain_is_left_to_the_ordinary_lane(hospital: Hospital, taken: list[bool]) -> None:
    slot = hospital.slot()
    token, other = hospital.token(slot), hospital.token(slot)
    asked: list[tuple[Callable[[], Answer], int]] = [
        (lambda: hospital.desk.post(f"tokens/{token['id']}/check_in/", {"why": "x"}), 400),
        (lambda: hospital.desk.post(f"slots/{slot['id']}/call_next/", {"complete_current": "yes"}), 400),
        (lambda: hospital.desk.call("POST", f"slots/{slot['id']}/call_next/", content=b"null"), 400),
        (lambda: hospital.desk.post("tokens/emergency/", {"slot_id": slot["id"]}), 400),
        (lambda: hospital.desk.call("DELETE", f"tokens/{token['id']}/?buffer=maybe"), 400),
        (lambda: hospital.desk.delete(f"tokens/{token['id']}/", headers={"Idempotency-Key": "k"}), 200),
        (lambda: hospital.doctor_user(hospital.doctor()).post(f"tokens/{other['id']}/check_in/"), 404),
        (lambda: hospital.patient_user(hospital.patient()).delete(f"tokens/{other['id']}/"), 404),
        (lambda: hospital.nobody.delete(f"tokens/{other['id']}/"), 401),
        (lambda: hospital.desk.delete(f"tokens/{slot['id']}/"), 404),
    ]
    for ask, status in asked:
        taken.clear()
        ask().expect(status)
        assert taken == [False]


def test_a_hold_that_is_over_is_no_place_of_an_emergency(clock: ManualClock, hospital: Hospital) -> None:
    """It is asked with the lock who holds what, and asked again when that showed that something was due."""
    slot, patient = hospital.slot(), hospital.patient()
    held = hospital.ask(slot, patient, hold=True).expect(201)
    clock.advance(minutes=10)
    body = {"slot_id": slot["id"], "patient_id": patient["id"]}
    admitted = hospital.desk.post("tokens/emergency/", body).expect(201)  # 200: the place became the emergency
    assert admitted["token"]["id"] != held["id"]
    assert hospital.desk.get(f"tokens/{held['id']}/").expect(200)["status"] == "EXPIRED"
    assert_invariants_hold()

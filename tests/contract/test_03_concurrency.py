"""Sections 3, 4, 7 and 9 under concurrency: nothing is oversold, lost or done twice."""

from collections import Counter
from typing import Any
from uuid import uuid4

import pytest

from tests.support.api import Answer, Api
from tests.support.hospital import Hospital, phone, unique

Json = dict[str, Any]
pytestmark = pytest.mark.usefixtures("invariants_hold")
SIZE = 12


def kinds(answers: list[Answer]) -> dict[str, int]:
    return dict(Counter(a.body["code"] if a.status >= 400 else str(a.status) for a in answers))


def booking(slot: Json, patient: Json, **facts: Any) -> Json:
    return {"slot_id": slot["id"], "patient_id": patient["id"], "category": "WALKIN", **facts}


def test_the_last_seats_are_sold_once(hospital: Hospital) -> None:
    slot, people = hospital.slot(capacity=3), [hospital.patient() for _ in range(SIZE)]

    def ask(api: Api, number: int) -> Answer:
        return api.post("tokens/", booking(slot, people[number], join_waiting_list=False))

    assert kinds(hospital.concurrently(SIZE, ask)) == {"201": 3, "slot-full": SIZE - 3}
    tokens = hospital.tokens_of(slot)
    assert sorted(t["token_number"] for t in tokens) == [1, 2, 3]
    assert len({t["ticket"] for t in tokens}) == 3
    assert hospital.slot_now(slot)["current_capacity"] == 3


def test_concurrent_requests_beyond_the_capacity_join_the_waiting_list(hospital: Hospital) -> None:
    slot, people = hospital.slot(capacity=2), [hospital.patient() for _ in range(SIZE)]
    answers = hospital.concurrently(SIZE, lambda api, n: api.post("tokens/", booking(slot, people[n])))
    assert kinds(answers) == {"201": 2, "202": SIZE - 2}
    assert [e["position"] for e in hospital.waiting(slot)] == list(range(1, SIZE - 1))


def test_a_patient_gets_one_token_of_a_doctor_that_day_however_fast_they_ask(hospital: Hospital) -> None:
    doctor, patient = hospital.doctor(), hospital.patient()
    slots = [hospital.slot(doctor, start=hospital.at(f"{9 + n:02d}:00"), minutes=30) for n in range(3)]
    answers = hospital.concurrently(SIZE, lambda api, n: api.post("tokens/", booking(slots[n % 3], patient)))
    assert kinds(answers) == {"201": 1, "duplicate-booking": SIZE - 1}


def test_a_patient_waits_once_however_fast_they_ask(hospital: Hospital) -> None:
    slot, _ = hospital.full_slot(1)
    patient = hospital.patient()
    answers = hospital.concurrently(SIZE, lambda api, _: api.post("tokens/", booking(slot, patient)))
    assert kinds(answers) == {"202": 1, "duplicate-booking": SIZE - 1}
    assert len(hospital.waiting(slot)) == 1


def test_one_key_makes_one_token_however_many_send_it_at_once(hospital: Hospital) -> None:
    slot, sent = hospital.slot(capacity=SIZE), {"Idempotency-Key": str(uuid4())}
    body = booking(slot, hospital.patient())
    answers = hospital.concurrently(SIZE, lambda api, _: api.post("tokens/", body, headers=sent))
    assert set(kinds(answers)) <= {"201", "idempotency-in-progress"}
    made = [a for a in answers if a.status == 201]
    assert made
    assert len({a.raw for a in made}) == 1
    assert sum(a.headers.get("idempotency-replayed") is None for a in made) == 1
    assert len(hospital.tokens_of(slot)) == 1


def test_two_desks_never_call_the_same_patient(hospital: Hospital) -> None:
    slot = hospital.slot(capacity=5)
    for _ in range(5):
        hospital.token(slot, arrived=True)
    answers = hospital.concurrently(8, lambda api, _: api.post(f"slots/{slot['id']}/call_next/"))
    assert kinds(answers) == {"200": 5, "queue-empty": 3}
    assert len({a.body["id"] for a in answers if a.status == 200}) == 5


def test_one_patient_enters_the_room(hospital: Hospital) -> None:
    slot = hospital.slot(capacity=5)
    tokens = [hospital.done(hospital.token(slot), "call") for _ in range(5)]
    answers = hospital.concurrently(5, lambda api, n: api.post(f"tokens/{tokens[n]['id']}/start/"))
    assert kinds(answers) == {"200": 1, "room-occupied": 4}


def test_a_seat_is_cancelled_once_and_handed_on_once(hospital: Hospital) -> None:
    slot, (token,) = hospital.full_slot(1)
    for _ in range(3):
        hospital.entry(slot)
    answers = hospital.concurrently(6, lambda api, _: api.delete(f"tokens/{token['id']}/"))
    assert kinds(answers) == {"200": 1, "invalid-transition": 5}
    now = hospital.slot_now(slot)
    assert (now["current_capacity"], now["waiting_count"]) == (1, 2)


def test_one_registration_of_a_person(hospital: Hospital) -> None:
    body = {"name": unique(), "phone": phone()}
    answers = hospital.concurrently(8, lambda api, _: api.post("patients/", body))
    assert kinds(answers) == {"201": 1, "duplicate-patient": 7}
    (made,) = [a.body["id"] for a in answers if a.status == 201]
    assert {a.body["existing_id"] for a in answers if a.status == 409} == {made}


def test_one_slot_at_a_time_for_a_doctor(hospital: Hospital) -> None:
    doctor = hospital.doctor()
    start, end = hospital.at("09:00").isoformat(), hospital.at("10:00").isoformat()
    body = {"doctor": doctor["id"], "start_time": start, "end_time": end, "max_capacity": 1}
    assert kinds(hospital.concurrently(6, lambda api, _: api.post("slots/", body))) == {"201": 1, "slot-overlap": 5}


def test_one_change_per_etag(hospital: Hospital) -> None:
    slot = hospital.slot()
    sent = {"If-Match": hospital.desk.get(f"slots/{slot['id']}/").headers["etag"]}
    answers = hospital.concurrently(
        6, lambda api, n: api.patch(f"slots/{slot['id']}/", {"max_capacity": 20 + n}, headers=sent)
    )
    assert kinds(answers) == {"200": 1, "version-conflict": 5}


def test_everything_at_once_ends_in_a_state_that_adds_up(hospital: Hospital) -> None:
    slot, people = hospital.slot(capacity=4), [hospital.patient() for _ in range(SIZE)]
    tokens = [hospital.token(slot, arrived=True) for _ in range(4)]

    def ask(api: Api, number: int) -> Answer:
        if number % 4 == 0:
            return api.delete(f"tokens/{tokens[number // 4]['id']}/")
        if number % 4 == 1:
            return api.post("tokens/emergency/", {"slot_id": slot["id"], "patient_id": people[number]["id"]})
        if number % 4 == 2:
            return api.put(f"slots/{slot['id']}/delay/", {"delay_minutes": number})
        return api.post("tokens/", booking(slot, people[number]))

    answers = hospital.concurrently(SIZE, ask)
    assert {a.status for a in answers} <= {200, 201, 202}
    now, queue = hospital.slot_now(slot), hospital.queue(slot)
    assert now["current_capacity"] == len(queue)
    assert [t["token_number"] for t in queue] == list(range(1, len(queue) + 1))
    assert sum(t["category"] != "EMERGENCY" for t in queue) <= 4

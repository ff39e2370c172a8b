"""Section 5: the waiting list and promotions."""

from datetime import timedelta
from typing import Any

import pytest

from tests.support import shapes
from tests.support.hospital import Hospital
from tests.support.shapes import assert_shape

pytestmark = pytest.mark.usefixtures("invariants_hold")


def test_the_waiting_list_is_in_the_order_of_priority_then_request(hospital: Hospital) -> None:
    slot, _ = hospital.full_slot(1)
    kinds = ("WALKIN", "ONLINE", "WALKIN", "PRIORITY_PAID", "FOLLOWUP", "ONLINE")
    entries = [hospital.entry(slot, category=kind) for kind in kinds]
    expected = [entries[i]["id"] for i in (3, 4, 1, 5, 0, 2)]
    listed = hospital.waiting(slot)
    assert [e["id"] for e in listed] == expected
    assert [e["position"] for e in listed] == [1, 2, 3, 4, 5, 6]
    assert hospital.slot_now(slot)["waiting_count"] == 6


def test_a_cancellation_promotes_and_returns_the_best_entry(hospital: Hospital) -> None:
    slot, tokens = hospital.full_slot(2)
    entries = [hospital.entry(slot, category=kind) for kind in ("WALKIN", "FOLLOWUP", "PRIORITY_PAID")]
    body = hospital.do(tokens[0], "cancel").expect(200)
    assert set(body) == {"message", "token", "promoted"}
    assert_shape(body["token"], shapes.TOKEN)
    best = hospital.entry_now(entries[2])
    assert body["promoted"] == [best["token"]]
    assert (best["status"], best["position"]) == ("PROMOTED", None)
    token = hospital.desk.get(f"tokens/{best['token']}/").expect(200)
    assert (token["status"], token["category"], token["patient"]) == ("CONFIRMED", "PRIORITY_PAID", best["patient"])
    now = hospital.slot_now(slot)
    assert (now["current_capacity"], now["available_capacity"], now["waiting_count"]) == (2, 0, 2)
    assert [e["position"] for e in hospital.waiting(slot)] == [1, 2]


def test_an_entry_whose_patient_now_has_a_token_with_that_doctor_is_passed_over(hospital: Hospital) -> None:
    doctor, patient = hospital.doctor(), hospital.patient()
    slot, (token,) = hospital.full_slot(1, doctor=doctor)
    passed = hospital.entry(slot, patient, "PRIORITY_PAID")
    taken = hospital.entry(slot, category="WALKIN")
    hospital.token(hospital.slot(doctor, start=hospital.at("11:00")), patient)
    promoted = hospital.do(token, "cancel").expect(200)["promoted"]
    assert hospital.entry_now(passed)["status"] == "WITHDRAWN"
    assert hospital.entry_now(passed)["token"] is None
    assert [hospital.entry_now(taken)["token"]] == promoted


def test_nobody_is_promoted_into_a_slot_that_is_not_bookable(hospital: Hospital, clock: Any) -> None:
    slot, (token,) = hospital.full_slot(1, start=hospital.now() + timedelta(minutes=5))
    entry = hospital.entry(slot)
    clock.advance(hours=3)
    assert hospital.do(token, "cancel").expect(200)["promoted"] == []
    assert hospital.entry_now(entry)["status"] in ("WAITING", "EXPIRED")


def test_a_closed_slots_waiting_list_expires_and_its_queue_runs_on(hospital: Hospital) -> None:
    slot, (token,) = hospital.full_slot(1)
    entry = hospital.entry(slot)
    after = hospital.desk.post(f"slots/{slot['id']}/close/").expect(200)
    assert_shape(after, shapes.SLOT)
    assert (after["status"], after["waiting_count"]) == ("CLOSED", 0)
    assert hospital.entry_now(entry)["status"] == "EXPIRED"
    hospital.done(token, "check_in", "call", "start", "complete")
    hospital.desk.post(f"slots/{slot['id']}/close/").expect(409, "invalid-transition")


def test_a_cancelled_slots_waiting_list_is_withdrawn(hospital: Hospital) -> None:
    slot, _ = hospital.full_slot(1)
    entries = [hospital.entry(slot) for _ in range(2)]
    answer = hospital.desk.post(f"slots/{slot['id']}/cancel/", {}).expect(200)
    assert answer == {"cancelled_tokens": 1, "withdrawn_entries": 2}
    assert {hospital.entry_now(e)["status"] for e in entries} == {"WITHDRAWN"}
    hospital.desk.post(f"slots/{slot['id']}/close/").expect(409, "invalid-transition")


def test_a_closed_slot_may_still_be_cancelled(hospital: Hospital) -> None:
    slot, _ = hospital.full_slot(1)
    hospital.desk.post(f"slots/{slot['id']}/close/").expect(200)
    assert hospital.desk.post(f"slots/{slot['id']}/cancel/").expect(200)["cancelled_tokens"] == 1
    assert hospital.slot_now(slot)["status"] == "CANCELLED"


def test_withdrawing_works_once(hospital: Hospital) -> None:
    slot, (token,) = hospital.full_slot(1)
    stays, goes = hospital.entry(slot), hospital.entry(slot, category="PRIORITY_PAID")
    answer = hospital.desk.delete(f"waiting-list/{goes['id']}/")
    answer.expect(204)
    assert answer.raw == b""
    hospital.desk.delete(f"waiting-list/{goes['id']}/").expect(409, "invalid-transition")
    hospital.do(token, "cancel").expect(200)
    assert hospital.entry_now(stays)["status"] == "PROMOTED"
    hospital.desk.delete(f"waiting-list/{stays['id']}/").expect(409, "invalid-transition")
    hospital.desk.delete("waiting-list/6f1c2f0e-0000-4000-8000-000000000000/").expect(404, "not-found")


def test_the_list_filters_by_slot_patient_and_status(hospital: Hospital) -> None:
    slot, (token,) = hospital.full_slot(1)
    other, _ = hospital.full_slot(1)
    patient = hospital.patient()
    mine, second, elsewhere = hospital.entry(slot, patient), hospital.entry(slot), hospital.entry(other, patient)
    hospital.desk.delete(f"waiting-list/{second['id']}/").expect(204)

    def ids(**query: str) -> set[str]:
        return {e["id"] for e in hospital.desk.get("waiting-list/", **query).expect(200)["results"]}

    assert ids(slot=slot["id"]) == {mine["id"]}
    assert ids(patient=patient["id"]) == {mine["id"], elsewhere["id"]}
    assert ids(slot=slot["id"], status="WITHDRAWN") == {second["id"]}
    assert ids(slot=slot["id"], status="WAITING,WITHDRAWN") == {mine["id"], second["id"]}
    assert ids(slot=slot["id"], patient=patient["id"]) == {mine["id"]}
    hospital.do(token, "cancel").expect(200)
    assert ids(slot=slot["id"]) == set()
    assert ids(slot=slot["id"], status="PROMOTED") == {mine["id"]}
    hospital.desk.get("waiting-list/", status="SLEEPING").expect(400, "validation-error")


def test_by_slot_is_a_plain_list_and_needs_a_slot(hospital: Hospital) -> None:
    slot = hospital.slot()
    assert hospital.waiting(slot) == []
    hospital.desk.get("waiting-list/by_slot/").expect(400, "validation-error")
    hospital.desk.get("waiting-list/by_slot/", slot_id="nonsense").expect(400, "validation-error")


def test_a_hold_asked_of_a_full_slot_waits_and_is_promoted_to_confirmed(hospital: Hospital) -> None:
    slot, (token,) = hospital.full_slot(1)
    entry = hospital.entry(slot, hold=True)
    (promoted,) = hospital.do(token, "cancel").expect(200)["promoted"]
    assert hospital.desk.get(f"tokens/{promoted}/").expect(200)["status"] == "CONFIRMED"
    assert hospital.entry_now(entry)["status"] == "PROMOTED"


def test_entries_of_a_slot_that_is_over_become_expired_when_the_slot_is_written_to(
    hospital: Hospital, clock: Any
) -> None:
    """They expire at the next write to the slot at the latest; a booking is refused in either case."""
    slot, (token,) = hospital.full_slot(1, start=hospital.now() + timedelta(minutes=5))
    entry = hospital.entry(slot)
    clock.advance(hours=3)
    hospital.do(token, "call").expect(200)
    assert hospital.entry_now(entry)["status"] in ("EXPIRED", "WAITING")
    hospital.ask(slot).expect(409, "slot-not-open")


@pytest.mark.parametrize("way", ["delay", "cancel", "delete"])
def test_entries_expire_with_what_makes_their_slot_be_over(hospital: Hospital, clock: Any, way: str) -> None:
    """The delay shrinks so that the slot has already ended: its entries expire at once."""
    doctor = hospital.doctor()
    first, second = (
        hospital.slot(doctor, start=hospital.now() + timedelta(minutes=start), minutes=30, capacity=1)
        for start in (5, 35)
    )
    hospital.delay(first, 60)
    hospital.token(second)
    entry = hospital.entry(second)
    clock.advance(minutes=90)  # the second slot was to end after 65 minutes, and is to end after 125 now
    assert hospital.entry_now(entry)["status"] == "WAITING"
    if way == "delay":
        hospital.delay(first, 0)
    elif way == "cancel":
        hospital.desk.post(f"slots/{first['id']}/cancel/", {}).expect(200)
    else:
        hospital.admin.delete(f"slots/{first['id']}/").expect(204)
    assert hospital.slot_now(second)["waiting_count"] == 0
    assert hospital.entry_now(entry)["status"] == "EXPIRED"

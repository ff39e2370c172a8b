"""Section 14: a token moves to another slot, with its seat, or nothing changes; and its category changes."""

from typing import Any

import pytest

from tests.contract.test_04_token_lifecycle import HOW_TO_BE, token_in
from tests.support.hospital import Hospital, when

Json = dict[str, Any]
pytestmark = pytest.mark.usefixtures("invariants_hold")

MOVABLE = ("PENDING", "CONFIRMED", "CHECKED_IN", "STEPPED_OUT")
KEPT = ("id", "ticket", "status", "priority", "created_at", "patient", "arrived_at", "expires_at", "returns_by")


def move(hospital: Hospital, token: Json, slot: Json, **how: Any) -> Any:
    return hospital.do(token, "move", {"slot_id": slot["id"]}, **how)


def state(hospital: Hospital, *slots: Json) -> list[Any]:
    return [(hospital.slot_now(slot), hospital.tokens_of(slot), hospital.waiting(slot)) for slot in slots]


def in_status(hospital: Hospital, status: str, slot: Json) -> Json:
    if status != "STEPPED_OUT":
        return token_in(hospital, status, slot)
    token = token_in(hospital, "CHECKED_IN", slot)
    return hospital.do(token, "step_out", {"reason": "LAB"}).expect(200)


@pytest.mark.parametrize("status", MOVABLE)
def test_on_the_same_day_all_but_the_slot_stays(hospital: Hospital, status: str) -> None:
    here, there = hospital.slot(), hospital.slot()
    token = in_status(hospital, status, here)
    moved = move(hospital, token, there).expect(200)
    assert moved["promoted"] == []
    assert {name: moved["token"][name] for name in KEPT} == {name: token[name] for name in KEPT}
    assert moved["token"]["slot"] == there["id"]
    assert moved["token"] == hospital.read(token)
    assert [hospital.slot_now(slot)["current_capacity"] for slot in (here, there)] == [0, 1]
    assert hospital.tokens_of(here) == []
    assert [each["id"] for each in hospital.tokens_of(there)] == [token["id"]]


@pytest.mark.parametrize("status", MOVABLE)
def test_on_another_day_the_request_is_made_anew(hospital: Hospital, status: str) -> None:
    here, there = hospital.slot(), hospital.slot(start=hospital.at("09:00", 3))
    token = in_status(hospital, status, here)
    moved = move(hospital, token, there).expect(200)["token"]
    assert (moved["id"], moved["status"]) == (token["id"], "CONFIRMED")
    assert moved["ticket"] != token["ticket"]
    assert moved["priority"] == hospital.token(there)["priority"]
    assert [moved[name] for name in ("arrived_at", "expires_at", "returns_by")] == [None] * 3


@pytest.mark.parametrize("status", [status for status in HOW_TO_BE if status not in MOVABLE])
def test_no_other_token_moves(hospital: Hospital, status: str) -> None:
    token = token_in(hospital, status)
    assert move(hospital, token, hospital.slot()).expect(409, "invalid-transition")["current_status"] == status
    assert hospital.read(token) == token


def test_the_request_keeps_its_time(hospital: Hospital) -> None:
    """Among equal priorities the earlier request goes first, wherever it was made."""
    here, there = hospital.slot(), hospital.slot(capacity=9)
    first = hospital.token(here, arrived=True)
    second = hospital.token(there, arrived=True)
    third = hospital.token(here, arrived=True)
    fourth = hospital.token(there, arrived=True)
    fifth = hospital.token(here, arrived=True)
    for token in (third, fifth, first):
        move(hospital, token, there).expect(200)
    sixth = hospital.token(there, arrived=True)
    expected = [first, second, third, fourth, fifth, sixth]
    assert [each["id"] for each in hospital.queue(there)] == [each["id"] for each in expected]


def test_the_freed_seat_promotes(hospital: Hospital) -> None:
    here, (token, _) = hospital.full_slot()
    entry = hospital.entry(here)
    moved = move(hospital, token, hospital.slot()).expect(200)
    promoted = hospital.entry_now(entry)
    assert (promoted["status"], moved["promoted"]) == ("PROMOTED", [promoted["token"]])


def test_a_full_slot_takes_nobody_and_nothing_changes(hospital: Hospital) -> None:
    (here, (token, _)), (there, _) = hospital.full_slot(), hospital.full_slot()
    hospital.entry(here)
    before = state(hospital, here, there)
    move(hospital, token, there).expect(409, "slot-full")
    assert state(hospital, here, there) == before


def test_a_closed_slot_takes_nobody(hospital: Hospital) -> None:
    token, there = hospital.token(hospital.slot()), hospital.slot()
    hospital.desk.post(f"slots/{there['id']}/close/").expect(200)
    move(hospital, token, there).expect(409, "slot-not-open")
    move(hospital, token, {"id": token["slot"]}).expect(409, "invalid-transition")
    move(hospital, token, {"id": token["id"]}).expect(404, "not-found")


def test_a_third_token_stands_in_the_way(hospital: Hospital) -> None:
    doctor, patient = hospital.doctor(), hospital.patient()
    third = hospital.token(hospital.slot(doctor), patient)
    token = hospital.token(hospital.slot(), patient)
    there = hospital.slot(doctor, start=hospital.at("11:00"))
    before = state(hospital, there)
    assert move(hospital, token, there).expect(409, "duplicate-booking")["existing_token_id"] == third["id"]
    assert state(hospital, there) == before
    own = hospital.slot(doctor, start=hospital.at("13:00"))
    move(hospital, third, own).expect(200)


def test_the_seat_kept_for_the_desk_is_taken(hospital: Hospital) -> None:
    there, (kept, _) = hospital.full_slot()
    hospital.do(kept, "buffer").expect(200)
    move(hospital, hospital.token(hospital.slot()), there).expect(200)
    assert hospital.read(kept)["status"] == "CANCELLED"


def test_an_emergency_always_gets_the_seat(hospital: Hospital) -> None:
    there, _ = hospital.full_slot()
    moved = move(hospital, hospital.emergency(hospital.slot()), there).expect(200)["token"]
    assert moved["token_number"] == 1
    assert hospital.slot_now(there)["current_capacity"] == 3


def test_a_moved_token_is_acted_on_where_it_is(hospital: Hospital) -> None:
    here, there = hospital.slot(), hospital.slot()
    token = hospital.token(here)
    hospital.done(token, "check_in")
    move(hospital, token, there).expect(200)
    assert hospital.done(token, "call", "start", "complete")["slot"] == there["id"]
    other = hospital.token(here)
    move(hospital, other, there).expect(200)
    move(hospital, other, here).expect(200)
    assert hospital.do(other, "cancel").expect(200)["token"]["slot"] == here["id"]


def test_who_may_move(hospital: Hospital) -> None:
    patient, doctor = hospital.patient(), hospital.doctor()
    here, there = hospital.slot(doctor), hospital.slot()
    token = hospital.token(here, patient, "ONLINE")
    own = hospital.patient_user(patient)
    move(hospital, token, there, by=hospital.doctor_user(doctor)).expect(403)
    move(hospital, token, there, by=hospital.key("book")).expect(403)
    move(hospital, token, there, by=hospital.patient_user(hospital.patient())).expect(404)
    move(hospital, token, there, by=own).expect(200)
    move(hospital, token, here, by=hospital.key("operate")).expect(200)
    hospital.done(token, "check_in")
    move(hospital, token, there, by=own).expect(409, "invalid-transition")


def test_the_log_shows_one_move_in_both_slots(hospital: Hospital) -> None:
    here, there = hospital.slot(), hospital.slot()
    token = hospital.token(here, arrived=True)
    before = hospital.now()
    hospital.do(token, "move", {"slot_id": there["id"], "reason": "Shorter queue"}).expect(200)
    events = hospital.desk.get("events/", token=token["id"]).expect(200)["results"]
    assert sorted(event["type"] for event in events) == ["token.booked", "token.moved", "token.moved_out"]
    moved = next(event for event in events if event["type"] == "token.moved")
    assert (moved["slot"], moved["data"]["from_slot"], moved["data"]["reason"]) == (
        there["id"], here["id"], "Shorter queue",
    )  # fmt: skip
    told = hospital.desk.get(f"tokens/{token['id']}/explain/").expect(200)["history"]
    assert "token.moved" in [event["type"] for event in told]
    for slot, number in ((here, 1), (there, 0)):
        then = hospital.desk.get(f"slots/{slot['id']}/tokens/", as_of=before.isoformat()).expect(200)
        assert len(then) == number


def test_a_category_changes_and_the_priority_with_it(hospital: Hospital) -> None:
    slot = hospital.slot()
    online, walkin = hospital.token(slot, category="ONLINE"), hospital.token(slot)
    body = {"category": "FOLLOWUP", "reason": "Seen last week"}
    changed = hospital.do(walkin, "reclassify", body).expect(200)
    assert (changed["category"], changed["token_number"]) == ("FOLLOWUP", 1)
    assert changed["priority"] == round(walkin["priority"] - 2, 2)
    assert changed["created_at"] == walkin["created_at"]
    assert hospital.read(online)["token_number"] == 2
    event = hospital.desk.get("events/", token=walkin["id"]).expect(200)["results"][-1]
    assert (event["type"], event["data"]["before"], event["data"]["reason"]) == (
        "token.reclassified", "WALKIN", "Seen last week",
    )  # fmt: skip


def test_emergencies_are_not_reclassified(hospital: Hospital) -> None:
    slot = hospital.slot()
    token, urgent = hospital.token(slot), hospital.emergency(slot)
    assert "category" in hospital.do(token, "reclassify", {"category": "EMERGENCY", "reason": "x"}).codes
    assert "category" in hospital.do(urgent, "reclassify", {"category": "WALKIN", "reason": "x"}).codes
    assert "reason" in hospital.do(token, "reclassify", {"category": "ONLINE"}).codes
    done = hospital.done(token, "check_in", "call", "start", "complete")
    hospital.do(done, "reclassify", {"category": "ONLINE", "reason": "x"}).expect(409, "invalid-transition")
    doctor = hospital.doctor_user({"id": hospital.slot_now(slot)["doctor"]})
    hospital.do(token, "reclassify", {"category": "ONLINE", "reason": "x"}, by=doctor).expect(403)


def test_a_duplicate_names_the_token_to_those_who_may_see_it(hospital: Hospital) -> None:
    slot, patient = hospital.slot(), hospital.patient()
    token = hospital.token(slot, patient, "ONLINE")
    for by in (hospital.desk, hospital.patient_user(patient), hospital.key("book")):
        refused = hospital.ask(slot, patient, "ONLINE", by=by).expect(409, "duplicate-booking")
        assert refused["existing_token_id"] == token["id"]
    full, (_, _) = hospital.full_slot()
    hospital.entry(full, patient)
    assert "existing_token_id" not in hospital.ask(full, patient).expect(409, "duplicate-booking")
    assert when(token["created_at"])

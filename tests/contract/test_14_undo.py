"""Section 14: the last action on a token is undone, and the token, its seat and its position are as before."""

from typing import Any

import pytest

from tests.contract.test_04_token_lifecycle import token_in
from tests.support.hospital import Hospital, when

Json = dict[str, Any]
pytestmark = pytest.mark.usefixtures("invariants_hold")

CHANGING = ("updated_at", "undo_until")
LAB = {"reason": "LAB"}
ACTIONS = [
    ("CONFIRMED", "check_in"),
    ("CONFIRMED", "call"),
    ("CHECKED_IN", "call"),
    ("CALLED", "start"),
    ("IN_CONSULTATION", "complete"),
    ("CALLED", "skip"),
    ("CHECKED_IN", "step_out"),
    ("CALLED", "step_out"),
    ("IN_CONSULTATION", "step_out"),
    ("STEPPED_OUT", "step_in"),
    ("CONFIRMED", "no_show"),
    ("CHECKED_IN", "no_show"),
    ("CALLED", "no_show"),
    ("PENDING", "cancel"),
    ("CONFIRMED", "cancel"),
    ("CHECKED_IN", "cancel"),
    ("CALLED", "cancel"),
    ("BUFFER", "cancel"),
    ("CONFIRMED", "buffer"),
]


def prepared(hospital: Hospital, status: str, slot: Json) -> Json:
    if status != "STEPPED_OUT":
        return token_in(hospital, status, slot)
    return hospital.do(token_in(hospital, "CHECKED_IN", slot), "step_out", LAB).expect(200)


def still(tokens: list[Json]) -> list[Json]:
    return [{name: value for name, value in token.items() if name not in CHANGING} for token in tokens]


def seats(hospital: Hospital, slot: Json) -> Json:
    return {name: value for name, value in hospital.slot_now(slot).items() if name != "version"}


@pytest.mark.parametrize(("status", "action"), ACTIONS)
def test_after_the_undo_all_is_as_before(hospital: Hospital, status: str, action: str) -> None:
    slot = hospital.slot()
    others = [hospital.token(slot, arrived=True) for _ in range(2)]
    token = prepared(hospital, status, slot)
    before = still(hospital.tokens_of(slot)), seats(hospital, slot)
    hospital.do(token, action, LAB if action == "step_out" else None).expect(200)
    shown = hospital.read(token)
    assert when(shown["undo_until"]) > when(shown["updated_at"])
    undone = hospital.do(token, "undo").expect(200)
    assert undone["undo_until"] is None
    assert (still(hospital.tokens_of(slot)), seats(hospital, slot)) == before
    events = hospital.desk.get("events/", token=token["id"]).expect(200)["results"]
    assert events[-1]["type"] == "token.undone"
    assert events[-1]["data"]["event"] == events[-2]["id"]
    hospital.do(token, "undo").expect(409, "undo-impossible")
    assert {other["status"] for other in others} == {"CHECKED_IN"}


@pytest.mark.parametrize("action", [None, "confirm", "requeue", "reinstate", "recall", "triage", "move"])
def test_nothing_else_is_undone(hospital: Hospital, action: str | None) -> None:
    start = {"confirm": "PENDING", "requeue": "CALLED", "reinstate": "NO_SHOW", "recall": "CALLED"}
    if action == "triage":
        token = hospital.emergency(hospital.slot())
    else:
        token = token_in(hospital, start.get(str(action), "CONFIRMED"))
    if action:
        body = {"triage": {"acuity": 2}, "move": {"slot_id": hospital.slot()["id"]}}.get(action)
        hospital.do(token, action, body).expect(200)
    before = hospital.read(token)
    assert before["undo_until"] is None
    hospital.do(token, "undo").expect(409, "undo-impossible")
    assert hospital.read(token) == before


def test_not_when_it_is_too_late(hospital: Hospital, clock: Any) -> None:
    token = token_in(hospital, "CHECKED_IN")
    clock.advance(seconds=60)
    hospital.do(token, "undo").expect(200)
    called = hospital.done(token, "call")
    clock.advance(seconds=61)
    hospital.do(token, "undo").expect(409, "undo-impossible")
    assert hospital.read(token) == called


def test_not_when_somebody_was_promoted_by_it(hospital: Hospital) -> None:
    slot, (token, other) = hospital.full_slot()
    hospital.entry(slot)
    hospital.do(token, "cancel").expect(200)
    hospital.do(token, "undo").expect(409, "undo-impossible")
    hospital.do(other, "cancel").expect(200)
    hospital.do(token, "undo").expect(409, "undo-impossible")
    hospital.do(other, "undo").expect(200)


def test_not_when_the_seat_is_taken(hospital: Hospital) -> None:
    slot, (token, _) = hospital.full_slot()
    hospital.do(token, "cancel").expect(200)
    hospital.token(slot)
    hospital.do(token, "undo").expect(409, "undo-impossible")
    assert hospital.read(token)["status"] == "CANCELLED"


def test_a_seat_over_the_maximum_comes_back(hospital: Hospital) -> None:
    slot, (token, _) = hospital.full_slot()
    hospital.emergency(slot)
    hospital.do(token, "cancel").expect(200)
    hospital.do(token, "undo").expect(200)
    assert hospital.slot_now(slot)["current_capacity"] == 3


def test_not_when_the_patient_has_booked_again(hospital: Hospital) -> None:
    slot, patient = hospital.slot(), hospital.patient()
    token = hospital.token(slot, patient)
    hospital.do(token, "cancel").expect(200)
    hospital.token(slot, patient)
    hospital.do(token, "undo").expect(409, "undo-impossible")


def test_not_when_the_room_is_taken(hospital: Hospital) -> None:
    slot = hospital.slot()
    first, second = token_in(hospital, "IN_CONSULTATION", slot), token_in(hospital, "CALLED", slot)
    hospital.do(second, "start", {"complete_current": True}).expect(200)
    hospital.do(first, "undo").expect(409, "undo-impossible")
    assert hospital.do(second, "undo").expect(200)["status"] == "CALLED"
    assert hospital.do(first, "undo").expect(200)["status"] == "IN_CONSULTATION"


def test_not_when_the_slot_was_cancelled(hospital: Hospital) -> None:
    slot = hospital.slot()
    token = token_in(hospital, "CANCELLED", slot)
    hospital.desk.post(f"slots/{slot['id']}/cancel/").expect(200)
    hospital.do(token, "undo").expect(409, "undo-impossible")


def test_the_third_skip_is_undone(hospital: Hospital) -> None:
    slot = hospital.slot()
    token = hospital.token(slot, arrived=True)
    for _ in range(3):
        hospital.do(token, "call").expect(200)
        last = hospital.do(token, "skip").expect(200)
    assert last["status"] == "NO_SHOW"
    back = hospital.do(token, "undo").expect(200)
    assert (back["status"], back["skips"], back["grace_expires_at"]) == ("CALLED", 2, None)


def test_who_may_undo(hospital: Hospital) -> None:
    """Whoever may perform the action."""
    doctor, patient = hospital.doctor(), hospital.patient()
    slot = hospital.slot(doctor)
    token = hospital.token(slot, patient, "ONLINE")
    seen_by, own, key = hospital.doctor_user(doctor), hospital.patient_user(patient), hospital.key("book")
    stranger = hospital.patient_user(hospital.patient())
    hospital.do(token, "cancel").expect(200)
    hospital.do(token, "undo", by=seen_by).expect(403)
    hospital.do(token, "undo", by=hospital.key("read")).expect(403)
    hospital.do(token, "undo", by=stranger).expect(404)
    hospital.do(token, "undo", by=own).expect(200)
    hospital.do(token, "cancel", by=own).expect(200)
    hospital.do(token, "undo", by=key).expect(200)
    hospital.done(token, "check_in")
    for by in (own, key):
        hospital.do(token, "undo", by=by).expect(403)
    hospital.do(token, "undo", by=seen_by).expect(200)


def test_a_facility_without_undo(hospital: Hospital) -> None:
    path = f"facilities/{hospital.facility['id']}/"
    hospital.admin.patch(path, {"rules": {"undo_seconds": 0}}).expect(200)
    try:
        token = token_in(hospital, "CHECKED_IN")
        assert token["undo_until"] is None
        hospital.do(token, "undo").expect(409, "undo-impossible")
    finally:
        hospital.admin.patch(path, {"rules": {"undo_seconds": None}}).expect(200)

"""Section 14: recall, step_out and step_in, and the times that a token shows."""

from datetime import timedelta
from typing import Any

import pytest

from tests.contract.test_04_token_lifecycle import HOW_TO_BE, token_in
from tests.support.hospital import Hospital, when
from tests.support.shapes import TOKEN, assert_shape

Json = dict[str, Any]
pytestmark = pytest.mark.usefixtures("invariants_hold")

LAB = {"reason": "LAB"}


def test_a_token_shows_when_the_patient_arrived_was_called_and_was_done(hospital: Hospital) -> None:
    token = hospital.token(hospital.slot())
    assert (token["arrived_at"], token["called_at"], token["completed_at"], token["times_called"]) == (
        None,
        None,
        None,
        0,
    )
    arrived = hospital.done(token, "check_in")
    assert arrived["arrived_at"] == arrived["updated_at"]
    called = hospital.done(token, "call")
    assert (called["called_at"], called["times_called"]) == (called["updated_at"], 1)
    done = hospital.done(token, "start", "complete")
    assert done["completed_at"] == done["updated_at"]
    assert (done["arrived_at"], done["called_at"]) == (arrived["arrived_at"], called["called_at"])
    assert_shape(done, TOKEN)


def test_who_books_at_the_desk_and_an_emergency_have_arrived(hospital: Hospital) -> None:
    slot = hospital.slot()
    assert hospital.token(slot, arrived=True)["arrived_at"]
    assert hospital.emergency(slot)["arrived_at"]


def test_a_recall_is_counted_and_changes_nothing_else(hospital: Hospital) -> None:
    token = token_in(hospital, "CALLED")
    recalled = hospital.do(token, "recall").expect(200)
    assert recalled == token | {"times_called": 2, "undo_until": None, "updated_at": recalled["updated_at"]}
    assert hospital.desk.get("events/", token=token["id"]).expect(200)["results"][-1]["type"] == "token.recalled"


@pytest.mark.parametrize("status", [status for status in HOW_TO_BE if status != "CALLED"])
def test_only_a_called_patient_is_recalled(hospital: Hospital, status: str) -> None:
    refused = hospital.do(token_in(hospital, status), "recall").expect(409, "invalid-transition")
    assert refused["current_status"] == status


@pytest.mark.parametrize("status", ["CHECKED_IN", "CALLED", "IN_CONSULTATION"])
def test_who_steps_out_keeps_the_seat_and_leaves_the_queue(hospital: Hospital, status: str) -> None:
    slot = hospital.slot()
    token, before = token_in(hospital, status, slot), hospital.slot_now(slot)
    out = hospital.do(token, "step_out", {"reason": "XRAY", "minutes": 45}).expect(200)
    assert (out["status"], out["token_number"], out["overdue"]) == ("STEPPED_OUT", None, False)
    assert when(out["returns_by"]) - when(out["updated_at"]) == timedelta(minutes=45)
    assert hospital.slot_now(slot)["current_capacity"] == before["current_capacity"]
    assert hospital.queue(slot) == []
    hospital.ask(slot, {"id": token["patient"]}).expect(409, "duplicate-booking")
    back = hospital.do(token, "step_in").expect(200)
    assert (back["status"], back["token_number"], back["returns_by"]) == ("CHECKED_IN", 1, None)
    assert back["priority"] == token["priority"]


def test_who_steps_out_of_the_room_frees_it(hospital: Hospital) -> None:
    slot = hospital.slot()
    out, other = token_in(hospital, "IN_CONSULTATION", slot), token_in(hospital, "CALLED", slot)
    hospital.do(other, "start").expect(409, "room-occupied")
    hospital.do(out, "step_out", LAB).expect(200)
    hospital.do(other, "start").expect(200)


def test_after_returns_by_only_overdue_becomes_true(hospital: Hospital, clock: Any) -> None:
    slot = hospital.slot()
    token = token_in(hospital, "CHECKED_IN", slot)
    out = hospital.do(token, "step_out", LAB).expect(200)
    assert when(out["returns_by"]) - when(out["updated_at"]) == timedelta(minutes=30)
    assert [each["overdue"] for each in hospital.tokens_of(slot)] == [False]
    clock.advance(seconds=1801)
    assert hospital.read(token) == out | {"overdue": True}
    assert hospital.tokens_of(slot) == [out | {"overdue": True}]
    assert hospital.do(token, "step_in").expect(200)["overdue"] is False


@pytest.mark.parametrize("status", ["PENDING", "CONFIRMED", "COMPLETED", "CANCELLED", "NO_SHOW", "BUFFER"])
def test_nobody_else_steps_out_or_in(hospital: Hospital, status: str) -> None:
    token = token_in(hospital, status)
    for action, body in (("step_out", LAB), ("step_in", None)):
        assert hospital.do(token, action, body).expect(409, "invalid-transition")["current_status"] == status
    assert hospital.read(token) == token


def test_every_other_action_on_who_stepped_out_is_refused(hospital: Hospital) -> None:
    token = token_in(hospital, "CHECKED_IN")
    out = hospital.do(token, "step_out", LAB).expect(200)
    for action in ("confirm", "check_in", "call", "recall", "start", "complete", "requeue", "no_show", "cancel"):
        hospital.do(token, action).expect(409, "invalid-transition")
    assert hospital.read(token) == out


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({}, "reason"),
        ({"reason": "LUNCH"}, "reason"),
        ({"reason": "LAB", "minutes": 0}, "minutes"),
        ({"reason": "LAB", "minutes": 241}, "minutes"),
        ({"reason": "LAB", "minutes": "ten"}, "minutes"),
        ({"reason": "LAB", "hours": 1}, "hours"),
    ],
)
def test_a_bad_step_out_is_refused(hospital: Hospital, body: Json, field: str) -> None:
    token = token_in(hospital, "CHECKED_IN")
    assert field in hospital.do(token, "step_out", body).codes
    assert hospital.read(token) == token


def test_a_cancelled_slot_takes_who_stepped_out_with_it(hospital: Hospital) -> None:
    slot = hospital.slot()
    token = token_in(hospital, "CHECKED_IN", slot)
    hospital.do(token, "step_out", LAB).expect(200)
    hospital.desk.post(f"slots/{slot['id']}/cancel/").expect(200)
    assert hospital.read(token)["status"] == "CANCELLED"


def test_nobody_steps_out_of_the_room_of_a_cancelled_slot(hospital: Hospital) -> None:
    """A cancelled slot holds no live token but the one in the room: nobody could come back into its queue."""
    slot = hospital.slot()
    token = token_in(hospital, "IN_CONSULTATION", slot)
    hospital.desk.post(f"slots/{slot['id']}/cancel/").expect(200)
    refused = hospital.do(token, "step_out", LAB).expect(409, "invalid-transition")
    assert refused["current_status"] == "IN_CONSULTATION"
    assert hospital.read(token) == token
    assert hospital.do(token, "complete").expect(200)["status"] == "COMPLETED"

"""Section 4: every legal transition, and every illegal action in every state, which changes nothing."""

from datetime import timedelta
from typing import Any

import pytest

from tests.support import shapes
from tests.support.hospital import Hospital, when
from tests.support.shapes import assert_shape

Json = dict[str, Any]
pytestmark = pytest.mark.usefixtures("invariants_hold")

HOW_TO_BE: dict[str, tuple[str, ...]] = {
    "PENDING": (),
    "CONFIRMED": (),
    "CHECKED_IN": ("check_in",),
    "CALLED": ("check_in", "call"),
    "IN_CONSULTATION": ("check_in", "call", "start"),
    "COMPLETED": ("check_in", "call", "start", "complete"),
    "CANCELLED": ("cancel",),
    "NO_SHOW": ("no_show",),
    "BUFFER": ("buffer",),
}
ALLOWED = {
    "PENDING": {"confirm", "cancel", "buffer"},
    "CONFIRMED": {"check_in", "call", "no_show", "cancel", "buffer"},
    "CHECKED_IN": {"call", "no_show", "cancel", "buffer"},
    "CALLED": {"start", "requeue", "no_show", "cancel", "buffer"},
    "IN_CONSULTATION": {"complete"},
    "COMPLETED": set(),
    "CANCELLED": set(),
    "NO_SHOW": {"reinstate"},
    "BUFFER": {"cancel", "buffer"},
}
ACTIONS = (
    "confirm", "check_in", "call", "start", "complete", "requeue", "no_show", "reinstate", "cancel", "buffer", "triage",
)  # fmt: skip


def token_in(hospital: Hospital, status: str, slot: Json | None = None) -> Json:
    slot = slot or hospital.slot()
    token = hospital.done(hospital.token(slot, hold=status == "PENDING"), *HOW_TO_BE[status])
    assert token["status"] == status
    return token


@pytest.mark.parametrize("status", HOW_TO_BE)
def test_any_other_action_is_an_invalid_transition_and_changes_nothing(hospital: Hospital, status: str) -> None:
    token = token_in(hospital, status)
    for action in ACTIONS:
        if action in ALLOWED[status]:
            continue
        answer = hospital.do(token, action, {"acuity": 2} if action == "triage" else None)
        answer.expect(409, "invalid-transition")
        assert hospital.read(token) == token, f"{action} on {status} changed something"


@pytest.mark.parametrize(
    ("start", "action", "end"),
    [
        ("PENDING", "confirm", "CONFIRMED"),
        ("CONFIRMED", "check_in", "CHECKED_IN"),
        ("CONFIRMED", "call", "CALLED"),
        ("CHECKED_IN", "call", "CALLED"),
        ("CALLED", "start", "IN_CONSULTATION"),
        ("CALLED", "requeue", "CHECKED_IN"),
        ("IN_CONSULTATION", "complete", "COMPLETED"),
        ("CONFIRMED", "no_show", "NO_SHOW"),
        ("CHECKED_IN", "no_show", "NO_SHOW"),
        ("CALLED", "no_show", "NO_SHOW"),
        ("NO_SHOW", "reinstate", "CHECKED_IN"),
        ("PENDING", "cancel", "CANCELLED"),
        ("CONFIRMED", "cancel", "CANCELLED"),
        ("CHECKED_IN", "cancel", "CANCELLED"),
        ("CALLED", "cancel", "CANCELLED"),
        ("BUFFER", "cancel", "CANCELLED"),
        ("CONFIRMED", "buffer", "BUFFER"),
        ("CHECKED_IN", "buffer", "BUFFER"),
    ],
)
def test_every_move_of_the_table(hospital: Hospital, start: str, action: str, end: str) -> None:
    token = token_in(hospital, start)
    body = hospital.do(token, action).expect(200)
    told = body["token"] if action in ("cancel", "buffer") else body
    assert_shape(told, shapes.TOKEN)
    assert told["status"] == end
    assert told == hospital.read(token)
    assert told["ticket"] == token["ticket"]
    assert (told["token_number"] is not None) == (end in ("PENDING", "CONFIRMED", "CHECKED_IN"))


def test_a_new_token_is_confirmed_or_checked_in_or_pending(hospital: Hospital) -> None:
    slot = hospital.slot()
    assert hospital.token(slot)["status"] == "CONFIRMED"
    assert hospital.token(slot, arrived=True)["status"] == "CHECKED_IN"
    held = hospital.token(slot, hold=True)
    assert held["status"] == "PENDING"
    assert held["token_number"] == 3
    left = (when(held["expires_at"]) - hospital.now()).total_seconds()
    assert 0 < left <= 120.5


def test_the_hold_is_120_seconds_unless_set(hospital: Hospital, clock: Any) -> None:
    held = hospital.token(hospital.slot(), hold=True)
    assert when(held["expires_at"]) == hospital.now() + timedelta(seconds=120)


def test_hold_and_grace_and_buffer_take_decimals(hospital: Hospital, clock: Any, settings: Any) -> None:
    settings.OPD_HOLD_SECONDS = 1.5
    settings.OPD_NO_SHOW_GRACE_MINUTES = 0.5
    settings.OPD_BUFFER_MINUTES = 0.25
    slot = hospital.slot(capacity=2, start=hospital.now() - timedelta(minutes=10))
    held = hospital.token(slot, hold=True)
    assert when(held["expires_at"]) == hospital.now() + timedelta(seconds=1.5)
    absent = hospital.token(slot)
    expected = max(hospital.now(), when(absent["estimated_time"]))
    absent = hospital.done(absent, "no_show")
    assert when(absent["grace_expires_at"]) == expected + timedelta(seconds=30)
    clock.advance(seconds=2)
    again = hospital.token(slot)
    hospital.do(again, "buffer").expect(200)
    clock.advance(seconds=16)
    hospital.do(again, "cancel").expect(409, "invalid-transition")
    assert hospital.token(slot)


def test_a_hold_can_be_confirmed_only_before_it_expires(hospital: Hospital, clock: Any) -> None:
    slot = hospital.slot(capacity=3)
    in_time, late = hospital.token(slot, hold=True), hospital.token(slot, hold=True)
    clock.advance(seconds=119)
    assert hospital.do(in_time, "confirm").expect(200)["status"] == "CONFIRMED"
    clock.advance(seconds=1)
    hospital.do(late, "confirm").expect(409, "hold-expired")
    hospital.token(slot)
    assert hospital.read(late)["status"] == "EXPIRED"
    hospital.do(late, "confirm").expect(409, "hold-expired")
    assert hospital.read(late)["token_number"] is None
    for action in ("check_in", "call", "start", "complete", "requeue", "no_show", "reinstate", "cancel", "buffer"):
        hospital.do(late, action).expect(409, "invalid-transition")


def test_confirmed_after_the_hold_was_confirmed_has_no_deadline(hospital: Hospital, clock: Any) -> None:
    slot = hospital.slot(capacity=1)
    held = hospital.done(hospital.token(slot, hold=True), "confirm")
    assert held["expires_at"] is None or when(held["expires_at"]) > hospital.now()
    clock.advance(minutes=30)
    hospital.ask(slot, join_waiting_list=False).expect(409, "slot-full")
    assert hospital.read(held)["status"] == "CONFIRMED"


def test_an_expired_hold_gives_its_seat_to_the_next_request_without_any_worker(hospital: Hospital, clock: Any) -> None:
    slot = hospital.slot(capacity=1)
    held = hospital.token(slot, hold=True)
    hospital.ask(slot, join_waiting_list=False).expect(409, "slot-full")
    clock.advance(seconds=121)
    hospital.token(slot)
    assert hospital.read(held)["status"] == "EXPIRED"


def test_an_expired_hold_gives_its_seat_to_who_waits_before_who_asks(hospital: Hospital, clock: Any) -> None:
    slot = hospital.slot(capacity=1)
    hospital.token(slot, hold=True)
    entry = hospital.entry(slot)
    clock.advance(seconds=121)
    late = hospital.entry(slot, category="PRIORITY_PAID")
    assert hospital.entry_now(entry)["status"] == "PROMOTED"
    assert hospital.entry_now(late)["status"] == "WAITING"


def test_start_sets_the_actual_time(hospital: Hospital) -> None:
    token = hospital.done(hospital.token(hospital.slot()), "check_in", "call")
    assert token["actual_time"] is None
    token = hospital.done(token, "start")
    assert abs((when(token["actual_time"]) - hospital.now()).total_seconds()) < 10
    assert hospital.done(token, "complete")["actual_time"] == token["actual_time"]


def test_one_patient_in_the_room(hospital: Hospital) -> None:
    slot = hospital.slot()
    room = hospital.done(hospital.token(slot), "check_in", "call", "start")
    door = hospital.done(hospital.token(slot), "check_in", "call")
    hospital.do(door, "start").expect(409, "room-occupied")
    hospital.do(door, "start", {"complete_current": False}).expect(409, "room-occupied")
    assert hospital.read(door)["status"] == "CALLED"
    assert hospital.do(door, "start", {"complete_current": True}).expect(200)["status"] == "IN_CONSULTATION"
    assert hospital.read(room)["status"] == "COMPLETED"
    other = hospital.done(hospital.token(hospital.slot()), "call")
    hospital.do(other, "start").expect(200)


def test_complete_current_with_an_empty_room_is_no_error(hospital: Hospital) -> None:
    door = hospital.done(hospital.token(hospital.slot()), "call")
    assert hospital.do(door, "start", {"complete_current": True}).expect(200)["status"] == "IN_CONSULTATION"


def test_the_grace_of_a_no_show_runs_from_the_estimate_if_that_is_later(hospital: Hospital) -> None:
    slot = hospital.slot()
    hospital.token(slot)
    second = hospital.token(slot)
    absent = hospital.done(second, "no_show")
    assert when(absent["grace_expires_at"]) == when(second["estimated_time"]) + timedelta(minutes=15)
    assert (absent["status"], absent["token_number"]) == ("NO_SHOW", None)


def test_the_grace_of_a_no_show_runs_from_now_if_the_estimate_is_past(hospital: Hospital, clock: Any) -> None:
    slot = hospital.slot(start=hospital.now() - timedelta(minutes=30))
    absent = hospital.done(hospital.token(slot), "no_show")
    assert when(absent["grace_expires_at"]) == hospital.now() + timedelta(minutes=15)


def test_a_no_show_keeps_the_seat_in_its_grace_and_then_loses_it(hospital: Hospital, clock: Any) -> None:
    slot = hospital.slot(capacity=1, start=hospital.now() - timedelta(minutes=10))
    absent = hospital.done(hospital.token(slot), "no_show")
    entry = hospital.entry(slot)
    clock.set(when(absent["grace_expires_at"]) - timedelta(seconds=1))
    hospital.ask(slot, join_waiting_list=False).expect(409, "slot-full")
    clock.advance(seconds=1)
    hospital.do(absent, "reinstate").expect(409, "grace-expired")
    hospital.ask(slot, join_waiting_list=False).expect(409, "slot-full")
    assert hospital.entry_now(entry)["status"] in ("PROMOTED", "WAITING")
    hospital.entry(slot)
    assert hospital.entry_now(entry)["status"] == "PROMOTED"
    assert hospital.read(absent)["status"] == "NO_SHOW"
    hospital.do(absent, "reinstate").expect(409, "grace-expired")


def test_a_no_show_after_the_grace_is_no_longer_live(hospital: Hospital, clock: Any) -> None:
    slot, patient = hospital.slot(capacity=3, start=hospital.now() - timedelta(minutes=10)), hospital.patient()
    absent = hospital.done(hospital.token(slot, patient), "no_show")
    hospital.ask(slot, patient).expect(409, "duplicate-booking")
    clock.advance(minutes=16)
    again = hospital.token(slot, patient)
    assert again["id"] != absent["id"]
    assert hospital.slot_now(slot)["current_capacity"] == 1


def test_reinstate_in_the_last_second_of_the_grace(hospital: Hospital, clock: Any) -> None:
    slot = hospital.slot(start=hospital.now() - timedelta(minutes=10))
    absent = hospital.done(hospital.token(slot), "no_show")
    clock.set(when(absent["grace_expires_at"]) - timedelta(milliseconds=1))
    back = hospital.do(absent, "reinstate").expect(200)
    assert (back["status"], back["priority"]) == ("CHECKED_IN", absent["priority"])
    clock.advance(hours=1)
    hospital.token(hospital.slot())
    assert hospital.read(absent)["status"] == "CHECKED_IN"


def test_a_checked_in_patient_never_becomes_a_no_show_by_itself(hospital: Hospital, clock: Any) -> None:
    slot = hospital.slot(start=hospital.now() + timedelta(minutes=5))
    here, booked = hospital.token(slot, arrived=True), hospital.token(slot)
    clock.advance(hours=9)
    hospital.emergency(slot)
    assert hospital.read(here)["status"] == "CHECKED_IN"
    assert hospital.read(booked)["status"] in ("CONFIRMED", "NO_SHOW")


def test_a_buffer_is_kept_ten_minutes_then_cancelled_and_the_seat_is_free(hospital: Hospital, clock: Any) -> None:
    slot, (token,) = hospital.full_slot(1)
    body = hospital.do(token, "buffer").expect(200)
    assert (body["token"]["status"], body["promoted"]) == ("BUFFER", [])
    entry = hospital.entry(
        slot, by=hospital.patient_user(patient := hospital.patient()), patient=patient, category="ONLINE"
    )
    clock.advance(minutes=9, seconds=59)
    hospital.do(hospital.token(hospital.slot()), "check_in").expect(200)
    assert hospital.read(token)["status"] == "BUFFER"
    clock.advance(seconds=1)
    hospital.ask(slot, join_waiting_list=False).expect(409, "slot-full")
    hospital.desk.patch(f"slots/{slot['id']}/", {"max_capacity": 1}).expect(200)
    assert hospital.read(token)["status"] == "CANCELLED"
    assert hospital.entry_now(entry)["status"] == "PROMOTED"


def test_no_buffer_while_somebody_waits(hospital: Hospital) -> None:
    slot, (token,) = hospital.full_slot(1)
    entry = hospital.entry(slot)
    body = hospital.do(token, "buffer").expect(200)
    assert body["token"]["status"] == "CANCELLED"
    assert len(body["promoted"]) == 1
    assert hospital.entry_now(entry)["token"] == body["promoted"][0]


def test_an_emergency_becomes_of_the_token_the_patient_has(hospital: Hospital) -> None:
    slot = hospital.slot(capacity=5)
    earlier = hospital.emergency(slot)
    for path, facts in (((), {"hold": True}), ((), {}), (("check_in",), {})):
        patient = hospital.patient()
        token = hospital.done(hospital.token(slot, patient, **facts), *path)
        seats = hospital.slot_now(slot)["current_capacity"]
        body = {"slot_id": slot["id"], "patient_id": patient["id"], "reason": "chest pain"}
        answer = hospital.desk.post("tokens/emergency/", body).expect(200)
        after = answer["token"]
        assert (after["id"], after["ticket"]) == (token["id"], token["ticket"])
        assert (after["category"], after["status"], after["priority"]) == ("EMERGENCY", "CHECKED_IN", 1.0)
        assert after["token_number"] == 1, "ranked as the newest"
        assert hospital.slot_now(slot)["current_capacity"] == seats
    assert hospital.read(earlier)["token_number"] == 4


@pytest.mark.parametrize("status", ["CALLED", "IN_CONSULTATION", "NO_SHOW"])
def test_an_emergency_for_a_patient_beyond_the_queue_is_a_duplicate(hospital: Hospital, status: str) -> None:
    slot, patient = hospital.slot(), hospital.patient()
    token = hospital.done(hospital.token(slot, patient), *HOW_TO_BE[status])
    body = {"slot_id": slot["id"], "patient_id": patient["id"]}
    hospital.desk.post("tokens/emergency/", body).expect(409, "duplicate-booking")
    assert hospital.read(token) == token


def test_an_emergency_for_a_patient_with_a_token_in_another_slot_of_that_doctor_that_day(hospital: Hospital) -> None:
    doctor, patient = hospital.doctor(), hospital.patient()
    one, two = (hospital.slot(doctor, start=hospital.at(t)) for t in ("09:00", "11:00"))
    hospital.token(one, patient)
    body = {"slot_id": two["id"], "patient_id": patient["id"]}
    hospital.desk.post("tokens/emergency/", body).expect(409, "duplicate-booking")


def test_an_emergency_withdraws_the_patients_waiting_entry_for_that_slot(hospital: Hospital) -> None:
    slot, _ = hospital.full_slot(1)
    patient = hospital.patient()
    entry = hospital.entry(slot, patient)
    hospital.emergency(slot, patient)
    assert hospital.entry_now(entry)["status"] == "WITHDRAWN"
    assert hospital.slot_now(slot)["waiting_count"] == 0


def test_an_emergency_tells_whom_it_pushed_back(hospital: Hospital) -> None:
    slot = hospital.slot()
    tokens = [hospital.token(slot) for _ in range(3)]
    hospital.done(tokens[0], "check_in", "call")
    body = {"slot_id": slot["id"], "patient_id": hospital.patient()["id"]}
    answer = hospital.desk.post("tokens/emergency/", body).expect(201)
    assert set(answer) == {"token", "affected_tokens", "affected_count", "message"}
    assert answer["affected_count"] == 2
    assert [set(t) for t in answer["affected_tokens"]] == [{"id", "ticket", "token_number", "estimated_time"}] * 2
    assert [t["id"] for t in answer["affected_tokens"]] == [tokens[1]["id"], tokens[2]["id"]]
    assert [t["token_number"] for t in answer["affected_tokens"]] == [2, 3]
    for told in answer["affected_tokens"]:
        assert hospital.desk.get(f"tokens/{told['id']}/").expect(200)["estimated_time"] == told["estimated_time"]
    last = hospital.desk.post("tokens/emergency/", {**body, "patient_id": hospital.patient()["id"], "acuity": 5})
    assert last.expect(201)["affected_count"] == 2, "the earlier emergency stays ahead of acuity 5"


def test_affected_tokens_are_cut_at_50(hospital: Hospital) -> None:
    slot = hospital.slot(capacity=60)
    for _ in range(52):
        hospital.token(slot)
    body = {"slot_id": slot["id"], "patient_id": hospital.patient()["id"]}
    answer = hospital.desk.post("tokens/emergency/", body).expect(201)
    assert (len(answer["affected_tokens"]), answer["affected_count"]) == (50, 52)


def test_cancelling_the_slot_cancels_all_but_the_one_in_the_room(hospital: Hospital) -> None:
    slot = hospital.slot(capacity=9)
    states = (
        "COMPLETED",
        "IN_CONSULTATION",
        "CALLED",
        "CHECKED_IN",
        "CONFIRMED",
        "PENDING",
        "NO_SHOW",
        "BUFFER",
        "CANCELLED",
    )
    tokens = {status: token_in(hospital, status, slot) for status in states}
    answer = hospital.desk.post(f"slots/{slot['id']}/cancel/", {"reason": "the doctor is ill"}).expect(200)
    assert answer == {"cancelled_tokens": 6, "withdrawn_entries": 0}
    kept = {"COMPLETED", "IN_CONSULTATION"}
    for status, token in tokens.items():
        assert hospital.read(token)["status"] == (status if status in kept else "CANCELLED")
    assert hospital.slot_now(slot)["status"] == "CANCELLED"
    assert hospital.done(tokens["IN_CONSULTATION"], "complete")["status"] == "COMPLETED"
    hospital.desk.post(f"slots/{slot['id']}/cancel/").expect(409, "invalid-transition")


@pytest.mark.parametrize("acuity", [0, 6, -1, 2.5, "two", True, [1], None])
def test_triage_takes_1_to_5_and_nothing_else(hospital: Hospital, acuity: Any) -> None:
    token = hospital.emergency(hospital.slot())
    answer = hospital.do(token, "triage", {"acuity": acuity})
    answer.expect(400, "validation-error")
    assert "acuity" in answer.codes
    assert hospital.read(token)["acuity"] is None


def test_triage_needs_an_acuity_and_an_emergency_in_the_queue(hospital: Hospital) -> None:
    slot = hospital.slot()
    token = hospital.emergency(slot)
    hospital.do(token, "triage", {}).expect(400, "validation-error")
    hospital.done(token, "call")
    hospital.do(token, "triage", {"acuity": 1}).expect(409, "invalid-transition")
    hospital.do(hospital.token(slot), "triage", {"acuity": 1}).expect(409, "invalid-transition")

"""Section 14: the doctor begins, pauses, resumes, finishes and reopens a slot."""

from datetime import timedelta
from typing import Any

import pytest

from tests.support.hospital import Hospital, Json, when
from tests.support.shapes import SLOT, assert_shape

pytestmark = pytest.mark.usefixtures("invariants_hold")


def act(hospital: Hospital, slot: Json, name: str, body: Json | None = None, **facts: Any) -> Any:
    return hospital.desk.post(f"slots/{slot['id']}/{name}/", body, **facts)


def events(hospital: Hospital, slot: Json) -> list[str]:
    return [event["type"] for event in hospital.desk.get("events/", slot=slot["id"], page_size=200).body["results"]]


def test_the_doctor_arrives(hospital: Hospital) -> None:
    slot = hospital.slot()
    assert slot["began_at"] is None
    begun = act(hospital, slot, "begin").expect(200)
    assert_shape(begun, SLOT)
    assert abs(when(begun["began_at"]) - hospital.now()) < timedelta(seconds=30)
    refused = act(hospital, slot, "begin").expect(409, "invalid-transition")
    assert refused["current_status"] == "ACTIVE"
    assert events(hospital, slot) == ["slot.created", "slot.began"]


def test_a_pause_stops_calls_and_not_bookings(hospital: Hospital) -> None:
    slot = hospital.slot()
    token, other = hospital.token(slot, arrived=True), hospital.token(slot)
    paused = act(hospital, slot, "pause", {"minutes": 20, "reason": "Called to the ward"}).expect(200)
    assert_shape(paused, SLOT)
    assert when(paused["paused_until"]) - when(paused["paused_since"]) == timedelta(minutes=20)
    act(hospital, slot, "pause").expect(409, "invalid-transition")
    act(hospital, slot, "call_next").expect(409, "slot-paused")
    hospital.do(token, "call").expect(409, "slot-paused")
    hospital.done(other, "check_in")
    hospital.token(slot)
    resumed = act(hospital, slot, "resume").expect(200)
    assert (resumed["paused_since"], resumed["paused_until"]) == (None, None)
    act(hospital, slot, "resume").expect(409, "invalid-transition")
    assert act(hospital, slot, "call_next").expect(200)["id"] == token["id"]


def test_a_consultation_goes_on_through_a_pause(hospital: Hospital) -> None:
    slot = hospital.slot()
    token = hospital.token(slot, arrived=True)
    hospital.done(token, "call")
    assert act(hospital, slot, "pause").expect(200)["paused_until"] is None
    assert hospital.done(token, "start", "complete")["status"] == "COMPLETED"


def test_no_estimate_lies_before_the_end_of_the_pause(hospital: Hospital, clock: Any) -> None:
    slot = hospital.slot()
    tokens = [hospital.token(slot, arrived=True) for _ in range(3)]
    start = when(slot["start_time"])
    clock.set(start - timedelta(minutes=10))
    act(hospital, slot, "pause", {"minutes": 30}).expect(200)
    expected = [start + timedelta(minutes=20 + 10 * place) for place in range(3)]
    assert [when(each["estimated_time"]) for each in hospital.queue(slot)] == expected
    assert [when(hospital.read(token)["estimated_time"]) for token in tokens] == expected
    act(hospital, slot, "resume").expect(200)
    assert when(hospital.queue(slot)[0]["estimated_time"]) == start
    act(hospital, slot, "call_next").expect(200)
    act(hospital, slot, "pause", {"minutes": 60}).expect(200)
    assert when(hospital.queue(slot)[0]["estimated_time"]) == start + timedelta(minutes=50)
    clock.set(start + timedelta(minutes=55))
    assert when(hospital.queue(slot)[0]["estimated_time"]) == start + timedelta(minutes=55), "the pause lasts longer"


@pytest.mark.parametrize("body", [{"minutes": 0}, {"minutes": 1441}, {"minutes": "5"}, {"reason": 5}, {"until": 1}])
def test_a_bad_pause_is_refused(hospital: Hospital, body: Json) -> None:
    slot = hospital.slot()
    refused = act(hospital, slot, "pause", body)
    refused.expect(400, "validation-error")
    assert set(refused.codes) == set(body)
    assert hospital.slot_now(slot) == slot


def test_the_end_of_a_session(hospital: Hospital) -> None:
    slot, (absent, here, out, done) = hospital.full_slot(4)
    entry = hospital.entry(slot)
    hospital.done(here, "check_in")
    hospital.done(out, "check_in")
    hospital.do(out, "step_out", {"reason": "LAB"}).expect(200)
    hospital.done(done, "check_in", "call", "start", "complete")
    result = act(hospital, slot, "finish").expect(200)
    assert set(result) == {"slot", "no_shows", "carried_over", "not_seen"}
    assert_shape(result["slot"], SLOT)
    assert (result["slot"]["status"], result["slot"]["waiting_count"]) == ("CLOSED", 0)
    assert result["slot"]["finished_at"] is not None
    assert result["slot"]["current_capacity"] == 1
    assert result["no_shows"] == [absent["id"]]
    assert result["carried_over"] == []
    assert result["not_seen"] == [here["id"], out["id"]]
    statuses = [hospital.read(token)["status"] for token in (absent, here, out, done)]
    assert statuses == ["NO_SHOW", "NOT_SEEN", "NOT_SEEN", "COMPLETED"]
    assert hospital.read(absent)["grace_expires_at"] is None
    assert hospital.entry_now(entry)["status"] == "EXPIRED"
    hospital.do(absent, "reinstate").expect(409, "grace-expired")
    hospital.do(here, "call").expect(409, "invalid-transition")
    hospital.ask(slot).expect(409, "slot-not-open")
    for name in ("finish", "begin", "pause", "resume", "close"):
        act(hospital, slot, name).expect(409, "invalid-transition")
    patient = {"slot_id": slot["id"], "patient_id": hospital.patient()["id"]}
    hospital.desk.post("tokens/emergency/", patient).expect(409, "slot-not-open")
    assert events(hospital, slot)[-1] == "slot.finished"


def test_patients_who_are_here_are_carried_over(hospital: Hospital) -> None:
    slot, tokens = hospital.full_slot(4)
    absent, first, out, last = tokens
    for token in (first, out, last):
        hospital.done(token, "check_in")
    hospital.do(out, "step_out", {"reason": "XRAY"}).expect(200)
    later = hospital.slot({"id": slot["doctor"]}, start=hospital.at("14:00"), capacity=3)
    waiting = hospital.token(later)
    result = act(hospital, slot, "finish", {"carry_over_to": later["id"]}).expect(200)
    assert result["no_shows"] == [absent["id"]]
    assert result["carried_over"] == [first["id"], out["id"]]
    assert result["not_seen"] == [last["id"]]
    queue = hospital.queue(later)
    assert {token["id"]: token["status"] for token in queue} == {
        waiting["id"]: "CONFIRMED",
        first["id"]: "CHECKED_IN",
        out["id"]: "CHECKED_IN",
    }
    assert [hospital.read(token)["ticket"] for token in (first, out)] == [first["ticket"], out["ticket"]]
    assert hospital.slot_now(later)["current_capacity"] == 3
    assert hospital.slot_now(slot)["current_capacity"] == 0
    assert act(hospital, later, "call_next").expect(200)["id"] == first["id"]


def test_a_slot_that_takes_nobody_over_leaves_everything_as_it_was(hospital: Hospital) -> None:
    slot, shut = hospital.slot(), hospital.slot()
    token = hospital.token(slot, arrived=True)
    act(hospital, shut, "close").expect(200)
    act(hospital, slot, "finish", {"carry_over_to": shut["id"]}).expect(409, "slot-not-open")
    act(hospital, slot, "finish", {"carry_over_to": token["id"]}).expect(404, "not-found")
    for other in (slot, hospital.slot(start=hospital.at(day=4))):
        refused = act(hospital, slot, "finish", {"carry_over_to": other["id"]})
        refused.expect(400, "validation-error")
        assert set(refused.codes) == {"carry_over_to"}
    assert hospital.read(token) == token
    doctor = hospital.doctor_user({"id": slot["doctor"]})
    path = f"slots/{slot['id']}/finish/"
    doctor.post(path, {"carry_over_to": hospital.slot()["id"]}).expect(403, "permission-denied")


def test_a_patient_who_has_a_token_with_the_other_doctor_is_not_carried_over(hospital: Hospital) -> None:
    slot, other, patient = hospital.slot(), hospital.slot(), hospital.patient()
    token = hospital.token(slot, patient, arrived=True)
    hospital.token(other, patient)
    result = act(hospital, slot, "finish", {"carry_over_to": other["id"]}).expect(200)
    assert (result["carried_over"], result["not_seen"]) == ([], [token["id"]])


def test_holds_graces_and_kept_seats_end_with_the_session(hospital: Hospital) -> None:
    slot = hospital.slot()
    held = hospital.token(slot, hold=True)
    missing, kept = hospital.token(slot), hospital.token(slot)
    hospital.done(missing, "no_show")
    hospital.do(kept, "buffer").expect(200)
    result = act(hospital, slot, "finish").expect(200)
    assert (result["no_shows"], result["not_seen"], result["slot"]["current_capacity"]) == ([], [], 0)
    assert [hospital.read(token)["status"] for token in (held, missing, kept)] == ["EXPIRED", "NO_SHOW", "CANCELLED"]
    hospital.do(missing, "reinstate").expect(409, "grace-expired")


def test_a_session_does_not_end_with_a_patient_in_the_room(hospital: Hospital) -> None:
    slot = hospital.slot()
    token = hospital.token(slot, arrived=True)
    for action in ("call", "start"):
        hospital.done(token, action)
        act(hospital, slot, "finish").expect(409, "room-occupied")
    hospital.done(token, "complete")
    act(hospital, slot, "finish").expect(200)


def test_a_closed_slot_is_finished_and_a_cancelled_one_is_not(hospital: Hospital) -> None:
    slot, other = hospital.slot(), hospital.slot()
    hospital.token(slot)
    act(hospital, slot, "close").expect(200)
    assert len(act(hospital, slot, "finish").expect(200)["no_shows"]) == 1
    act(hospital, other, "cancel").expect(200)
    for name in ("begin", "pause", "finish", "reopen"):
        assert act(hospital, other, name).expect(409, "invalid-transition")["current_status"] == "CANCELLED"


@pytest.mark.parametrize("closing", ["close", "finish"])
def test_a_wrong_click_is_taken_back(hospital: Hospital, clock: Any, closing: str) -> None:
    slot = hospital.slot()
    token = hospital.token(slot)
    act(hospital, slot, "reopen").expect(409, "invalid-transition")
    act(hospital, slot, closing).expect(200)
    clock.advance(seconds=59)
    reopened = act(hospital, slot, "reopen").expect(200)
    assert (reopened["status"], reopened["finished_at"]) == ("ACTIVE", None)
    assert hospital.read(token)["status"] == ("CONFIRMED" if closing == "close" else "NO_SHOW")
    hospital.token(slot)
    act(hospital, slot, closing).expect(200)
    clock.advance(seconds=61)
    act(hospital, slot, "reopen").expect(409, "undo-impossible")


def test_a_delayed_slot_is_delayed_again(hospital: Hospital) -> None:
    slot = hospital.slot()
    hospital.delay(slot, 20)
    act(hospital, slot, "close").expect(200)
    assert act(hospital, slot, "reopen").expect(200)["status"] == "DELAYED"


@pytest.mark.parametrize("name", ["begin", "pause", "finish"])
def test_a_doctor_acts_on_own_slots(hospital: Hospital, name: str) -> None:
    doctor = hospital.doctor()
    slot = hospital.slot(doctor)
    path = f"slots/{slot['id']}/{name}/"
    hospital.doctor_user(hospital.doctor()).post(path).expect(403, "permission-denied")
    hospital.patient_user(hospital.patient()).post(path).expect(403, "permission-denied")
    hospital.key("book").post(path).expect(403, "permission-denied")
    hospital.doctor_user(doctor).post(path).expect(200)


@pytest.mark.parametrize("name", ["begin", "pause", "finish"])
def test_a_repeated_request_acts_once(hospital: Hospital, name: str) -> None:
    slot = hospital.slot()
    hospital.token(slot)
    key = {"Idempotency-Key": f"{name}-{slot['id']}"}
    first, again = (act(hospital, slot, name, headers=key) for _ in range(2))
    assert first.expect(200) == again.expect(200)
    assert again.headers["idempotency-replayed"] == "true"


def test_the_log_keeps_the_session(hospital: Hospital, clock: Any) -> None:
    slot = hospital.slot()
    for _ in range(2):
        hospital.token(slot, arrived=True)
    act(hospital, slot, "begin").expect(200)
    act(hospital, slot, "pause", {"minutes": 90}).expect(200)
    moment, seen = hospital.now(), hospital.tokens_of(slot)
    clock.advance(minutes=1)
    act(hospital, slot, "finish").expect(200)
    past = hospital.desk.get(f"slots/{slot['id']}/tokens/", as_of=moment.isoformat()).expect(200)
    assert past == seen
    history = hospital.desk.get(f"tokens/{seen[0]['id']}/explain/").expect(200)["history"]
    assert {"slot.paused", "slot.finished", "token.not_seen"} <= {event["type"] for event in history}

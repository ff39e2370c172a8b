"""Section 15: tracking links."""

import base64
import secrets
from datetime import datetime, timedelta
from typing import Any

import pytest

from tests.support.api import Answer, Api
from tests.support.hospital import Hospital, when
from tests.support.shapes import assert_shape, moment, one_of, or_null, text, ticket, whole

Json = dict[str, Any]
LINK = {"url": text, "code": text, "expires_at": moment}
TRACKED = {
    "ticket": ticket, "status": text, "token_number": or_null(whole), "ahead": or_null(whole),
    "estimated_time": or_null(moment), "estimated_from": or_null(moment), "estimated_to": or_null(moment),
    "room_name": or_null(text), "doctor_name": text, "start_time": moment, "facility_name": text,
    "message_key": text,
    "actions": lambda names: all(one_of("cancel", "check_in", "let_pass")(name) for name in names),
}  # fmt: skip


def link_of(hospital: Hospital, token: Json, *, by: Api | None = None) -> str:
    code: str = (by or hospital.desk).post(f"tokens/{token['id']}/link/").expect(201)["code"]
    return code


def track(hospital: Hospital, code: str) -> Json:
    return hospital.nobody.get(f"track/{code}/").expect(200)


def unique_code() -> str:
    return f"R{secrets.token_hex(4)}"


def events_of(hospital: Hospital, token: Json) -> list[Json]:
    return hospital.desk.get("events/", token=token["id"]).expect(200)["results"]


def today(hospital: Hospital) -> Json:
    """Return a slot that starts in half an hour, so that its patients can check in."""
    return hospital.slot(start=hospital.now() + timedelta(minutes=30))


def test_a_link_is_valid_until_the_end_of_the_day_after_the_slot(hospital: Hospital) -> None:
    slot = hospital.slot(start=hospital.at("10:00", day=3))
    link = hospital.desk.post(f"tokens/{hospital.token(slot)['id']}/link/").expect(201)
    assert_shape(link, LINK)
    assert link["url"].endswith(f"/t/{link['code']}")
    assert len(base64.urlsafe_b64decode(link["code"])) * 8 == 192
    assert when(link["expires_at"]) == hospital.at("00:00", day=5)


def test_whoever_has_the_code_follows_the_token_without_signing_in(hospital: Hospital) -> None:
    slot = hospital.slot(start=hospital.now() + timedelta(minutes=30), consultation=10)
    first, second = hospital.token(slot, arrived=True), hospital.token(slot)
    shown = track(hospital, link_of(hospital, second))
    assert_shape(shown, TRACKED)
    token = hospital.read(second)
    for name in ("ticket", "status", "token_number", "estimated_time"):
        assert shown[name] == token[name], name
    assert shown["ahead"] == 1
    assert when(shown["estimated_from"]) <= when(shown["estimated_time"]) < when(shown["estimated_to"])
    assert (shown["doctor_name"], shown["start_time"]) == (slot["doctor_name"], slot["start_time"])
    assert first["ticket"] not in str(shown)


def test_the_state_names_the_message_and_the_actions(hospital: Hospital) -> None:
    slot = today(hospital)
    token = hospital.token(slot)
    code = link_of(hospital, token)

    def state() -> tuple[str, str, list[str]]:
        shown = track(hospital, code)
        return shown["status"], shown["message_key"], shown["actions"]

    later = track(hospital, link_of(hospital, hospital.token(hospital.slot())))
    assert (later["message_key"], later["actions"]) == ("come_later", ["cancel"])
    assert state() == ("CONFIRMED", "check_in_open", ["cancel", "check_in"])
    hospital.token(slot, arrived=True)
    hospital.done(token, "check_in")
    assert state() == ("CHECKED_IN", "next", ["cancel", "let_pass"])
    hospital.done(token, "call")
    assert state() == ("CALLED", "go_to_room", ["cancel"])
    hospital.done(token, "start")
    assert state() == ("IN_CONSULTATION", "in_consultation", [])
    hospital.done(token, "complete")
    assert state() == ("COMPLETED", "completed", [])


def test_a_missing_patient_is_told_to_come_to_the_desk(hospital: Hospital) -> None:
    token = hospital.token(today(hospital), arrived=True)
    code = link_of(hospital, token)
    hospital.done(token, "no_show")
    assert track(hospital, code)["message_key"] == "missed_come_to_desk"


def test_the_patient_cancels_checks_in_and_the_log_names_the_link(hospital: Hospital) -> None:
    slot = hospital.slot(start=hospital.now() + timedelta(minutes=30), capacity=1)
    token = hospital.token(slot)
    hospital.entry(slot)
    code = link_of(hospital, token)
    assert hospital.nobody.post(f"track/{code}/check_in/").expect(200)["status"] == "CHECKED_IN"
    hospital.nobody.post(f"track/{code}/check_in/").expect(409, "invalid-transition")
    cancelled = hospital.nobody.post(f"track/{code}/cancel/").expect(200)
    assert_shape(cancelled, TRACKED)
    assert cancelled["status"] == "CANCELLED"
    assert hospital.slot_now(slot)["waiting_count"] == 0
    issued, checked_in, gone = events_of(hospital, token)[-3:]
    assert (issued["type"], checked_in["type"], gone["type"]) == (
        "link.issued", "token.checked_in", "token.cancelled",
    )  # fmt: skip
    assert checked_in["actor"] == gone["actor"] == f"link:{issued['data']['link']}"
    assert code not in str(events_of(hospital, token))


def test_nobody_checks_in_by_link_before_it_opens(hospital: Hospital) -> None:
    slot = hospital.slot(start=hospital.at("12:00", day=1))
    code = link_of(hospital, hospital.token(slot))
    refused = hospital.nobody.post(f"track/{code}/check_in/").expect(409, "check-in-not-open")
    assert when(refused["opens_at"]) == when(slot["start_time"]) - timedelta(hours=1)


def test_a_seat_that_the_desk_keeps_is_not_given_up_by_the_link(hospital: Hospital) -> None:
    token = hospital.token(hospital.slot())
    code = link_of(hospital, token)
    hospital.do(token, "buffer").expect(200)
    assert track(hospital, code)["actions"] == []
    hospital.nobody.post(f"track/{code}/cancel/").expect(409, "invalid-transition")


def not_found(hospital: Hospital, code: str) -> list[Answer]:
    calls = [("GET", ""), ("POST", "cancel/"), ("POST", "check_in/")]
    return [hospital.nobody.call(method, f"track/{code}/{path}") for method, path in calls]


def test_unknown_revoked_and_expired_codes_answer_the_same_bytes(hospital: Hospital, clock: Any) -> None:
    token = hospital.token(hospital.slot())
    revoked = link_of(hospital, token)
    expired = link_of(hospital, token)
    clock.set(when(hospital.slot_now({"id": token["slot"]})["end_time"]) + timedelta(days=3))
    answers = [not_found(hospital, code) for code in ("A" * 32, "x", "%20", revoked, expired)]
    bodies = {answer.raw for each in answers for answer in each}
    assert len(bodies) == 1
    for each in answers:
        for answer in each:
            answer.expect(404, "not-found")
    headers = {
        frozenset((n, v) for n, v in a.headers.items() if n.lower() != "x-request-id") for e in answers for a in e
    }
    assert len(headers) == 1


def test_a_code_expires_at_midnight_after_the_next_day(hospital: Hospital, clock: Any) -> None:
    token = hospital.token(hospital.slot())
    link = hospital.desk.post(f"tokens/{token['id']}/link/").expect(201)
    clock.set(when(link["expires_at"]) - timedelta(seconds=1))
    track(hospital, link["code"])
    clock.set(when(link["expires_at"]))
    hospital.nobody.get(f"track/{link['code']}/").expect(404, "not-found")
    hospital.desk.post(f"tokens/{token['id']}/link/").expect(409, "invalid-transition")


def test_a_new_link_revokes_the_one_before(hospital: Hospital) -> None:
    token = hospital.token(hospital.slot())
    old, new = link_of(hospital, token), link_of(hospital, token)
    hospital.nobody.get(f"track/{old}/").expect(404, "not-found")
    track(hospital, new)


def test_a_repeated_request_gets_the_same_link(hospital: Hospital) -> None:
    path, key = f"tokens/{hospital.token(hospital.slot())['id']}/link/", {"Idempotency-Key": "link"}
    first = hospital.desk.post(path, headers=key)
    again = hospital.desk.post(path, headers=key)
    assert first.expect(201) == again.expect(201)
    assert again.headers["Idempotency-Replayed"] == "true"
    track(hospital, first.body["code"])


def test_a_repeated_cancellation_by_link_is_replayed(hospital: Hospital) -> None:
    code, key = link_of(hospital, hospital.token(hospital.slot())), {"Idempotency-Key": "go"}
    first = hospital.nobody.post(f"track/{code}/cancel/", headers=key).expect(200)
    again = hospital.nobody.post(f"track/{code}/cancel/", headers=key)
    assert (again.expect(200), again.headers["Idempotency-Replayed"]) == (first, "true")


def test_a_client_that_has_the_answer_gets_304(hospital: Hospital) -> None:
    token = hospital.token(hospital.slot())
    code = link_of(hospital, token)
    tag = hospital.nobody.get(f"track/{code}/").headers["etag"]
    same = hospital.nobody.call("GET", f"track/{code}/", headers={"If-None-Match": tag})
    assert (same.status, same.raw) == (304, b"")
    hospital.do(token, "cancel").expect(200)
    assert hospital.nobody.call("GET", f"track/{code}/", headers={"If-None-Match": tag}).status == 200


def test_who_may_issue_a_link(hospital: Hospital) -> None:
    patient = hospital.patient()
    doctor = hospital.doctor()
    token = hospital.token(hospital.slot(doctor), patient)
    for caller in (hospital.admin, hospital.desk, hospital.patient_user(patient), hospital.key("book")):
        link_of(hospital, token, by=caller)
    path = f"tokens/{token['id']}/link/"
    hospital.doctor_user(doctor).post(path).expect(403)
    hospital.key("read").post(path).expect(403)
    hospital.patient_user(hospital.patient()).post(path).expect(404)
    hospital.nobody.post(path).expect(401)
    hospital.desk.post("tokens/0192e0c5-9d3c-7e50-9b22-4d8f5c3e6071/link/").expect(404)


@pytest.mark.parametrize("path", ["link", "check_in", "cancel"])
def test_unknown_fields_are_refused(hospital: Hospital, path: str) -> None:
    token = hospital.token(hospital.slot())
    if path == "link":
        answer = hospital.desk.post(f"tokens/{token['id']}/link/", {"days": 3})
    else:
        answer = hospital.nobody.post(f"track/{link_of(hospital, token)}/{path}/", {"days": 3})
    assert answer.expect(400)["errors"][0]["code"] == "unknown-field"


def test_the_range_is_in_steps_of_five_minutes(hospital: Hospital) -> None:
    slot = hospital.slot(start=hospital.at("09:00"), consultation=7)
    tokens = [hospital.token(slot, arrived=True) for _ in range(5)]
    for token in tokens:
        shown = track(hospital, link_of(hospital, token))
        times = [datetime.fromisoformat(shown[name]) for name in ("estimated_from", "estimated_to")]
        assert [each.minute % 5 for each in times] == [0, 0]
        assert times[0] >= when(slot["start_time"])


def test_the_patient_is_told_the_rooms_and_then_the_room(hospital: Hospital) -> None:
    rooms = [
        hospital.admin.post("rooms/", {"name": f"Room {code}", "code": unique_code()}).expect(201) for code in "AB"
    ]
    slot = today(hospital)
    hospital.desk.patch(f"slots/{slot['id']}/", {"rooms": [room["id"] for room in rooms]}).expect(200)
    token = hospital.token(slot, arrived=True)
    code = link_of(hospital, token)
    assert track(hospital, code)["room_name"] == "Room A, Room B"
    hospital.do(token, "call", {"room": rooms[1]["id"]}).expect(200)
    assert track(hospital, code)["room_name"] == "Room B"


def test_a_patient_lets_others_pass(hospital: Hospital) -> None:
    slot = today(hospital)
    tokens = [hospital.token(slot, arrived=True) for _ in range(4)]
    code = link_of(hospital, tokens[0])
    moved = hospital.nobody.post(f"track/{code}/let_pass/", {"places": 2}).expect(200)
    assert (moved["status"], moved["token_number"], moved["ahead"]) == ("CHECKED_IN", 3, 2)
    assert hospital.nobody.post(f"track/{code}/let_pass/", {"places": 10}).expect(200)["token_number"] == 4
    assert hospital.nobody.post(f"track/{code}/let_pass/", {"places": 1}).expect(200)["token_number"] == 4
    assert track(hospital, code)["actions"] == ["cancel"]


@pytest.mark.parametrize("places", [0, 11, -1, "2", 1.5, None])
def test_let_pass_takes_one_to_ten_places(hospital: Hospital, places: Any) -> None:
    code = link_of(hospital, hospital.token(today(hospital), arrived=True))
    assert "places" in hospital.nobody.post(f"track/{code}/let_pass/", {"places": places}).codes

"""Section 9: requests with one Idempotency-Key make one change and get the same response."""

from typing import Any
from uuid import uuid4

import pytest

from tests.support.api import Answer, Api
from tests.support.hospital import Hospital, phone, unique

Json = dict[str, Any]
REPLAYED = "idempotency-replayed"


def key() -> dict[str, str]:
    return {"Idempotency-Key": str(uuid4())}


def same(first: Answer, second: Answer) -> None:
    assert second.status == first.status, str(second)
    assert second.raw == first.raw, "the first answer again, to the byte"
    assert second.headers.get(REPLAYED) == "true"
    assert first.headers.get(REPLAYED) is None


def booking(hospital: Hospital, slot: Json) -> Json:
    return {"slot_id": slot["id"], "patient_id": hospital.patient()["id"], "category": "WALKIN"}


def test_a_booking_sent_twice_makes_one_token(hospital: Hospital) -> None:
    slot, sent = hospital.slot(), key()
    body = booking(hospital, slot)
    first, second = (hospital.desk.post("tokens/", body, headers=sent) for _ in range(2))
    first.expect(201)
    same(first, second)
    assert len(hospital.tokens_of(slot)) == 1


def test_the_answer_is_the_first_one_even_after_things_moved_on(hospital: Hospital) -> None:
    slot, sent = hospital.slot(), key()
    body = booking(hospital, slot)
    first = hospital.desk.post("tokens/", body, headers=sent)
    hospital.do(first.expect(201), "cancel").expect(200)
    same(first, hospital.desk.post("tokens/", body, headers=sent))
    assert len(hospital.tokens_of(slot)) == 1


def test_a_waitlisting_sent_twice_makes_one_entry(hospital: Hospital) -> None:
    slot, _ = hospital.full_slot(1)
    sent, body = key(), booking(hospital, slot)
    first, second = (hospital.desk.post("tokens/", body, headers=sent) for _ in range(2))
    first.expect(202)
    same(first, second)
    assert len(hospital.waiting(slot)) == 1


def test_a_dry_run_keeps_no_answer_and_leaves_the_key_free(hospital: Hospital) -> None:
    slot, sent = hospital.slot(), key()
    place = f"slots/{slot['id']}/delay/"
    dry, now = f"{place}?dry_run=true", {"delay_minutes": 20}
    first = hospital.desk.put(dry, now, headers=sent)
    assert first.expect(200)["slot"]["max_capacity"] == slot["max_capacity"]
    hospital.desk.patch(f"slots/{slot['id']}/", {"max_capacity": slot["max_capacity"] + 1}).expect(200)
    second = hospital.desk.put(dry, now, headers=sent)
    assert REPLAYED not in second.headers
    assert second.expect(200)["slot"]["max_capacity"] == slot["max_capacity"] + 1
    done = hospital.desk.put(place, now, headers=sent)
    assert done.expect(200)["slot"]["delay_minutes"] == 20
    same(done, hospital.desk.put(place, now, headers=sent))
    hospital.desk.put(dry, now, headers=sent).expect(422, "idempotency-mismatch")


@pytest.mark.parametrize("collection", ["patients", "slots", "doctors", "facilities"])
def test_a_change_that_changes_nothing_leaves_the_key_free(hospital: Hospital, collection: str) -> None:
    things = {"patients": hospital.patient, "slots": hospital.slot, "doctors": hospital.doctor}
    made = things.get(collection, lambda: hospital.facility)()
    sent, place = key(), f"{collection}/{made['id']}/"
    methods = ["PATCH"] if collection == "facilities" else ["PATCH", "PUT"]
    for method in methods:
        for _ in range(2):
            answer = hospital.admin.call(method, place, hospital.admin.get(place).expect(200), headers=sent)
            answer.expect(200)
            assert REPLAYED not in answer.headers
    hospital.admin.patch(place, {}, headers=sent).expect(200)
    change: dict[str, Any] = {"max_capacity": 7} if collection == "slots" else {"name": unique()}
    done = hospital.admin.patch(place, change, headers=sent)
    done.expect(200)
    same(done, hospital.admin.patch(place, change, headers=sent))


def test_every_kind_of_write_takes_a_key(hospital: Hospital) -> None:
    slot = hospital.slot()
    token, urgent = hospital.token(slot), hospital.emergency(slot)
    full, _ = hospital.full_slot(1)
    entry, patient, doomed, closing = hospital.entry(full), hospital.patient(), hospital.slot(), hospital.slot()
    start = hospital.at("17:00")
    plan = {
        "doctor": slot["doctor"],
        "start_time": start.isoformat(),
        "end_time": start.replace(hour=18).isoformat(),
        "max_capacity": 2,
    }
    day = hospital.at(day=8).date().isoformat()
    bulk = {
        "doctor_id": slot["doctor"],
        "start_date": day,
        "end_date": day,
        "start_time": "09:00",
        "end_time": "10:00",
        "duration_minutes": 30,
    }
    for method, path, body in (
        ("POST", "patients/", {"name": unique(), "phone": phone()}),
        ("PATCH", f"patients/{patient['id']}/", {"needs_assistance": True}),
        ("DELETE", f"patients/{patient['id']}/", None),
        ("POST", "slots/", plan),
        ("POST", "slots/bulk/", bulk),
        ("PATCH", f"slots/{slot['id']}/", {"max_capacity": 9}),
        ("PUT", f"slots/{slot['id']}/delay/", {"delay_minutes": 10}),
        ("POST", f"slots/{doomed['id']}/cancel/", {"reason": "ill"}),
        ("POST", f"slots/{closing['id']}/close/", {}),
        ("POST", f"tokens/{token['id']}/check_in/", {}),
        ("POST", f"slots/{slot['id']}/call_next/", {}),
        ("POST", f"tokens/{urgent['id']}/start/", {}),
        ("POST", f"tokens/{urgent['id']}/complete/", {}),
        ("POST", "tokens/emergency/", {"slot_id": slot["id"], "patient_id": hospital.patient()["id"]}),
        ("DELETE", f"tokens/{token['id']}/", None),
        ("DELETE", f"waiting-list/{entry['id']}/", None),
    ):  # fmt: skip
        sent = key()
        first, second = (hospital.desk.call(method, path, body, headers=sent) for _ in range(2))
        assert first.status < 300, str(first)
        same(first, second)


def test_another_request_with_the_key_is_a_mismatch(hospital: Hospital) -> None:
    slot, sent = hospital.slot(), key()
    body = booking(hospital, slot)
    token = hospital.desk.post("tokens/", body, headers=sent).expect(201)
    others: list[tuple[str, str, Json]] = [
        ("POST", "tokens/", booking(hospital, slot)),
        ("POST", "tokens/", {**body, "category": "ONLINE"}),
        ("POST", "tokens/?x=1", body),
        ("POST", f"tokens/{token['id']}/check_in/", {}),
        ("POST", "patients/", {"name": unique(), "phone": phone()}),
    ]
    for method, path, other in others:
        hospital.desk.call(method, path, other, headers=sent).expect(422, "idempotency-mismatch")
    assert hospital.read(token)["status"] == "CONFIRMED"
    assert len(hospital.tokens_of(slot)) == 1


def test_the_query_belongs_to_the_request(hospital: Hospital) -> None:
    token, sent = hospital.token(hospital.slot()), key()
    hospital.desk.delete(f"tokens/{token['id']}/?buffer=true", headers=sent).expect(200)
    hospital.desk.delete(f"tokens/{token['id']}/", headers=sent).expect(422, "idempotency-mismatch")
    assert hospital.read(token)["status"] == "BUFFER"


def test_after_an_error_the_key_is_free(hospital: Hospital) -> None:
    slot, (token,) = hospital.full_slot(1)
    sent, body = key(), {**booking(hospital, slot), "join_waiting_list": False}
    hospital.desk.post("tokens/", body, headers=sent).expect(409, "slot-full")
    hospital.do(token, "cancel").expect(200)
    made = hospital.desk.post("tokens/", body, headers=sent)
    made.expect(201)
    assert made.headers.get(REPLAYED) is None
    bad = {**body, "category": "VIP"}
    other = key()
    hospital.desk.post("tokens/", bad, headers=other).expect(400, "validation-error")
    hospital.desk.post("patients/", {"name": unique(), "phone": phone()}, headers=other).expect(201)


def test_a_key_belongs_to_its_user(hospital: Hospital) -> None:
    sent = key()
    one, two = hospital.slot(), hospital.slot()
    hospital.desk.post("tokens/", booking(hospital, one), headers=sent).expect(201)
    other = hospital.admin.post("tokens/", booking(hospital, two), headers=sent)
    other.expect(201)
    assert other.headers.get(REPLAYED) is None


@pytest.mark.parametrize(
    "bad", ["", "x" * 256, "with space", "tab\there", "ünïcode"], ids=["empty", "256", "space", "tab", "latin"]
)
def test_a_key_has_1_to_255_visible_characters(hospital: Hospital, bad: str) -> None:
    """An inner space is not a visible character; a server may strip leading and trailing ones."""
    slot = hospital.slot()
    try:
        answer = hospital.desk.post("tokens/", booking(hospital, slot), headers={"Idempotency-Key": bad})
    except UnicodeEncodeError:
        return
    answer.expect(400, "validation-error")
    assert hospital.tokens_of(slot) == []


@pytest.mark.parametrize("good", ["x", "x" * 255, "!~#%&()*+,-./:;<=>?@[]^_{|}"], ids=["1", "255", "signs"])
def test_any_visible_characters_are_a_key(hospital: Hospital, good: str) -> None:
    user = hospital.user("FRONT_DESK")
    body, sent = booking(hospital, hospital.slot()), {"Idempotency-Key": good}
    same(user.post("tokens/", body, headers=sent), user.post("tokens/", body, headers=sent))


def test_a_get_does_not_mind_a_key(hospital: Hospital) -> None:
    sent = key()
    assert hospital.desk.call("GET", "slots/", headers=sent).status == 200
    assert hospital.desk.call("GET", "tokens/", headers=sent).status == 200


def test_a_key_is_kept_24_hours(hospital: Hospital, clock: Any) -> None:
    sent = key()
    body = {"name": unique(), "phone": phone()}
    first = hospital.desk.post("patients/", body, headers=sent)
    clock.advance(hours=23, minutes=59)
    same(first, hospital.desk.post("patients/", body, headers=sent))


def test_a_system_with_a_key_of_its_own_is_safe_to_retry_too(hospital: Hospital) -> None:
    system: Api = hospital.key("operate")
    slot, sent = hospital.slot(), key()
    body = booking(hospital, slot)
    same(system.post("tokens/", body, headers=sent), system.post("tokens/", body, headers=sent))
    assert len(hospital.tokens_of(slot)) == 1

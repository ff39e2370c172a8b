"""Section 14: two records of one person are merged."""

import secrets
from typing import Any

import pytest

from tests.support.hospital import PASSWORD, Hospital, Json

pytestmark = pytest.mark.usefixtures("invariants_hold")


def merge(hospital: Hospital, patient: Json, into: Json, **facts: Any) -> Any:
    return hospital.desk.post(f"patients/{patient['id']}/merge/", {"into": into["id"]}, **facts)


def portal_user() -> Json:
    name = f"u{secrets.token_hex(5)}"
    return {"username": name, "email": f"{name}@example.org", "password": PASSWORD, "role": "PATIENT"}


def test_tokens_entries_and_users_move(hospital: Hospital) -> None:
    old, new = hospital.patient(), hospital.patient()
    user = hospital.patient_user(old)
    past = hospital.token(hospital.slot(), old)
    hospital.done(past, "check_in", "call", "start", "complete")
    token = hospital.token(hospital.slot(), old)
    full, _ = hospital.full_slot(1)
    entry = hospital.entry(full, old)
    assert merge(hospital, old, new).expect(200) == new
    for each in (past, token):
        assert (hospital.read(each)["patient"], hospital.read(each)["patient_name"]) == (new["id"], new["name"])
    assert hospital.entry_now(entry)["patient"] == new["id"]
    assert [each["id"] for each in user.get("auth/me/").expect(200)["patients"]] == [new["id"]]
    moment = hospital.now()
    listed = hospital.tokens_of({"id": token["slot"]})
    shown = hospital.desk.get(f"slots/{token['slot']}/tokens/", as_of=moment.isoformat()).expect(200)
    assert [each["patient"] for each in shown] == [each["patient"] for each in listed] == [new["id"]]
    log = hospital.desk.get("events/", slot=token["slot"]).expect(200)["results"]
    assert [event["type"] for event in log].count("patient.merged") == 1
    found = hospital.desk.get("patients/", search=old["name"]).expect(200)
    assert found["count"] == 0


def test_the_merged_id_is_gone(hospital: Hospital) -> None:
    old, new = hospital.patient(), hospital.patient()
    user = hospital.patient_user(old)
    merge(hospital, old, new).expect(200)
    path, slot = f"patients/{old['id']}/", hospital.slot()
    answers = [
        hospital.desk.get(path),
        hospital.desk.patch(path, {"name": "Another"}),
        hospital.desk.delete(path),
        user.get(path),
        merge(hospital, old, new),
        merge(hospital, new, old),
        hospital.ask(slot, old),
        hospital.desk.post("tokens/emergency/", {"slot_id": slot["id"], "patient_id": old["id"]}),
        hospital.ask(slot, old, "ONLINE", by=user),
        hospital.admin.post("users/", {**portal_user(), "patients": [old["id"]]}),
    ]
    assert [answer.expect(410, "merged")["into"] for answer in answers] == [new["id"]] * len(answers)
    stranger = hospital.patient_user(hospital.patient())
    stranger.get(path).expect(404, "not-found")
    hospital.ask(slot, old, "ONLINE", by=stranger).expect(404, "not-found")


def test_a_chain_of_mergers_names_the_last_record(hospital: Hospital) -> None:
    first, second, third = (hospital.patient() for _ in range(3))
    merge(hospital, first, second).expect(200)
    merge(hospital, second, third).expect(200)
    assert hospital.desk.get(f"patients/{first['id']}/").expect(410, "merged")["into"] == third["id"]


def test_name_and_phone_are_free_again(hospital: Hospital) -> None:
    old, new = hospital.patient(), hospital.patient()
    merge(hospital, old, new).expect(200)
    hospital.desk.post("patients/", {"name": old["name"], "phone": old["phone"]}).expect(201)


def test_both_with_one_doctor_that_day(hospital: Hospital) -> None:
    old, new, slot = hospital.patient(), hospital.patient(), hospital.slot()
    tokens = [hospital.token(slot, patient) for patient in (old, new)]
    refused = merge(hospital, old, new).expect(409, "duplicate-booking")
    assert refused["existing_token_id"] == tokens[1]["id"]
    assert hospital.read(tokens[0])["patient"] == old["id"]
    hospital.desk.get(f"patients/{old['id']}/").expect(200)
    hospital.do(tokens[1], "cancel").expect(200)
    merge(hospital, old, new).expect(200)


def test_of_two_entries_for_a_slot_the_better_one_stays(hospital: Hospital) -> None:
    old, new = hospital.patient(), hospital.patient()
    slot, _ = hospital.full_slot(1)
    first, second = hospital.entry(slot, new), hospital.entry(slot, old)
    merge(hospital, old, new).expect(200)
    assert hospital.entry_now(first)["status"] == "WAITING"
    assert hospital.entry_now(second)["status"] == "WITHDRAWN"


def test_who_may_merge(hospital: Hospital) -> None:
    old, new = hospital.patient(), hospital.patient()
    body = {"into": new["id"]}
    path = f"patients/{old['id']}/merge/"
    for caller in (hospital.patient_user(old, new), hospital.doctor_user(hospital.doctor()), hospital.key("book")):
        caller.post(path, body).expect(403, "permission-denied")
    hospital.desk.post(path, {"into": old["id"]}).expect(400, "validation-error")
    hospital.desk.post(path, {"into": hospital.slot()["id"]}).expect(404, "not-found")
    hospital.desk.post(path, {}).expect(400, "validation-error")
    key = {"Idempotency-Key": f"merge-{old['id']}"}
    first, again = (hospital.admin.post(path, body, headers=key) for _ in range(2))
    assert first.expect(200) == again.expect(200)

"""Responses leak nothing to caches, about other users' events or about staff."""

import json
import uuid

import pytest

from accounts import users
from tests.factories import first_admin
from tests.support.api import in_process
from tests.support.hospital import PASSWORD, Hospital

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def hospital() -> Hospital:
    return Hospital(in_process(), first_admin(PASSWORD).username, PASSWORD)


def test_no_cache_stores_an_answer_that_names_a_person(hospital: Hospital) -> None:
    slot = hospital.slot(capacity=1)
    token = hospital.token(slot)
    hospital.entry(slot)
    paths = [
        f"slots/{slot['id']}/tokens/", f"slots/{slot['id']}/tokens/?in_queue=true", "slots/", f"slots/{slot['id']}/",
        "tokens/", f"tokens/{token['id']}/", f"tokens/{token['id']}/explain/", "waiting-list/",
        f"waiting-list/by_slot/?slot_id={slot['id']}", "patients/", f"patients/{token['patient']}/", "doctors/",
        "auth/me/", "reports/daily/", "events/",
    ]  # fmt: skip
    for path in paths:
        answer = hospital.desk.get(path)
        answer.expect(200)
        assert answer.headers["cache-control"] == "no-store", path
        if (tag := answer.headers.get("etag")) and "tokens" in path:
            again = hospital.desk.call("GET", path, headers={"If-None-Match": tag})
            assert (again.status, again.headers["cache-control"], again.headers["etag"]) == (304, "no-store", tag)


def test_an_event_of_another_doctor_is_answered_as_one_that_does_not_exist(hospital: Hospital) -> None:
    own = hospital.doctor()
    doctor = hospital.doctor_user(own)
    hospital.token(hospital.slot(own))
    hospital.token(hospital.slot())
    events = hospital.desk.get("events/").expect(200)["results"]
    mine = {each["id"] for each in doctor.get("events/").expect(200)["results"]}
    foreign = [each["id"] for each in events if each["id"] not in mine]
    assert mine
    assert foreign
    unknown = doctor.get("events/", after=uuid.uuid4()).expect(404, "not-found")
    for event_id in foreign:
        assert doctor.get("events/", after=event_id).expect(404, "not-found") == unknown
    for event_id in mine:
        doctor.get("events/", after=event_id).expect(200)


def test_patients_see_roles_instead_of_staff_names(hospital: Hospital) -> None:
    patient, slot = hospital.patient(), hospital.slot()
    person, system = hospital.patient_user(patient), hospital.key("operate")
    token = hospital.token(slot, patient, "ONLINE", by=person)
    leaver = hospital.user("FRONT_DESK")
    hospital.do(token, "check_in", by=system).expect(200)
    hospital.do(token, "call", by=leaver).expect(200)
    hospital.do(token, "requeue").expect(200)
    hospital.emergency(slot)
    hospital.delay(slot, 5)
    gone = leaver.get("auth/me/").expect(200)["id"]
    users.remove_user(user_id=uuid.UUID(gone), by="user:x")

    told = person.get(f"tokens/{token['id']}/explain/").expect(200)["history"]
    staff = hospital.desk.get(f"tokens/{token['id']}/explain/").expect(200)["history"]
    assert [each["actor"] for each in told] == ["PATIENT", "KEY", "USER", "FRONT_DESK", None, "FRONT_DESK"]
    text = json.dumps(told)
    for each in staff:
        if each["actor"]:
            assert each["actor"].split(":")[1] not in text
    assert next(each["actor"] for each in staff if each["actor"]).startswith("user:")

"""A stored response is replayed only to callers who are still permitted to see it."""

from typing import Any
from uuid import UUID

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from accounts.models import User
from tests.factories import first_admin
from tests.support.api import Api, in_process
from tests.support.hospital import PASSWORD, Hospital, phone, unique

pytestmark = pytest.mark.django_db(transaction=True)

Json = dict[str, Any]


@pytest.fixture
def hospital() -> Hospital:
    return Hospital(in_process(), first_admin(PASSWORD).username, PASSWORD)


def keyed(api: Api, method: str, path: str, body: Json | None = None, key: str = "k") -> Any:
    return api.call(method, path, body, headers={"Idempotency-Key": key})


def change(hospital: Hospital, api: Api, **changes: Any) -> None:
    """Change the user's role or links; sign in again if the session has ended."""
    user = api.get("auth/me/").expect(200)["id"]
    hospital.admin.patch(f"users/{user}/", changes).expect(200)


@pytest.fixture
def patient(hospital: Hospital) -> Json:
    return hospital.patient()


def test_a_caller_unlinked_from_the_record_is_not_shown_the_booking(hospital: Hospital, patient: Json) -> None:
    person, slot = hospital.patient_user(patient), hospital.slot()
    body = {"slot_id": slot["id"], "patient_id": patient["id"], "category": "ONLINE"}
    token = keyed(person, "POST", "tokens/", body).expect(201)
    assert keyed(person, "POST", "tokens/", body).expect(201) == token
    cancelled = keyed(person, "DELETE", f"tokens/{token['id']}/", key="d")
    assert keyed(person, "DELETE", f"tokens/{token['id']}/", key="d").expect(200) == cancelled.expect(200)
    change(hospital, person, patients=[])
    keyed(person, "POST", "tokens/", body).expect(404, "not-found")
    keyed(person, "DELETE", f"tokens/{token['id']}/", key="d").expect(404, "not-found")


def test_a_caller_unlinked_from_the_record_is_not_shown_its_change(hospital: Hospital, patient: Json) -> None:
    person, path = hospital.patient_user(patient), f"patients/{patient['id']}/"
    changes = {"phone": phone()}
    changed = keyed(person, "PATCH", path, changes).expect(200)
    assert keyed(person, "PATCH", path, changes).expect(200) == changed
    change(hospital, person, patients=[])
    keyed(person, "PATCH", path, changes).expect(404, "not-found")


def test_a_caller_unlinked_from_the_record_is_not_shown_its_registration(hospital: Hospital, patient: Json) -> None:
    person, body = hospital.patient_user(patient), {"name": unique("Child"), "phone": phone()}
    made = keyed(person, "POST", "patients/", body).expect(201)
    assert keyed(person, "POST", "patients/", body).expect(201) == made
    change(hospital, person, patients=[patient["id"]])
    keyed(person, "POST", "patients/", body).expect(404, "not-found")


@pytest.mark.parametrize("role", ["PATIENT", "DOCTOR"])
def test_a_desk_that_became_somebody_else(hospital: Hospital, patient: Json, role: str) -> None:
    desk, slot = hospital.user("FRONT_DESK"), hospital.slot()
    booking = {"slot_id": slot["id"], "patient_id": patient["id"], "category": "ONLINE"}
    urgent = {"slot_id": slot["id"], "patient_id": hospital.patient()["id"]}
    record = {"name": unique("Asha"), "phone": phone()}
    token = keyed(desk, "POST", "tokens/", booking, "1").expect(201)
    asked = [
        ("POST", "tokens/", booking, 201, "1"),
        ("POST", f"tokens/{token['id']}/check_in/", {}, 200, "2"),
        ("POST", "tokens/emergency/", urgent, 201, "3"),
        ("POST", "patients/", record, 201, "4"),
        ("PATCH", f"patients/{patient['id']}/", {"phone": phone()}, 200, "5"),
        ("POST", f"slots/{slot['id']}/call_next/", {}, 200, "6"),
        ("PUT", f"slots/{slot['id']}/delay/", {"delay_minutes": 5}, 200, "7"),
    ]
    first = [keyed(desk, method, path, body, key).expect(status) for method, path, body, status, key in asked]
    again = [keyed(desk, method, path, body, key).expect(status) for method, path, body, status, key in asked]
    assert first == again
    change(hospital, desk, role=role)
    for method, path, body, _, key in asked:
        answer = keyed(desk, method, path, body, key)
        assert answer.status in (403, 404), str(answer)
        assert "idempotency-replayed" not in answer.headers


def test_a_doctor_who_left_the_slot(hospital: Hospital) -> None:
    own = hospital.doctor()
    doctor, slot = hospital.doctor_user(own), hospital.slot(own)
    token = hospital.token(slot, arrived=True)
    path = f"slots/{slot['id']}/call_next/"
    called = keyed(doctor, "POST", path).expect(200)
    assert keyed(doctor, "POST", path).expect(200) == called
    assert called["id"] == token["id"]
    change(hospital, doctor, doctor=hospital.doctor()["id"])
    answer = keyed(doctor, "POST", path)
    assert answer.status in (403, 404), str(answer)


def test_an_answer_about_a_deleted_object_is_still_replayed_to_permitted_callers(hospital: Hospital) -> None:
    doctor, patient, slot = hospital.doctor(), hospital.patient(), hospital.slot()
    for api, path in (
        (hospital.admin, f"doctors/{doctor['id']}/"),
        (hospital.desk, f"patients/{patient['id']}/"),
        (hospital.desk, f"slots/{slot['id']}/"),
    ):
        keyed(api, "DELETE", path, key=path).expect(204)
        again = keyed(api, "DELETE", path, key=path)
        again.expect(204)
        assert again.headers["idempotency-replayed"] == "true"
    family = hospital.patient()
    person = hospital.patient_user(family)
    keyed(person, "DELETE", f"patients/{family['id']}/").expect(204)
    keyed(person, "DELETE", f"patients/{family['id']}/").expect(204)


def test_a_replay_to_a_caller_who_sees_everything_takes_no_extra_statement(hospital: Hospital, patient: Json) -> None:
    user = UUID(hospital.desk.get("auth/me/").expect(200)["id"])
    assert User.objects.filter(pk=user).exists()
    body, slot = {"name": unique("Asha"), "phone": phone()}, hospital.slot()
    keyed(hospital.desk, "POST", "patients/", body).expect(201)
    booking = {"slot_id": slot["id"], "patient_id": patient["id"], "category": "WALKIN"}
    keyed(hospital.desk, "POST", "tokens/", booking, "b").expect(201)
    for path, sent, key in (("patients/", body, "k"), ("tokens/", booking, "b")):
        with CaptureQueriesContext(connection) as queries:
            keyed(hospital.desk, "POST", path, sent, key).expect(201)
        asked = [each["sql"] for each in queries.captured_queries if each["sql"] not in ("BEGIN", "COMMIT")]
        assert len(asked) <= 2, asked  # the session; the stored response, for a booking in one statement with the locks

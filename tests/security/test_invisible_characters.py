"""Displayed text contains no invisible characters, so two names that look the same are the same."""

from typing import Any

import pytest
from django.test import Client

from accounts.models import User
from patients.models import Patient
from tests.factories import first_admin
from tests.support.api import in_process
from tests.support.hospital import PASSWORD, Hospital
from tests.unit.core.test_visible_text import INVISIBLE, REAL_NAMES

NAME = "As{}ha"


@pytest.fixture
def hospital(db: None) -> Hospital:
    return Hospital(in_process(), first_admin(PASSWORD).username, PASSWORD)


def refused(answer: Any, field: str) -> None:
    answer.expect(400, "validation-error")
    assert answer.codes == {field: "invisible-character"}, str(answer)


@pytest.mark.parametrize("mark", INVISIBLE)
def test_a_patient_has_a_name_that_can_be_seen(hospital: Hospital, mark: str) -> None:
    body = {"phone": "+91 98860 55001"}
    refused(hospital.desk.post("patients/", {**body, "name": NAME.format(mark)}), "name")
    made = hospital.desk.post("patients/", {**body, "name": "Asha"}).expect(201)
    refused(hospital.desk.patch(f"patients/{made['id']}/", {"name": NAME.format(mark)}), "name")
    assert hospital.desk.get("patients/").expect(200)["count"] == 1


@pytest.mark.parametrize("name", REAL_NAMES)
def test_real_names_of_any_script_are_taken_as_they_are(hospital: Hospital, name: str) -> None:
    made = hospital.desk.post("patients/", {"name": name, "phone": "+91 98860 55001"}).expect(201)
    assert made["name"] == name
    found = hospital.desk.get("patients/", search=name).expect(200)["results"]
    assert [each["id"] for each in found] == [made["id"]]


@pytest.mark.parametrize("mark", ["\u200b", "\u202e", "\u3164"])
def test_other_names_have_no_invisible_characters(hospital: Hospital, mark: str) -> None:
    name = NAME.format(mark)
    doctor = hospital.doctor()
    admin = hospital.admin
    refused(admin.post("doctors/", {"name": name, "specialization": "ENT"}), "name")
    refused(admin.post("doctors/", {"name": "Dr. X", "specialization": name}), "specialization")
    refused(admin.patch(f"doctors/{doctor['id']}/", {"name": name}), "name")
    refused(admin.patch(f"facilities/{hospital.facility['id']}/", {"name": name}), "name")
    refused(admin.post("api-keys/", {"name": name, "scopes": ["read"]}), "name")
    account = {"email": "a@example.org", "password": PASSWORD, "name": name, "phone": "+91 98860 55001"}
    refused(hospital.nobody.post("auth/register/", account), "name")


@pytest.mark.parametrize("mark", ["\u200b", "\u202e", "\x07"])
def test_reasons_have_no_invisible_characters(hospital: Hospital, mark: str) -> None:
    slot, patient = hospital.slot(), hospital.patient()
    text = {"reason": f"chest{mark} pain"}
    body = {"slot_id": slot["id"], "patient_id": patient["id"]}
    expected = "control-character" if mark == "\x07" else "invisible-character"
    for path, more in [(f"slots/{slot['id']}/cancel/", {}), ("tokens/emergency/", body)]:
        answer = hospital.desk.post(path, {**more, **text})
        answer.expect(400, "validation-error")
        assert answer.codes == {"reason": expected}
    written = {**body, "reason": "सीने में दर्द,\nसुबह से; 38.5 °C 🤒"}
    hospital.desk.post("tokens/emergency/", written).expect(201)


@pytest.mark.parametrize("mark", ["\u3164", "\ufe0f", "\u200b"])
def test_user_names_and_addresses_have_no_invisible_characters(hospital: Hospital, mark: str) -> None:
    body = {"username": "nila", "email": "nila@example.org", "password": PASSWORD, "role": "FRONT_DESK"}
    for field, value in [("username", f"ni{mark}la"), ("email", f"nila@exam{mark}ple.org")]:
        answer = hospital.admin.post("users/", {**body, field: value})
        answer.expect(400, "validation-error")
        assert set(answer.codes) == {field}
    patient = {"name": "Nila", "phone": "+91 98860 55001", "email": f"nila@exam{mark}ple.org"}
    answer = hospital.desk.post("patients/", patient)
    answer.expect(400, "validation-error")
    assert set(answer.codes) == {"email"}


def test_the_admin_site_refuses_them_too(hospital: Hospital) -> None:
    client = Client()
    client.force_login(User.objects.get(username="contract-admin"))
    client.post("/admin/patients/patient/add/", {"name": "As\u200bha", "phone": "+91 98860 55001"})
    assert not Patient.objects.exists()

"""Export and erasure of a patient's data."""

import json
from io import StringIO
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from accounts.models import ReadTrail, User
from clinics.models import Slot
from core.ids import new_id
from patients.models import Patient
from patients.privacy import History, mask_name, mask_phone
from tests.factories import a_patient, stored_slot, stored_token
from tests.support.hospital import Hospital
from tokens.models import Token

NAME, PHONE, EMAIL = "Lakshmi Narayanan", "+91 98765 43210", "lakshmi@example.org"


def run(command: str, patient_id: Any) -> str:
    out = StringIO()
    call_command(command, str(patient_id), stdout=out)
    return out.getvalue()


@pytest.fixture
def patient(db: None) -> Patient:
    return a_patient(name=NAME, phone=PHONE, email=EMAIL)


def test_the_export_is_complete(hospital: Hospital, patient: Patient) -> None:
    token = stored_token(stored_slot(), patient=patient, category="EMERGENCY", emergency_reason="chest pain")
    hospital.user("PATIENT", patients=[str(patient.pk)])
    hospital.desk.get(f"patients/{patient.pk}/").expect(200)
    about = json.loads(run("export_patient", patient.pk))
    assert about["patient"]["name"] == NAME
    assert [each["ticket"] for each in about["tokens"]] == [token.ticket]
    assert about["tokens"][0]["emergency_reason"] == "chest pain"
    assert [each["role"] for each in about["accounts"]] == ["PATIENT"]
    assert [each["pgh_label"] for each in about["history"]] == ["insert"]
    assert [each["what"] for each in about["reads"]] == ["patients.read"]
    assert ReadTrail.objects.filter(what="patients.export").count() == 1


def test_a_person_is_forgotten_and_the_counts_stay(hospital: Hospital, patient: Patient) -> None:
    token = stored_token(stored_slot(), patient=patient, status="COMPLETED", emergency_reason="")
    hospital.desk.patch(f"patients/{patient.pk}/", {"email": "other@example.org"}).expect(200)
    said = run("erase_patient", patient.pk)
    assert "L. N." in said
    assert NAME not in said + run("export_patient", patient.pk)
    patient.refresh_from_db()
    assert (patient.name, patient.phone, patient.email, patient.date_of_birth) == ("erased", "", None, None)
    assert Token.objects.filter(patient=patient).get() == token
    assert Slot.objects.count() == 1
    assert not History.objects.filter(name=NAME).exists()
    hospital.desk.get(f"patients/{patient.pk}/").expect(404, "not-found")
    hospital.desk.patch(f"patients/{patient.pk}/", {"name": "Back"}).expect(404)
    hospital.desk.post("patients/", {"name": NAME, "phone": PHONE}).expect(201)


def test_forgetting_twice_and_forgetting_two(patient: Patient) -> None:
    other = a_patient()
    for each in (patient, patient, other):
        run("erase_patient", each.pk)
    assert Patient.objects.filter(name="erased").count() == 2


def test_words_about_the_patient_go_too(patient: Patient) -> None:
    token = stored_token(
        stored_slot(), patient=patient, category="EMERGENCY", status="COMPLETED", emergency_reason="chest pain"
    )
    run("erase_patient", patient.pk)
    token.refresh_from_db()
    assert token.emergency_reason == ""


@pytest.mark.parametrize("status", ["PENDING", "CONFIRMED", "CHECKED_IN", "CALLED", "IN_CONSULTATION"])
def test_who_is_still_expected_is_not_forgotten(patient: Patient, status: str) -> None:
    stored_token(stored_slot(), patient=patient, status=status)
    with pytest.raises(CommandError, match=r"Cancel first: 1 token"):
        run("erase_patient", patient.pk)
    patient.refresh_from_db()
    assert patient.name == NAME


def test_erasure_removes_an_own_account_and_keeps_a_familys(hospital: Hospital, patient: Patient) -> None:
    child = a_patient()
    hospital.user("PATIENT", patients=[str(patient.pk)])
    family = hospital.user("PATIENT", patients=[str(patient.pk), str(child.pk)])
    assert User.objects.filter(role="PATIENT").count() == 2
    run("erase_patient", patient.pk)
    assert User.objects.filter(role="PATIENT").count() == 1
    assert [each["id"] for each in family.get("auth/me/").expect(200)["patients"]] == [str(child.pk)]


def test_a_deleted_record_leaves_a_history_that_can_be_forgotten(hospital: Hospital, patient: Patient) -> None:
    patient_id = patient.pk
    hospital.desk.delete(f"patients/{patient_id}/").expect(204)
    assert NAME in run("export_patient", patient_id)
    run("erase_patient", patient_id)
    assert not History.objects.exists()


@pytest.mark.parametrize("command", ["export_patient", "erase_patient"])
def test_nobody_is_not_found(db: None, command: str) -> None:
    with pytest.raises(CommandError):
        run(command, new_id())
    with pytest.raises(CommandError):
        run(command, "not-an-id")


def test_masks_tell_people_apart_and_no_more() -> None:
    assert mask_name("Lakshmi  Narayanan") == "L. N."
    assert mask_phone("+91 98765 43210") == "••••••••••10"
    assert mask_phone("") == ""


def test_the_erasure_of_a_record_covers_those_merged_into_it(hospital: Hospital) -> None:
    old, new = hospital.patient(), hospital.patient()
    hospital.desk.post(f"patients/{old['id']}/merge/", {"into": new["id"]}).expect(200)
    run("erase_patient", new["id"])
    assert not Patient.objects.filter(name=old["name"]).exists()
    assert not History.objects.filter(pgh_obj_id=old["id"]).exclude(name="erased").exists()

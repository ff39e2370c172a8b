# ruff: noqa: RUF001 - letters that look alike are part of the subject
"""patients/: registration, search by name or phone, changes, and deletion while unused."""

from datetime import timedelta
from typing import Any

import pytest
from django.db import IntegrityError

from core import clock
from core.db.transactions import atomic
from patients.models import Patient
from tests.factories import a_patient, stored_slot, stored_token
from tests.support.hospital import Hospital
from tests.support.shapes import PATIENT, assert_shape

FULL = {
    "name": "Lakshmi Narayanan",
    "phone": "+91 98765 43210",
    "email": "lakshmi@example.org",
    "date_of_birth": "1951-08-15",
    "needs_assistance": True,
}
SHORT = {"name": "Asha Rao", "phone": "+91 98860 55001"}


def test_a_patient_is_registered(hospital: Hospital) -> None:
    made = hospital.desk.post("patients/", FULL).expect(201)
    assert_shape(made, PATIENT)
    assert made | FULL == made
    assert hospital.desk.get(f"patients/{made['id']}/").expect(200) == made


def test_what_is_not_said_has_its_usual_value(hospital: Hospital) -> None:
    made = hospital.desk.post("patients/", SHORT).expect(201)
    assert (made["email"], made["date_of_birth"], made["needs_assistance"]) == (None, None, False)


@pytest.mark.parametrize("again", [SHORT, {"name": " ASHA  rao ", "phone": "+91-98860-55001"}])
def test_the_same_person_is_registered_once(hospital: Hospital, again: dict[str, str]) -> None:
    made = hospital.desk.post("patients/", SHORT).expect(201)
    refused = hospital.desk.post("patients/", again).expect(409, "duplicate-patient")
    assert refused["existing_id"] == made["id"]
    assert hospital.desk.post("patients/", {**again, "allow_duplicate": False}).status == 409


def test_families_share_a_phone(hospital: Hospital) -> None:
    first = hospital.desk.post("patients/", SHORT).expect(201)
    hospital.desk.post("patients/", {**SHORT, "name": "Arjun Rao"}).expect(201)
    second = hospital.desk.post("patients/", {**SHORT, "allow_duplicate": True}).expect(201)
    third = hospital.desk.post("patients/", {**SHORT, "allow_duplicate": True}).expect(201)
    assert len({first["id"], second["id"], third["id"]}) == 3
    assert "allow_duplicate" not in second
    assert hospital.desk.post("patients/", SHORT).expect(409)["existing_id"] == first["id"]


def test_a_namesake_counts_when_the_first_is_gone(hospital: Hospital) -> None:
    first = hospital.desk.post("patients/", SHORT).expect(201)
    second = hospital.desk.post("patients/", {**SHORT, "allow_duplicate": True}).expect(201)
    hospital.desk.delete(f"patients/{first['id']}/").expect(204)
    assert hospital.desk.post("patients/", SHORT).expect(409)["existing_id"] == second["id"]
    hospital.desk.delete(f"patients/{second['id']}/").expect(204)
    hospital.desk.post("patients/", SHORT).expect(201)


def test_the_database_refuses_a_second_registration(db: None) -> None:
    patient = a_patient()
    patient.pk = None
    with pytest.raises(IntegrityError, match="patient_registered_once"), atomic():
        Patient.objects.create(
            facility=patient.facility, name=patient.name, phone=patient.phone, name_key=patient.name_key,
            phone_key=patient.phone_key, created_at=clock.now(),
        )  # fmt: skip


def test_what_was_read_can_be_sent_back(hospital: Hospital) -> None:
    made = hospital.desk.post("patients/", FULL).expect(201)
    path = f"patients/{made['id']}/"
    assert hospital.desk.put(path, {**made, "id": "x", "created_at": 5}).expect(200) == made
    assert hospital.desk.patch(path, {"email": None}).expect(200) == {**made, "email": None}
    assert hospital.desk.patch(path, {}).expect(200) == {**made, "email": None}


def test_a_change_cannot_make_two_of_one_person_either(hospital: Hospital) -> None:
    first = hospital.desk.post("patients/", SHORT).expect(201)
    second = hospital.desk.post("patients/", {**SHORT, "name": "Asha R."}).expect(201)
    path = f"patients/{second['id']}/"
    refused = hospital.desk.patch(path, {"name": "asha rao"}).expect(409, "duplicate-patient")
    assert refused["existing_id"] == first["id"]
    assert hospital.desk.get(path).expect(200) == second
    changed = hospital.desk.patch(path, {"name": "asha rao", "allow_duplicate": True}).expect(200)
    assert changed["name"] == "asha rao"
    assert hospital.desk.patch(path, {"name": "Asha Rao"}).expect(200)["name"] == "Asha Rao"


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"name": ""}, "name"),
        ({"name": "\u200b \u00a0"}, "name"),
        ({"name": None}, "name"),
        ({"name": {"first": "A"}}, "name"),
        ({"name": "x" * 201}, "name"),
        ({"name": "x" * 10_000}, "name"),
        ({"name": "a\x07"}, "name"),
        ({"phone": ""}, "phone"),
        ({"phone": None}, "phone"),
        ({"phone": "--------"}, "phone"),
        ({"phone": "9" * 21}, "phone"),
        ({"phone": 98765}, "phone"),
        ({"email": "x@"}, "email"),
        ({"date_of_birth": "2026-02-30"}, "date_of_birth"),
        ({"date_of_birth": "15/08/1951"}, "date_of_birth"),
        ({"date_of_birth": "1951-08-15T00:00:00"}, "date_of_birth"),
        ({"date_of_birth": "1851-08-15"}, "date_of_birth"),
        ({"date_of_birth": "2951-08-15"}, "date_of_birth"),
        ({"date_of_birth": 19510815}, "date_of_birth"),
        ({"needs_assistance": "true"}, "needs_assistance"),
        ({"needs_assistance": 1}, "needs_assistance"),
        ({"allow_duplicate": "yes"}, "allow_duplicate"),
        ({"namesake": 3}, "namesake"),
        ({"ward": "7"}, "ward"),
    ],
)
def test_what_makes_no_sense_is_refused(hospital: Hospital, change: dict[str, Any], field: str) -> None:
    refused = hospital.desk.post("patients/", {**FULL, **change})
    refused.expect(400, "validation-error")
    assert field in refused.codes
    assert not Patient.objects.exists()


def test_nobody_is_born_tomorrow(hospital: Hospital) -> None:
    today = hospital.now().date()
    hospital.desk.post("patients/", {**FULL, "date_of_birth": today.isoformat()}).expect(201)
    born = (today + timedelta(days=1)).isoformat()
    refused = hospital.desk.post("patients/", {**SHORT, "date_of_birth": born})
    refused.expect(400)
    assert refused.codes == {"date_of_birth": "in-the-future"}


def test_the_longest_name_in_any_script(hospital: Hospital) -> None:
    for name in ("ﷺ" * 200, "आ" * 200, "🙂 Rao", "O'Brien-Śmith, jr."):
        assert hospital.desk.post("patients/", {**SHORT, "name": name}).expect(201)["name"] == name


def test_patients_are_found_by_name_or_phone(hospital: Hospital) -> None:
    for name, phone in [
        ("Asha Rao", "+91 98860 55001"),
        ("Arjun RAO", "+91 98860 55001"),
        ("Zoya Khan", "080-2345 678"),
    ]:
        hospital.desk.post("patients/", {"name": name, "phone": phone}).expect(201)

    def names(text: str) -> list[str]:
        return [each["name"] for each in hospital.desk.get("patients/", search=text).expect(200)["results"]]

    assert names("rao") == ["Arjun RAO", "Asha Rao"]
    assert names("ＡＳＨＡ") == ["Asha Rao"]
    assert names("98860") == ["Arjun RAO", "Asha Rao"]
    assert names("+91 98860 55001") == ["Arjun RAO", "Asha Rao"]
    assert names("0802345678") == ["Zoya Khan"]
    assert names("(080) 2345") == ["Zoya Khan"]
    assert names("%") == names("_") == names("nobody") == []
    assert len(names("")) == 3
    hospital.desk.get("patients/", search="a\x00").expect(400)
    hospital.desk.get("patients/", name="rao").expect(400)


def test_an_unused_registration_is_removed(hospital: Hospital) -> None:
    patient = a_patient()
    hospital.desk.delete(f"patients/{patient.pk}/").expect(204)
    hospital.desk.delete(f"patients/{patient.pk}/").expect(404, "not-found")
    hospital.desk.get("patients/not-an-id/").expect(404, "not-found")


@pytest.mark.parametrize("status", ["CONFIRMED", "CANCELLED"])
def test_who_has_a_token_stays(hospital: Hospital, status: str) -> None:
    token = stored_token(stored_slot(), status=status)
    refused = hospital.desk.delete(f"patients/{token.patient_id}/").expect(409, "in-use")
    assert "existing_id" not in refused
    assert Patient.objects.filter(pk=token.patient_id).exists()


def test_a_long_list_costs_no_more_queries(hospital: Hospital) -> None:
    from django.db import connection
    from django.test.utils import CaptureQueriesContext

    def queries() -> int:
        with CaptureQueriesContext(connection) as seen:
            hospital.desk.get("patients/").expect(200)
        return len(seen)

    a_patient()
    few = queries()
    for _ in range(30):
        a_patient()
    assert queries() == few <= 5

"""Patients who know only their age, who have no phone, and the sex of a patient."""

from datetime import date, timedelta

import pytest

from patients.api.serializers import birth_date_of
from tests.support.hospital import Hospital, Json, phone, unique
from tests.support.shapes import PATIENT, assert_shape
from tokens.policy.priority import age_on


def body(**facts: object) -> Json:
    return {"name": unique("Patient"), "phone": phone(), **facts}


@pytest.mark.parametrize("sex", ["F", "M", "O", None])
def test_the_sex_of_a_patient(hospital: Hospital, sex: str | None) -> None:
    made = hospital.desk.post("patients/", body(sex=sex)).expect(201)
    assert_shape(made, PATIENT)
    assert made["sex"] == sex
    assert hospital.desk.patch(f"patients/{made['id']}/", {"sex": "O"}).expect(200)["sex"] == "O"


@pytest.mark.parametrize("sex", ["", "f", "X", 1, True])
def test_another_sex_is_refused(hospital: Hospital, sex: object) -> None:
    refused = hospital.desk.post("patients/", body(sex=sex))
    refused.expect(400, "validation-error")
    assert set(refused.codes) == {"sex"}


@pytest.mark.parametrize("age", [0, 1, 40, 130])
def test_an_age_becomes_an_approximate_date_of_birth(hospital: Hospital, age: int) -> None:
    made = hospital.desk.post("patients/", body(age_years=age)).expect(201)
    born, today = date.fromisoformat(made["date_of_birth"]), hospital.now().date()
    assert made["birth_date_is_approximate"] is True
    assert age_on(born=born, day=today) == age
    assert "age_years" not in made
    known = hospital.desk.patch(f"patients/{made['id']}/", {"date_of_birth": "1961-04-09"}).expect(200)
    assert (known["date_of_birth"], known["birth_date_is_approximate"]) == ("1961-04-09", False)
    again = hospital.desk.patch(f"patients/{made['id']}/", {"age_years": age}).expect(200)
    assert (again["date_of_birth"], again["birth_date_is_approximate"]) == (made["date_of_birth"], True)


def test_what_was_read_can_be_sent_back(hospital: Hospital) -> None:
    for facts in ({"age_years": 70}, {"phone": None, "no_phone": True}):
        made = hospital.desk.post("patients/", body(**facts)).expect(201)
        assert hospital.desk.put(f"patients/{made['id']}/", made).expect(200) == made


@pytest.mark.parametrize("age", [-1, 131, "40", 4.5, True])
def test_an_impossible_age_is_refused(hospital: Hospital, age: object) -> None:
    refused = hospital.desk.post("patients/", body(age_years=age))
    refused.expect(400, "validation-error")
    assert set(refused.codes) == {"age_years"}


def test_an_age_beside_a_date_of_birth_is_refused(hospital: Hospital) -> None:
    refused = hospital.desk.post("patients/", body(age_years=40, date_of_birth="1961-04-09"))
    refused.expect(400, "validation-error")
    assert set(refused.codes) == {"age_years"}


def test_the_care_bonus_follows_the_age(hospital: Hospital) -> None:
    slot = hospital.slot(start=hospital.at() + timedelta(days=1))
    old, young = (hospital.desk.post("patients/", body(age_years=age)).expect(201) for age in (80, 30))
    tokens = [hospital.token(slot, patient) for patient in (young, old)]
    assert tokens[1]["token_number"] == 1
    assert tokens[0]["priority"] - tokens[1]["priority"] == pytest.approx(0.09)


def test_a_patient_without_a_phone(hospital: Hospital) -> None:
    for api in (hospital.desk, hospital.admin, hospital.key("book")):
        name = unique("Patient")
        made = api.post("patients/", {"name": name, "phone": None, "no_phone": True}).expect(201)
        assert made["phone"] is None
        assert "no_phone" not in made
        assert api.post("patients/", {"name": unique("Patient"), "no_phone": True}).expect(201)["phone"] is None
        refused = api.post("patients/", {"name": name, "no_phone": True}).expect(409, "duplicate-patient")
        assert refused["existing_id"] == made["id"]
        api.post("patients/", {"name": name, "no_phone": True, "allow_duplicate": True}).expect(201)
        found = hospital.desk.get("patients/", search=name).expect(200)
        assert found["count"] == 2


@pytest.mark.parametrize("facts", [{}, {"phone": None}, {"phone": None, "no_phone": False}])
def test_a_phone_is_required_otherwise(hospital: Hospital, facts: Json) -> None:
    refused = hospital.desk.post("patients/", {"name": unique("Patient"), **facts})
    refused.expect(400, "validation-error")
    assert set(refused.codes) == {"phone"}


def test_no_phone_beside_a_phone_is_refused(hospital: Hospital) -> None:
    refused = hospital.desk.post("patients/", body(no_phone=True))
    refused.expect(400, "validation-error")
    assert set(refused.codes) == {"no_phone"}


def test_a_phone_is_removed_and_added(hospital: Hospital) -> None:
    patient = hospital.patient()
    path = f"patients/{patient['id']}/"
    refused = hospital.desk.patch(path, {"phone": None})
    refused.expect(400, "validation-error")
    assert set(refused.codes) == {"phone"}
    assert hospital.desk.get(path).expect(200) == patient
    assert hospital.desk.patch(path, {"phone": None, "no_phone": True}).expect(200)["phone"] is None
    assert hospital.desk.patch(path, {"phone": patient["phone"]}).expect(200) == patient


def test_patients_themselves_give_a_phone(hospital: Hospital) -> None:
    own = hospital.patient()
    user = hospital.patient_user(own)
    user.post("patients/", {"name": unique("Child"), "no_phone": True}).expect(403, "permission-denied")
    user.patch(f"patients/{own['id']}/", {"no_phone": True}).expect(403, "permission-denied")
    assert user.post("patients/", body(age_years=4, sex="F")).expect(201)["sex"] == "F"


def test_a_leap_day_has_a_birthday_in_every_year() -> None:
    leap_day = date(2028, 2, 29)
    for age in range(131):
        assert age_on(born=birth_date_of(age_years=age, today=leap_day), day=leap_day) == age

"""Access to patients by role (contract section 10)."""

from uuid import UUID

import pytest

from accounts.models import ReadTrail
from patients.services import MAX_RECORDS_OF_A_USER
from tests.factories import a_patient, stored_slot, stored_token
from tests.support.api import Api
from tests.support.hospital import Hospital

SHORT = {"name": "Asha Rao", "phone": "+91 98860 55001"}


def ids(api: Api) -> set[str]:
    return {each["id"] for each in api.get("patients/").expect(200)["results"]}


def test_without_credentials_nothing(hospital: Hospital) -> None:
    hospital.nobody.get("patients/").expect(401, "not-authenticated")
    hospital.nobody.post("patients/", SHORT).expect(401)


@pytest.mark.parametrize("role", ["ADMIN", "FRONT_DESK"])
def test_the_desk_may_everything(hospital: Hospital, role: str) -> None:
    user, patient = hospital.user(role), hospital.patient()
    path = f"patients/{patient['id']}/"
    assert patient["id"] in ids(user)
    user.put(path, patient).expect(200)
    user.patch(path, {"needs_assistance": True}).expect(200)
    user.delete(path).expect(204)


def test_a_doctor_reads_those_with_a_token_in_own_slots(hospital: Hospital) -> None:
    mine, others = stored_slot(), stored_slot()
    seen, gone, foreign = stored_token(mine), stored_token(mine, status="CANCELLED"), stored_token(others)
    stored_token(mine, patient=gone.patient)
    doctor = hospital.user("DOCTOR", doctor=str(mine.doctor_id))
    assert ids(doctor) == {str(seen.patient_id), str(gone.patient_id)}
    path = f"patients/{seen.patient_id}/"
    doctor.get(path).expect(200)
    doctor.get(f"patients/{foreign.patient_id}/").expect(404, "not-found")
    doctor.post("patients/", SHORT).expect(403, "permission-denied")
    doctor.patch(path, {"name": "X"}).expect(403)
    doctor.delete(path).expect(403)


def test_a_doctor_without_a_doctor_sees_nobody(hospital: Hospital) -> None:
    stored_token(stored_slot())
    assert ids(hospital.user("DOCTOR")) == set()


def test_a_patient_has_their_own_family_only(hospital: Hospital) -> None:
    own, other = hospital.patient(), hospital.patient()
    user = hospital.patient_user(own)
    assert ids(user) == {own["id"]}
    user.get(f"patients/{own['id']}/").expect(200)
    user.patch(f"patients/{own['id']}/", {"email": "me@example.org"}).expect(200)
    for call in (user.get, user.delete):
        call(f"patients/{other['id']}/").expect(404, "not-found")
    user.put(f"patients/{other['id']}/", other).expect(404)
    user.patch(f"patients/{other['id']}/", {"name": "Mine"}).expect(404)
    assert [each["id"] for each in user.get("patients/", search=other["name"]).expect(200)["results"]] == []


def test_a_patient_adds_family_up_to_eight_records(hospital: Hospital) -> None:
    user = hospital.patient_user(hospital.patient())
    for number in range(2, MAX_RECORDS_OF_A_USER + 1):
        user.post("patients/", {**SHORT, "name": f"Child {number}"}).expect(201)
    user.post("patients/", {**SHORT, "name": "Child 9"}).expect(403, "permission-denied")
    assert len(ids(user)) == MAX_RECORDS_OF_A_USER
    assert len(user.get("auth/me/").expect(200)["patients"]) == MAX_RECORDS_OF_A_USER


def test_a_patient_does_not_learn_of_others_records(hospital: Hospital) -> None:
    known = hospital.desk.post("patients/", SHORT).expect(201)
    user = hospital.patient_user(hospital.patient())
    added = user.post("patients/", SHORT).expect(201)
    assert added["id"] != known["id"]
    assert known["id"] not in ids(user)
    refused = user.post("patients/", SHORT).expect(409, "duplicate-patient")
    assert refused["existing_id"] == added["id"]
    twin = user.post("patients/", {**SHORT, "allow_duplicate": True}).expect(201)
    assert twin["id"] != added["id"]


def test_nor_by_a_change_of_name(hospital: Hospital) -> None:
    hospital.desk.post("patients/", SHORT).expect(201)
    user = hospital.patient_user(own := hospital.patient())
    user.patch(f"patients/{own['id']}/", SHORT).expect(200)


def test_a_patient_removes_an_unused_record_of_theirs(hospital: Hospital) -> None:
    user = hospital.patient_user(own := hospital.patient())
    user.delete(f"patients/{own['id']}/").expect(204)
    assert user.get("auth/me/").expect(200)["patients"] == []


def test_keys_read_book_and_operate(hospital: Hospital) -> None:
    reader, booker, operator = hospital.key("read"), hospital.key("book"), hospital.key("operate")
    known = hospital.patient()
    path = f"patients/{known['id']}/"
    for key in (reader, booker, operator):
        assert ids(key) >= {known["id"]}
        key.get(path).expect(200)
    reader.post("patients/", SHORT).expect(403)
    made = booker.post("patients/", SHORT).expect(201)
    assert operator.post("patients/", SHORT).expect(409)["existing_id"] == made["id"]
    for key in (reader, booker):
        key.patch(path, {"name": "X"}).expect(403)
        key.delete(path).expect(403)
    operator.patch(path, {"needs_assistance": True}).expect(200)
    operator.delete(path).expect(204)


def test_who_read_whom_is_written_down(hospital: Hospital) -> None:
    first, second = a_patient(), a_patient()
    ReadTrail.objects.all().delete()
    hospital.desk.get(f"patients/{first.pk}/").expect(200)
    hospital.desk.get("patients/").expect(200)
    hospital.desk.get("patients/", search="nobody at all").expect(200)
    assert [set(row.patient_ids) for row in ReadTrail.objects.order_by("id")] == [{first.pk}, {first.pk, second.pk}]


def test_who_signs_up_gets_a_record_of_their_own(hospital: Hospital) -> None:
    from accounts.hooks import patient_registrar

    known = hospital.desk.post("patients/", SHORT).expect(201)
    facility_id = UUID(known["facility"])
    made = patient_registrar()(**SHORT, facility_id=facility_id, email="asha@example.org", date_of_birth=None)
    assert str(made) != known["id"]
    assert hospital.desk.get(f"patients/{made}/").expect(200)["email"] == "asha@example.org"

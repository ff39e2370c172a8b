"""A registration repeated with the same Idempotency-Key happens once (contract section 9)."""

from core.ids import new_id
from patients.models import Patient
from tests.support.hospital import Hospital

SHORT = {"name": "Asha Rao", "phone": "+91 98860 55001"}


def test_a_registration_sent_again_is_answered_again(hospital: Hospital) -> None:
    key = {"Idempotency-Key": str(new_id())}
    first = hospital.desk.post("patients/", SHORT, headers=key)
    again = hospital.desk.post("patients/", SHORT, headers=key)
    assert again.expect(201) == first.expect(201)
    assert again.headers["Idempotency-Replayed"] == "true"
    assert Patient.objects.count() == 1
    hospital.desk.post("patients/", {**SHORT, "name": "Other"}, headers=key).expect(422, "idempotency-mismatch")


def test_after_a_refusal_the_key_is_free(hospital: Hospital) -> None:
    key = {"Idempotency-Key": str(new_id())}
    hospital.desk.post("patients/", SHORT).expect(201)
    hospital.desk.post("patients/", SHORT, headers=key).expect(409, "duplicate-patient")
    hospital.desk.post("patients/", {**SHORT, "allow_duplicate": True}, headers=key).expect(201)


def test_a_change_and_a_removal_sent_again_are_answered_again(hospital: Hospital) -> None:
    path = f"patients/{hospital.patient()['id']}/"
    key = {"Idempotency-Key": str(new_id())}
    changed = hospital.desk.patch(path, SHORT, headers=key).expect(200)
    assert hospital.desk.patch(path, SHORT, headers=key).expect(200) == changed
    key = {"Idempotency-Key": str(new_id())}
    hospital.desk.delete(path, headers=key).expect(204)
    assert hospital.desk.delete(path, headers=key).expect(204) is None
    hospital.desk.delete(path).expect(404, "not-found")

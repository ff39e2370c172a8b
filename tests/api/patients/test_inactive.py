"""Inactive patients get no new bookings except emergencies; existing tokens continue."""

import pytest

from tests.support.hospital import Hospital, Json


@pytest.fixture
def gone(hospital: Hospital) -> Json:
    """A patient deactivated by the desk."""
    made = hospital.patient()
    assert made["is_active"] is True
    changed: Json = hospital.desk.patch(f"patients/{made['id']}/", {"is_active": False}).expect(200)
    assert changed == {**made, "is_active": False}
    return changed


@pytest.mark.parametrize("facts", [{}, {"hold": True}, {"arrived": True}, {"join_waiting_list": False}])
def test_no_new_booking(hospital: Hospital, gone: Json, facts: Json) -> None:
    slot = hospital.slot()
    body = {"slot_id": slot["id"], "patient_id": gone["id"], "category": "WALKIN", **facts}
    hospital.desk.post("tokens/", body).expect(409, "patient-inactive")
    assert hospital.slot_now(slot) == slot
    hospital.desk.patch(f"patients/{gone['id']}/", {"is_active": True}).expect(200)
    hospital.desk.post("tokens/", body).expect(201)


def test_no_place_on_a_waiting_list(hospital: Hospital, gone: Json) -> None:
    slot, _ = hospital.full_slot()
    body = {"slot_id": slot["id"], "patient_id": gone["id"], "category": "WALKIN"}
    hospital.desk.post("tokens/", body).expect(409, "patient-inactive")
    assert hospital.waiting(slot) == []


def test_nor_by_themselves(hospital: Hospital, gone: Json) -> None:
    body = {"slot_id": hospital.slot()["id"], "patient_id": gone["id"], "category": "ONLINE"}
    hospital.patient_user(gone).post("tokens/", body).expect(409, "patient-inactive")


def test_what_they_have_runs_on(hospital: Hospital) -> None:
    patient = hospital.patient()
    token = hospital.token(hospital.slot(), patient)
    hospital.desk.patch(f"patients/{patient['id']}/", {"is_active": False}).expect(200)
    hospital.done(token, "check_in", "call", "start", "complete")


def test_an_emergency_is_always_seen_to(hospital: Hospital, gone: Json) -> None:
    hospital.emergency(hospital.slot(), gone)


def test_the_hospital_decides(hospital: Hospital) -> None:
    patient = hospital.patient()
    path, own = f"patients/{patient['id']}/", hospital.patient_user(patient)
    own.patch(path, {"is_active": False}).expect(403, "permission-denied")
    own.put(path, {**patient, "name": "Asha Devi"}).expect(200)
    hospital.desk.put(path, {**patient, "is_active": False}).expect(200)
    own.patch(path, {"is_active": True}).expect(403, "permission-denied")
    assert own.get(path).expect(200)["is_active"] is False
    own.patch(path, {"name": "Asha Rao", "is_active": False}).expect(200)
    member = {"name": "Meena Rao", "phone": "+91 98860 55001"}
    own.post("patients/", {**member, "is_active": False}).expect(403, "permission-denied")
    own.post("patients/", {**member, "is_active": True}).expect(201)


@pytest.mark.parametrize("value", [None, "false", 0])
def test_it_is_true_or_false(hospital: Hospital, value: object) -> None:
    refused = hospital.desk.patch(f"patients/{hospital.patient()['id']}/", {"is_active": value})
    refused.expect(400, "validation-error")
    assert set(refused.codes) == {"is_active"}

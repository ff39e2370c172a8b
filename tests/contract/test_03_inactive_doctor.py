"""Sections 7 and 14: an inactive doctor gets no bookings and no new slots; existing tokens run on."""

from datetime import timedelta
from typing import Any

import pytest

from tests.support.hospital import Hospital

Json = dict[str, Any]
pytestmark = pytest.mark.usefixtures("invariants_hold")


def deactivate(hospital: Hospital, doctor: Json) -> None:
    hospital.admin.patch(f"doctors/{doctor['id']}/", {"is_active": False}).expect(200)


def a_slot_of_an_inactive_doctor(hospital: Hospital, **facts: Any) -> Json:
    doctor = hospital.doctor()
    slot = hospital.slot(doctor, **facts)
    deactivate(hospital, doctor)
    return slot


@pytest.mark.parametrize(
    "facts",
    [{}, {"hold": True}, {"arrived": True}, {"join_waiting_list": False}, {"category": "ONLINE"}],
    ids=str,
)
def test_nothing_is_booked_with_an_inactive_doctor(hospital: Hospital, facts: Json) -> None:
    slot = a_slot_of_an_inactive_doctor(hospital)
    hospital.ask(slot, **facts).expect(409, "doctor-inactive")
    assert hospital.tokens_of(slot) == []
    assert hospital.slot_now(slot)["version"] == slot["version"]


def test_a_patient_is_refused_like_the_desk(hospital: Hospital) -> None:
    slot, patient = a_slot_of_an_inactive_doctor(hospital), hospital.patient()
    user = hospital.patient_user(patient)
    hospital.ask(slot, patient, "ONLINE", by=user).expect(409, "doctor-inactive")


def test_nobody_joins_the_waiting_list_of_an_inactive_doctor(hospital: Hospital) -> None:
    slot, _ = hospital.full_slot(1)
    deactivate(hospital, {"id": slot["doctor"]})
    hospital.ask(slot).expect(409, "doctor-inactive")
    assert hospital.waiting(slot) == []


def test_among_concurrent_bookings_only_the_inactive_doctors_are_refused(hospital: Hospital) -> None:
    off, on = a_slot_of_an_inactive_doctor(hospital), hospital.slot(capacity=6)
    patients = [hospital.patient() for _ in range(8)]

    def ask(api: Any, number: int) -> Any:
        return hospital.ask((off, on)[number % 2], patients[number], by=api)

    answers = hospital.concurrently(8, ask)
    assert sorted(answer.status for answer in answers) == [201] * 4 + [409] * 4
    assert {answer.body["code"] for answer in answers if answer.status == 409} == {"doctor-inactive"}


def test_a_doctor_who_is_active_again_is_booked_again(hospital: Hospital) -> None:
    slot = a_slot_of_an_inactive_doctor(hospital)
    hospital.ask(slot).expect(409, "doctor-inactive")
    hospital.admin.patch(f"doctors/{slot['doctor']}/", {"is_active": True}).expect(200)
    hospital.token(slot)


def test_existing_tokens_run_on(hospital: Hospital) -> None:
    slot, (first, second) = hospital.full_slot(2)
    held = hospital.token(hospital.slot(), hold=True)
    for each in (slot["doctor"], hospital.desk.get(f"slots/{held['slot']}/").body["doctor"]):
        deactivate(hospital, {"id": each})
    hospital.done(first, "check_in", "call", "start", "complete")
    hospital.done(held, "confirm")
    hospital.do(second, "cancel").expect(200)


def test_nobody_is_promoted_until_the_doctor_is_active_again(hospital: Hospital) -> None:
    slot, (first, second) = hospital.full_slot(2)
    entries = [hospital.entry(slot) for _ in range(3)]
    deactivate(hospital, {"id": slot["doctor"]})
    assert hospital.do(first, "cancel").expect(200)["promoted"] == []
    hospital.do(second, "cancel").expect(200)
    hospital.desk.post(f"waiting-list/{entries[2]['id']}/seat/", {"reason": "Urgent"}).expect(409, "doctor-inactive")
    assert [hospital.entry_now(entry)["status"] for entry in entries] == ["WAITING"] * 3
    hospital.admin.patch(f"doctors/{slot['doctor']}/", {"is_active": True}).expect(200)
    assert [hospital.entry_now(entry)["status"] for entry in entries] == ["PROMOTED", "PROMOTED", "WAITING"]


def test_an_emergency_still_gets_a_seat(hospital: Hospital) -> None:
    slot = a_slot_of_an_inactive_doctor(hospital)
    assert hospital.emergency(slot)["token_number"] == 1


def test_no_new_slots_for_an_inactive_doctor(hospital: Hospital) -> None:
    doctor, start = hospital.doctor(is_active=False), hospital.at()
    plan = {"start_time": start.isoformat(), "end_time": (start + timedelta(hours=1)).isoformat(), "max_capacity": 5}
    hospital.desk.post("slots/", {"doctor": doctor["id"], **plan}).expect(409, "doctor-inactive")
    day = start.date().isoformat()
    bulk = {"start_date": day, "end_date": day, "start_time": "09:00", "end_time": "11:00", "duration_minutes": 30}
    hospital.desk.post("slots/bulk/", {"doctor_id": doctor["id"], **bulk}).expect(409, "doctor-inactive")
    assert hospital.desk.get("slots/", doctor=doctor["id"]).expect(200)["count"] == 0


def test_no_slot_is_moved_to_an_inactive_doctor(hospital: Hospital) -> None:
    doctor, slot = hospital.doctor(is_active=False), hospital.slot()
    hospital.desk.patch(f"slots/{slot['id']}/", {"doctor": doctor["id"]}).expect(409, "doctor-inactive")
    assert hospital.slot_now(slot) == slot


def test_the_slot_of_an_inactive_doctor_is_still_changed_and_cancelled(hospital: Hospital) -> None:
    slot = a_slot_of_an_inactive_doctor(hospital)
    hospital.desk.patch(f"slots/{slot['id']}/", {"max_capacity": 7}).expect(200)
    assert hospital.slot_now(slot)["status"] == "ACTIVE"
    hospital.desk.post(f"slots/{slot['id']}/cancel/").expect(200)


def test_the_slots_of_an_inactive_doctor_are_not_available(hospital: Hospital) -> None:
    slot = hospital.slot()

    def listed(available: str) -> list[str]:
        page = hospital.desk.get("slots/", doctor=slot["doctor"], available=available).expect(200)
        return [each["id"] for each in page["results"]]

    assert (listed("true"), listed("false")) == ([slot["id"]], [])
    deactivate(hospital, {"id": slot["doctor"]})
    assert (listed("true"), listed("false")) == ([], [slot["id"]])

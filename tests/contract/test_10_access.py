"""Section 10: the role table, cell by cell: allowed, forbidden (403) and hidden (404)."""

from dataclasses import dataclass
from typing import Any
from uuid import uuid4

import pytest

from tests.support.api import Answer, Api
from tests.support.hospital import Hospital, phone, unique

Json = dict[str, Any]


@dataclass
class House:
    """Two doctors, each with a slot and a patient's token, and a user for each role."""

    own_doctor: Json
    other_doctor: Json
    own_patient: Json
    other_patient: Json
    own_slot: Json
    other_slot: Json
    own_token: Json
    other_token: Json
    users: dict[str, Api]


@pytest.fixture
def house(hospital: Hospital) -> House:
    """The house, with a waiting list in both slots."""
    people = hospital.patient(), hospital.patient()
    doctors = hospital.doctor(), hospital.doctor()
    slots = [hospital.slot(doctor, capacity=1) for doctor in doctors]
    tokens = [hospital.token(slot, patient) for slot, patient in zip(slots, people, strict=True)]
    return House(
        *doctors,
        *people,
        *slots,
        *tokens,
        {
            "ADMIN": hospital.admin,
            "FRONT_DESK": hospital.desk,
            "DOCTOR": hospital.doctor_user(doctors[0]),
            "PATIENT": hospital.patient_user(people[0]),
        },
    )


def ids(answer: Answer) -> set[str]:
    body = answer.expect(200)
    return {thing["id"] for thing in (body if isinstance(body, list) else body["results"])}


STAFF = ("ADMIN", "FRONT_DESK")


@pytest.mark.parametrize("role", ["FRONT_DESK", "DOCTOR", "PATIENT"])
def test_users_and_keys_are_the_admins(house: House, role: str) -> None:
    user, nobody = house.users[role], str(uuid4())
    for path in ("users/", "api-keys/"):
        user.get(path).expect(403, "permission-denied")
        user.post(path, {}).expect(403, "permission-denied")
        user.delete(f"{path}{nobody}/").expect(403, "permission-denied")
    user.patch(f"users/{nobody}/", {}).expect(403, "permission-denied")


@pytest.mark.parametrize("role", ["FRONT_DESK", "DOCTOR", "PATIENT"])
def test_doctors_are_written_by_the_admin_and_read_by_all(house: House, role: str) -> None:
    user, place = house.users[role], f"doctors/{house.other_doctor['id']}/"
    assert user.get(place).expect(200) == house.other_doctor
    user.get("doctors/").expect(200)
    user.get("facilities/").expect(200)
    user.post("doctors/", {"name": "Dr X", "specialization": "ENT"}).expect(403, "permission-denied")
    user.patch(place, {"name": "Dr X"}).expect(403, "permission-denied")
    user.put(place, house.other_doctor).expect(403, "permission-denied")
    user.delete(place).expect(403, "permission-denied")
    user.patch(f"facilities/{house.own_doctor['facility']}/", {"name": "X"}).expect(403, "permission-denied")


def test_patients_as_a_doctor_sees_them(house: House) -> None:
    doctor = house.users["DOCTOR"]
    doctor.get(f"patients/{house.own_patient['id']}/").expect(200)
    doctor.get(f"patients/{house.other_patient['id']}/").expect(404, "not-found")
    assert ids(doctor.get("patients/")) == {house.own_patient["id"]}
    assert ids(doctor.get("patients/", search=house.other_patient["name"])) == set()
    doctor.post("patients/", {"name": unique(), "phone": phone()}).expect(403, "permission-denied")
    doctor.patch(f"patients/{house.own_patient['id']}/", {"name": "X"}).expect(403, "permission-denied")
    doctor.delete(f"patients/{house.own_patient['id']}/").expect(403, "permission-denied")


def test_patients_as_a_patient_sees_them(hospital: Hospital, house: House) -> None:
    patient, other = house.users["PATIENT"], house.other_patient
    assert ids(patient.get("patients/")) == {house.own_patient["id"]}
    assert ids(patient.get("patients/", search=other["name"])) == set()
    place = f"patients/{other['id']}/"
    patient.get(place).expect(404, "not-found")
    patient.patch(place, {"name": "X"}).expect(404, "not-found")
    patient.put(place, other).expect(404, "not-found")
    patient.delete(place).expect(404, "not-found")
    changed = patient.patch(f"patients/{house.own_patient['id']}/", {"email": "new@example.org"}).expect(200)
    assert changed["email"] == "new@example.org"


def test_a_family_has_eight_records_and_is_never_told_of_others(hospital: Hospital, house: House) -> None:
    patient, other = house.users["PATIENT"], house.other_patient
    made = patient.post("patients/", {"name": other["name"], "phone": other["phone"]})
    assert "existing_id" not in made.expect(201)
    assert other["id"] not in made.raw.decode()
    for _ in range(6):
        patient.post("patients/", {"name": unique("Child"), "phone": house.own_patient["phone"]}).expect(201)
    assert len(ids(patient.get("patients/"))) == 8
    patient.post("patients/", {"name": unique(), "phone": phone()}).expect(403, "permission-denied")
    assert len(patient.get("auth/me/").expect(200)["patients"]) == 8
    child = next(p for p in patient.get("patients/").expect(200)["results"] if p["name"].startswith("Child"))
    hospital.ask(hospital.slot(), child, "ONLINE", by=patient).expect(201)


@pytest.mark.parametrize("role", ["DOCTOR", "PATIENT"])
def test_slots_are_planned_by_the_desk_and_read_by_all(hospital: Hospital, house: House, role: str) -> None:
    user = house.users[role]
    for slot in (house.own_slot, house.other_slot):
        place = f"slots/{slot['id']}/"
        assert user.get(place).expect(200)["id"] == slot["id"]
        user.patch(place, {"max_capacity": 9}).expect(403, "permission-denied")
        user.put(place, slot).expect(403, "permission-denied")
        user.delete(place).expect(403, "permission-denied")
        user.post(f"{place}cancel/").expect(403, "permission-denied")
    assert ids(user.get("slots/", doctor=house.other_doctor["id"])) == {house.other_slot["id"]}
    user.post("slots/", {}).expect(403, "permission-denied")
    user.post("slots/bulk/", {}).expect(403, "permission-denied")


def test_a_doctor_runs_the_own_slots(hospital: Hospital, house: House) -> None:
    doctor = house.users["DOCTOR"]
    hospital.done(house.own_token, "check_in")
    own, other = f"slots/{house.own_slot['id']}/", f"slots/{house.other_slot['id']}/"
    before = hospital.slot_now(house.other_slot)
    for method, action, body in (
        ("PUT", "delay/", {"delay_minutes": 5}),
        ("POST", "call_next/", {}),
        ("POST", "close/", {}),
    ):
        doctor.call(method, own + action, body).expect(200)
        doctor.call(method, other + action, body).expect(403, "permission-denied")
        doctor.call(method, f"slots/{uuid4()}/{action}", body).expect(404, "not-found")
        house.users["PATIENT"].call(method, own + action, body).expect(403, "permission-denied")
    doctor.put(f"{other}delay/?dry_run=true", {"delay_minutes": 5}).expect(403, "permission-denied")
    for place in (own, other):
        doctor.post(f"{place}cancel/").expect(403, "permission-denied")
    assert hospital.slot_now(house.other_slot) == before


def test_tokens_as_a_doctor_sees_them(house: House) -> None:
    doctor, other = house.users["DOCTOR"], house.other_token
    for tail in ("", "explain/"):
        doctor.get(f"tokens/{house.own_token['id']}/{tail}").expect(200)
        doctor.get(f"tokens/{other['id']}/{tail}").expect(404, "not-found")
    assert ids(doctor.get("tokens/")) == {house.own_token["id"]}
    assert ids(doctor.get("tokens/", slot=house.other_slot["id"])) == set()
    assert ids(doctor.get(f"slots/{house.own_slot['id']}/tokens/")) == {house.own_token["id"]}
    doctor.get(f"slots/{house.other_slot['id']}/tokens/").expect(403, "permission-denied")
    doctor.get(f"slots/{uuid4()}/tokens/").expect(404, "not-found")


def test_tokens_as_a_patient_sees_them(hospital: Hospital, house: House) -> None:
    patient, other = house.users["PATIENT"], house.other_token
    for tail in ("", "explain/"):
        patient.get(f"tokens/{house.own_token['id']}/{tail}").expect(200)
        patient.get(f"tokens/{other['id']}/{tail}").expect(404, "not-found")
    hospital.emergency(house.own_slot)
    assert ids(patient.get("tokens/")) == {house.own_token["id"]}
    assert ids(patient.get("tokens/", patient=house.other_patient["id"])) == set()
    (own,) = patient.get(f"slots/{house.own_slot['id']}/tokens/").expect(200)
    assert (own["id"], own["token_number"]) == (house.own_token["id"], 2), "own tokens only, at their true position"
    assert patient.get(f"slots/{house.other_slot['id']}/tokens/").expect(200) == []
    why = patient.get(f"tokens/{house.own_token['id']}/explain/")
    for hidden in (house.other_patient["name"], house.other_patient["id"], house.other_patient["phone"]):
        assert hidden not in why.raw.decode()


def test_a_doctor_books_nothing(hospital: Hospital, house: House) -> None:
    doctor, slot = house.users["DOCTOR"], hospital.slot(house.own_doctor, start=hospital.at("15:00"))
    hospital.ask(slot, hospital.patient(), by=doctor).expect(403, "permission-denied")
    held = hospital.token(slot, hold=True)
    hospital.do(held, "confirm", by=doctor).expect(403, "permission-denied")
    hospital.do(held, "cancel", by=doctor).expect(403, "permission-denied")
    assert hospital.read(held)["status"] == "PENDING"


def test_a_patient_books_for_the_own_people_only(hospital: Hospital, house: House) -> None:
    patient, slot = house.users["PATIENT"], hospital.slot()
    for category in ("WALKIN", "PRIORITY_PAID"):
        hospital.ask(slot, house.own_patient, category, by=patient).expect(403, "permission-denied")
    assert hospital.ask(slot, house.own_patient, "EMERGENCY", by=patient).status in (400, 403)
    hospital.ask(slot, house.own_patient, "ONLINE", by=patient, arrived=True).expect(403, "permission-denied")
    hospital.ask(slot, house.other_patient, "ONLINE", by=patient).expect(404, "not-found")
    hospital.ask(slot, {"id": str(uuid4())}, "ONLINE", by=patient).expect(404, "not-found")
    assert hospital.tokens_of(slot) == []
    held = hospital.ask(slot, house.own_patient, "FOLLOWUP", by=patient, hold=True).expect(201)
    assert hospital.do(held, "confirm", by=patient).expect(200)["status"] == "CONFIRMED"
    kept = hospital.do(held, "buffer", by=patient)
    assert kept.status == 403 or kept.body["token"]["status"] == "CANCELLED", "keeping a seat is the desk's"
    again = hospital.slot()
    token = hospital.ask(again, house.own_patient, "ONLINE", by=patient).expect(201)
    hospital.do(token, "cancel", by=patient).expect(200)
    for action in ("confirm", "cancel"):
        hospital.do(house.other_token, action, by=patient).expect(404, "not-found")
    assert hospital.read(house.other_token)["status"] == "CONFIRMED"


ATTEND = ("check_in", "call", "requeue", "no_show", "reinstate", "start", "complete")


def test_a_doctor_attends_to_the_own_slots(hospital: Hospital, house: House) -> None:
    doctor = house.users["DOCTOR"]
    for action in ATTEND:
        hospital.do(house.other_token, action, by=doctor).expect(404, "not-found")
    for action in ("check_in", "call", "requeue", "no_show", "reinstate", "call", "start", "complete"):
        hospital.do(house.own_token, action, by=doctor).expect(200)
    assert hospital.read(house.other_token) == house.other_token


def test_a_patient_attends_to_nothing(hospital: Hospital, house: House) -> None:
    for token in (house.own_token, house.other_token):
        for action in ATTEND:
            answer = hospital.do(token, action, by=house.users["PATIENT"])
            assert answer.status == 403 or (answer.status == 404 and token is house.other_token), str(answer)
        assert hospital.read(token) == token


def test_emergencies_by_role(hospital: Hospital, house: House) -> None:
    body = {"slot_id": house.own_slot["id"], "patient_id": hospital.patient()["id"]}
    house.users["PATIENT"].post("tokens/emergency/", body).expect(403, "permission-denied")
    doctor = house.users["DOCTOR"]
    token = doctor.post("tokens/emergency/", body).expect(201)["token"]
    abroad = {"slot_id": house.other_slot["id"], "patient_id": hospital.patient()["id"]}
    doctor.post("tokens/emergency/", abroad).expect(403, "permission-denied")
    doctor.post("tokens/emergency/", {**abroad, "slot_id": str(uuid4())}).expect(404, "not-found")
    hospital.do(token, "triage", {"acuity": 2}, by=doctor).expect(200)
    hospital.do(token, "triage", {"acuity": 1}, by=house.users["PATIENT"]).expect(403, "permission-denied")
    foreign = hospital.emergency(house.other_slot)
    hospital.do(foreign, "triage", {"acuity": 2}, by=doctor).expect(404, "not-found")


def test_the_waiting_list_by_role(hospital: Hospital, house: House) -> None:
    patient, doctor = house.users["PATIENT"], house.users["DOCTOR"]
    mine = hospital.entry(house.other_slot, house.own_patient, by=patient, category="ONLINE")
    foreign = hospital.entry(house.other_slot, category="PRIORITY_PAID")
    at_own = hospital.entry(house.own_slot, house.other_patient)
    assert ids(doctor.get("waiting-list/")) == {at_own["id"]}
    assert ids(doctor.get("waiting-list/by_slot/", slot_id=house.own_slot["id"])) == {at_own["id"]}
    by_slot = doctor.get("waiting-list/by_slot/", slot_id=house.other_slot["id"])
    assert by_slot.status in (403, 404) or by_slot.body == [], str(by_slot)
    doctor.delete(f"waiting-list/{at_own['id']}/").expect(403, "permission-denied")
    assert ids(patient.get("waiting-list/")) == {mine["id"]}
    (seen,) = patient.get("waiting-list/by_slot/", slot_id=house.other_slot["id"]).expect(200)
    assert (seen["id"], seen["position"]) == (mine["id"], 2), "own entries only, at their true position"
    patient.delete(f"waiting-list/{foreign['id']}/").expect(404, "not-found")
    patient.delete(f"waiting-list/{mine['id']}/").expect(204)
    assert hospital.entry_now(foreign)["status"] == "WAITING"


def test_reports_and_events_by_role(hospital: Hospital, house: House) -> None:
    patient, doctor = house.users["PATIENT"], house.users["DOCTOR"]
    patient.get("reports/daily/").expect(403, "permission-denied")
    patient.get("events/").expect(403, "permission-denied")
    day = hospital.at(day=2).date().isoformat()
    report = doctor.get("reports/daily/", date=day).expect(200)
    assert (report["total_slots"], report["total_tokens"]) == (1, 1)
    assert len(report["doctors"]) == 1
    abroad = doctor.get("reports/daily/", date=day, doctor_id=house.other_doctor["id"])
    assert abroad.status in (403, 404) or abroad.body["total_tokens"] == 0, str(abroad)
    events = doctor.get("events/", page_size=200).expect(200)["results"]
    assert events
    assert {e["slot"] for e in events} == {house.own_slot["id"]}
    assert doctor.get("events/", slot=house.other_slot["id"]).body.get("results", []) == []


@pytest.mark.parametrize("role", STAFF)
def test_the_desk_and_the_admin_may_do_the_desks_work(hospital: Hospital, house: House, role: str) -> None:
    user = house.users[role]
    patient = user.post("patients/", {"name": unique(), "phone": phone()}).expect(201)
    start = hospital.at("18:00")
    plan = {
        "doctor": house.own_doctor["id"],
        "start_time": start.isoformat(),
        "end_time": start.replace(hour=19).isoformat(),
        "max_capacity": 2,
    }
    slot = user.post("slots/", plan).expect(201)
    token = hospital.ask(slot, patient, by=user).expect(201)
    for action in ("check_in", "call", "requeue", "no_show", "reinstate", "call", "start", "complete"):
        hospital.do(token, action, by=user).expect(200)
    urgent = hospital.emergency(slot, by=user)
    hospital.do(urgent, "triage", {"acuity": 1}, by=user).expect(200)
    user.get(f"tokens/{token['id']}/explain/").expect(200)
    user.get("reports/daily/").expect(200)
    user.get("events/").expect(200)
    user.get("waiting-list/").expect(200)
    user.post(f"slots/{slot['id']}/close/").expect(200)
    user.post(f"slots/{slot['id']}/cancel/").expect(200)


def test_a_signed_out_world_is_refused_everywhere(hospital: Hospital, house: House) -> None:
    nobody, token = hospital.nobody, house.own_token["id"]
    for method, path in (
        ("GET", f"tokens/{token}/"), ("DELETE", f"tokens/{token}/"), ("POST", f"tokens/{token}/call/"),
        ("GET", f"slots/{house.own_slot['id']}/tokens/"), ("PUT", f"slots/{house.own_slot['id']}/delay/"),
        ("POST", f"slots/{house.own_slot['id']}/cancel/"), ("GET", f"patients/{house.own_patient['id']}/"),
        ("POST", "tokens/emergency/"), ("GET", "reports/daily/"), ("POST", "api-keys/"), ("POST", "users/"),
    ):  # fmt: skip
        nobody.call(method, path).expect(401, "not-authenticated")
    assert hospital.read(house.own_token) == house.own_token

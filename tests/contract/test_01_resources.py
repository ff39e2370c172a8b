"""Section 1: the fields of every resource, ids and times, refused and ignored input."""

from datetime import date, datetime, timedelta
from uuid import uuid4

import pytest

from tests.support import shapes
from tests.support.hospital import Hospital, phone, unique, when
from tests.support.shapes import assert_shape


def test_a_facility_exists_from_the_start_and_never_needs_to_be_named(hospital: Hospital) -> None:
    page = hospital.desk.get("facilities/").expect(200)
    assert page["count"] >= 1
    assert_shape(page["results"][0], shapes.FACILITY)
    assert_shape(hospital.desk.get(f"facilities/{hospital.facility['id']}/").expect(200), shapes.FACILITY)
    assert hospital.doctor()["facility"] == hospital.facility["id"]


def test_a_doctor_has_exactly_these_fields_and_defaults(hospital: Hospital) -> None:
    doctor = hospital.doctor()
    assert_shape(doctor, shapes.DOCTOR)
    assert (doctor["consultation_minutes"], doctor["is_active"]) == (10, True)
    assert not doctor["email"]
    assert not doctor["phone"]
    assert doctor["experience_years"] is None
    full = hospital.doctor(email="dr@example.org", phone=phone(), experience_years=12, consultation_minutes=7)
    assert_shape(full, shapes.DOCTOR)
    assert (full["email"], full["experience_years"], full["consultation_minutes"]) == ("dr@example.org", 12, 7)
    assert hospital.desk.get(f"doctors/{full['id']}/").expect(200) == full


def test_a_patient_has_exactly_these_fields_and_defaults(hospital: Hospital) -> None:
    patient = hospital.patient()
    assert_shape(patient, shapes.PATIENT)
    assert patient["needs_assistance"] is False
    assert patient["date_of_birth"] is None
    full = hospital.patient(email="p@example.org", date_of_birth="1950-02-28", needs_assistance=True)
    assert_shape(full, shapes.PATIENT)
    assert (full["date_of_birth"], full["needs_assistance"]) == ("1950-02-28", True)
    assert hospital.desk.get(f"patients/{full['id']}/").expect(200) == full


def test_a_slot_has_exactly_these_fields(hospital: Hospital) -> None:
    doctor = hospital.doctor(consultation_minutes=12)
    slot = hospital.slot(doctor, capacity=4)
    assert_shape(slot, shapes.SLOT)
    assert slot["doctor"] == doctor["id"]
    assert slot["doctor_name"] == doctor["name"]
    assert slot["consultation_minutes"] == 12
    assert slot["status"] == "ACTIVE"
    assert (slot["max_capacity"], slot["current_capacity"], slot["available_capacity"]) == (4, 0, 4)
    assert (slot["waiting_count"], slot["delay_minutes"], slot["cascaded_minutes"]) == (0, 0, 0)
    assert when(slot["start_time"]) == hospital.at("09:00")
    assert when(slot["expected_end"]) == when(slot["end_time"]) == hospital.at("10:00")
    assert hospital.slot_now(slot) == slot
    listed = hospital.desk.get("slots/", doctor=doctor["id"]).expect(200)["results"]
    assert listed == [slot]


def test_a_token_has_exactly_these_fields(hospital: Hospital) -> None:
    slot, patient = hospital.slot(), hospital.patient()
    token = hospital.token(slot, patient, "ONLINE")
    assert_shape(token, shapes.TOKEN)
    assert (token["slot"], token["patient"], token["patient_name"]) == (slot["id"], patient["id"], patient["name"])
    assert (token["category"], token["status"], token["token_number"]) == ("ONLINE", "CONFIRMED", 1)
    assert token["slot_info"]["start_time"] == slot["start_time"]
    assert token["slot_info"]["end_time"] == slot["end_time"]
    assert [token[name] for name in ("acuity", "actual_time", "expires_at", "grace_expires_at")] == [None] * 4
    assert when(token["estimated_time"]) == when(slot["start_time"])
    assert hospital.read(token) == token
    assert hospital.queue(slot) == [token]
    assert hospital.desk.get("tokens/", slot=slot["id"]).expect(200)["results"] == [token]


def test_a_waiting_list_entry_has_exactly_these_fields(hospital: Hospital) -> None:
    slot, _ = hospital.full_slot(1)
    patient = hospital.patient()
    entry = hospital.entry(slot, patient)
    assert_shape(entry, shapes.ENTRY)
    assert (entry["slot"], entry["patient"], entry["patient_name"]) == (slot["id"], patient["id"], patient["name"])
    assert (entry["position"], entry["status"], entry["token"]) == (1, "WAITING", None)
    assert hospital.waiting(slot) == [entry]
    assert hospital.slot_now(slot)["waiting_count"] == 1


def test_the_answer_of_waitlisting_names_its_outcome_and_the_entry_and_no_more(hospital: Hospital) -> None:
    slot, _ = hospital.full_slot(1)
    body = hospital.ask(slot).expect(202)
    assert body["outcome"] == "WAITLISTED"
    assert set(body) == {"outcome", "waiting_list_entry"}


def test_a_time_without_an_offset_is_read_in_the_facilitys_zone(hospital: Hospital) -> None:
    doctor, start = hospital.doctor(), hospital.at("11:30")
    body = {
        "doctor": doctor["id"],
        "start_time": start.strftime("%Y-%m-%dT%H:%M:%S"),
        "end_time": (start + timedelta(hours=1)).strftime("%Y-%m-%dT%H:%M"),
        "max_capacity": 3,
    }
    slot = hospital.desk.post("slots/", body).expect(201)
    assert when(slot["start_time"]) == start
    assert when(slot["end_time"]) == start + timedelta(hours=1)


def test_a_time_with_another_offset_is_the_same_moment(hospital: Hospital) -> None:
    doctor, start = hospital.doctor(), hospital.at("11:30")
    zulu = datetime.fromtimestamp(start.timestamp(), tz=when("2026-01-01T00:00:00+00:00").tzinfo)
    body = {
        "doctor": doctor["id"],
        "start_time": zulu.strftime("%Y-%m-%dT%H:%M:%SZ"),
        "end_time": (start + timedelta(hours=1)).isoformat(),
        "max_capacity": 3,
    }
    assert when(hospital.desk.post("slots/", body).expect(201)["start_time"]) == start


@pytest.mark.parametrize("thing", ["doctors", "patients", "slots", "tokens", "emergency", "bulk"])
def test_an_unknown_field_is_refused_by_name(hospital: Hospital, thing: str) -> None:
    slot, patient = hospital.slot(), hospital.patient()
    start = hospital.at("15:00")
    bodies = {
        "doctors": ("doctors/", {"name": "Dr X", "specialization": "ENT"}),
        "patients": ("patients/", {"name": unique(), "phone": phone()}),
        "slots": (
            "slots/",
            {
                "doctor": slot["doctor"],
                "start_time": start.isoformat(),
                "end_time": (start + timedelta(hours=1)).isoformat(),
                "max_capacity": 1,
            },
        ),
        "tokens": ("tokens/", {"slot_id": slot["id"], "patient_id": patient["id"], "category": "WALKIN"}),
        "emergency": ("tokens/emergency/", {"slot_id": slot["id"], "patient_id": patient["id"]}),
        "bulk": (
            "slots/bulk/",
            {
                "doctor_id": slot["doctor"],
                "start_date": start.date().isoformat(),
                "end_date": start.date().isoformat(),
                "start_time": "14:00",
                "end_time": "15:00",
                "duration_minutes": 30,
            },
        ),
    }
    path, body = bodies[thing]
    answer = hospital.admin.post(path, {**body, "colour": "blue"})
    answer.expect(400, "validation-error")
    assert answer.codes == {"colour": "unknown-field"}
    assert hospital.queue(slot) == []


@pytest.mark.parametrize("action", ["check_in", "call", "start", "complete", "no_show", "confirm", "triage"])
def test_an_unknown_field_is_refused_by_an_action_too(hospital: Hospital, action: str) -> None:
    token = hospital.token(hospital.slot())
    answer = hospital.do(token, action, {"colour": "blue", **({"acuity": 1} if action == "triage" else {})})
    answer.expect(400, "validation-error")
    assert answer.codes["colour"] == "unknown-field"
    assert hospital.read(token)["status"] == "CONFIRMED"


@pytest.mark.parametrize("path", ["delay", "cancel", "call_next"])
def test_an_unknown_field_is_refused_by_a_slots_action_too(hospital: Hospital, path: str) -> None:
    slot = hospital.slot()
    method = "PUT" if path == "delay" else "POST"
    body = {"colour": "blue", **({"delay_minutes": 5} if path == "delay" else {})}
    answer = hospital.desk.call(method, f"slots/{slot['id']}/{path}/", body)
    answer.expect(400, "validation-error")
    assert answer.codes["colour"] == "unknown-field"
    assert hospital.slot_now(slot) == slot


def test_a_get_body_can_be_sent_back_with_put(hospital: Hospital) -> None:
    """Read-only fields are ignored, not refused and not written."""
    doctor, patient = hospital.doctor(email="a@example.org"), hospital.patient(date_of_birth="1990-01-01")
    slot = hospital.slot(doctor)
    assert hospital.admin.put(f"doctors/{doctor['id']}/", doctor).expect(200) == doctor
    assert hospital.desk.put(f"patients/{patient['id']}/", patient).expect(200) == patient
    again = hospital.desk.put(f"slots/{slot['id']}/", slot).expect(200)
    assert {**again, "version": 0} == {**slot, "version": 0}
    bare = hospital.doctor()
    assert hospital.admin.put(f"doctors/{bare['id']}/", bare).expect(200) == bare


def test_read_only_fields_are_not_written(hospital: Hospital) -> None:
    slot = hospital.slot()
    lies = {"current_capacity": 3, "status": "CLOSED", "delay_minutes": 50, "waiting_count": 9, "id": str(uuid4())}
    after = hospital.desk.patch(f"slots/{slot['id']}/", lies).expect(200)
    assert {**after, "version": 0} == {**slot, "version": 0}


def test_an_id_that_does_not_exist_answers_404_in_the_body_too(hospital: Hospital) -> None:
    slot, patient, nothing = hospital.slot(), hospital.patient(), str(uuid4())
    booking = {"slot_id": slot["id"], "patient_id": patient["id"], "category": "WALKIN"}
    hospital.desk.post("tokens/", {**booking, "slot_id": nothing}).expect(404, "not-found")
    hospital.desk.post("tokens/", {**booking, "patient_id": nothing}).expect(404, "not-found")
    urgent = {"slot_id": slot["id"], "patient_id": patient["id"]}
    hospital.desk.post("tokens/emergency/", {**urgent, "slot_id": nothing}).expect(404, "not-found")
    hospital.desk.post("tokens/emergency/", {**urgent, "patient_id": nothing}).expect(404, "not-found")
    times = {"start_time": hospital.at("12:00").isoformat(), "end_time": hospital.at("13:00").isoformat()}
    hospital.desk.post("slots/", {"doctor": nothing, "max_capacity": 1, **times}).expect(404, "not-found")
    bulk = {
        "doctor_id": nothing,
        "start_date": "2031-01-06",
        "end_date": "2031-01-06",
        "start_time": "09:00",
        "end_time": "10:00",
        "duration_minutes": 30,
    }
    hospital.desk.post("slots/bulk/", bulk).expect(404, "not-found")
    hospital.desk.get("waiting-list/by_slot/", slot_id=nothing).expect(404, "not-found")


@pytest.mark.parametrize("path", ["doctors", "patients", "slots", "tokens", "facilities", "slots/{}/tokens"])
def test_an_unknown_or_malformed_id_in_the_path_is_404(hospital: Hospital, path: str) -> None:
    for identity in (str(uuid4()), "1", "not-a-uuid"):
        place = path.format(identity) + "/" if "{}" in path else f"{path}/{identity}/"
        hospital.admin.get(place).expect(404, "not-found")


def test_tickets_are_unique_in_the_facility_on_a_day_in_booking_order_and_never_used_again(hospital: Hospital) -> None:
    """Also with two doctors of one name and a cancelled ticket."""
    twins = [hospital.doctor(name="Dr Asha Rao", specialization="ENT") for _ in range(2)]
    seen: list[str] = []
    for slot in [hospital.slot(doctor, start=hospital.at(t)) for doctor in twins for t in ("09:00", "12:00")]:
        mine = []
        for category in ("WALKIN", "PRIORITY_PAID", "ONLINE"):
            token = hospital.token(slot, category=category)
            hospital.do(token, "cancel").expect(200)
            mine.append(token["ticket"])
        mine.append(hospital.emergency(slot)["ticket"])
        assert mine == sorted(mine), "numbered in booking order"
        seen += mine
    assert len(set(seen)) == len(seen)


def test_a_ticket_has_three_digits_at_least_and_goes_on_beyond_999(hospital: Hospital) -> None:
    token = hospital.token(hospital.slot())
    assert shapes.TICKET.match(token["ticket"])
    assert token["ticket"].endswith("-001")


def test_token_numbers_are_the_live_positions_without_gaps(hospital: Hospital) -> None:
    slot = hospital.slot()
    tokens = [hospital.token(slot) for _ in range(4)]
    assert [t["token_number"] for t in tokens] == [1, 2, 3, 4]
    hospital.do(tokens[1], "cancel").expect(200)
    assert [t["token_number"] for t in hospital.queue(slot)] == [1, 2, 3]
    assert [hospital.read(t)["token_number"] for t in tokens] == [1, None, 2, 3]
    hospital.done(tokens[0], "check_in", "call")
    assert [hospital.read(t)["token_number"] for t in tokens] == [None, None, 1, 2]
    assert [t["ticket"] for t in hospital.queue(slot)] == [tokens[2]["ticket"], tokens[3]["ticket"]]


def test_expected_end_is_the_later_of_the_delayed_end_and_the_last_in_the_queue_being_done(hospital: Hospital) -> None:
    slot = hospital.slot(capacity=9, consultation=10)
    for _ in range(6):
        hospital.token(slot)
    assert when(hospital.slot_now(slot)["expected_end"]) == hospital.at("10:00")
    hospital.token(slot)
    assert when(hospital.slot_now(slot)["expected_end"]) == hospital.at("10:10")
    hospital.delay(slot, 15)
    assert when(hospital.slot_now(slot)["expected_end"]) == hospital.at("10:25")


def test_born_tomorrow_is_refused(hospital: Hospital) -> None:
    later = (hospital.now().date() + timedelta(days=2)).isoformat()
    answer = hospital.desk.post("patients/", {"name": unique(), "phone": phone(), "date_of_birth": later})
    answer.expect(400, "validation-error")
    assert "date_of_birth" in answer.codes
    assert date.fromisoformat(later)

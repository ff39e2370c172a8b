"""Deletion removes the object's events too; afterwards the log verifies and the invariants hold."""

import io
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.core.management import call_command

from clinics.models import Doctor, Slot
from events.models import Event
from tests.factories import ensure_facility, first_admin
from tests.support.api import in_process
from tests.support.hospital import PASSWORD, Hospital
from tests.support.invariants import assert_invariants_hold

pytestmark = pytest.mark.django_db(transaction=True)

Json = dict[str, Any]


@pytest.fixture
def hospital() -> Hospital:
    ensure_facility()
    return Hospital(in_process(), first_admin(PASSWORD).username, PASSWORD)


def all_is_well() -> None:
    out = io.StringIO()
    call_command("verify_log", stdout=out)  # raises CommandError for the first row that is not what it was
    assert "Every event" in out.getvalue()
    assert_invariants_hold()


def a_doctor_without_slots(hospital: Hospital) -> str:
    return f"doctors/{hospital.doctor()['id']}/"


def a_doctor_with_empty_slots(hospital: Hospital) -> str:
    doctor = hospital.doctor()
    first = hospital.slot(doctor, start=hospital.at("09:00"))
    hospital.slot(doctor, start=hospital.at("10:00"))
    hospital.slot(doctor, start=hospital.at("09:00", day=5))
    hospital.delay(first, 30)
    hospital.desk.post(f"slots/{first['id']}/cancel/").expect(200)
    return f"doctors/{doctor['id']}/"


def a_doctor_with_a_user(hospital: Hospital) -> str:
    doctor = hospital.doctor()
    hospital.slot(doctor)
    hospital.doctor_user(doctor)
    return f"doctors/{doctor['id']}/"


def a_slot(hospital: Hospital) -> str:
    return f"slots/{hospital.slot()['id']}/"


def a_slot_among_late_ones(hospital: Hospital) -> str:
    doctor = hospital.doctor()
    first = hospital.slot(doctor, start=hospital.at("09:00"))
    hospital.slot(doctor, start=hospital.at("10:00"))
    hospital.delay(first, 30)
    return f"slots/{first['id']}/"


def a_patient(hospital: Hospital) -> str:
    return f"patients/{hospital.patient()['id']}/"


def a_users_patient(hospital: Hospital) -> str:
    patient = hospital.patient()
    hospital.patient_user(patient)
    return f"patients/{patient['id']}/"


def a_user(hospital: Hospital) -> str:
    hospital.token(hospital.slot(), by=hospital.user("FRONT_DESK"))
    return f"users/{hospital.admin.get('users/', page_size=200).expect(200)['results'][-1]['id']}/"


def a_key(hospital: Hospital) -> str:
    hospital.token(hospital.slot(), by=hospital.key("operate"))
    return f"api-keys/{hospital.admin.get('api-keys/').expect(200)['results'][0]['id']}/"


def a_token(hospital: Hospital) -> str:
    slot, (token,) = hospital.full_slot(1)
    hospital.entry(slot)
    return f"tokens/{token['id']}/"


def an_entry(hospital: Hospital) -> str:
    slot, _ = hospital.full_slot(1)
    return f"waiting-list/{hospital.entry(slot)['id']}/"


def a_room(hospital: Hospital) -> str:
    return f"rooms/{hospital.admin.post('rooms/', {'name': 'Room 4', 'code': 'R4'}).expect(201)['id']}/"


def a_board(hospital: Hospital) -> str:
    return f"boards/{hospital.admin.post('boards/', {'name': 'Hall'}).expect(201)['id']}/"


def a_kiosk(hospital: Hospital) -> str:
    """Return a kiosk at which a patient checked in."""
    slot = hospital.slot(start=hospital.now() + timedelta(minutes=30))
    code = hospital.desk.post(f"tokens/{hospital.token(slot)['id']}/link/").expect(201)["code"]
    arrived = hospital.device("kiosk").post("kiosk/check_in/", {"scan": code}).expect(200)
    assert arrived["outcome"] == "ARRIVED"
    return f"kiosks/{hospital.admin.get('kiosks/').expect(200)['results'][0]['id']}/"


@pytest.mark.parametrize(
    "thing",
    [
        a_doctor_without_slots, a_doctor_with_empty_slots, a_doctor_with_a_user, a_slot, a_slot_among_late_ones,
        a_patient, a_users_patient, a_user, a_key, a_token, an_entry, a_room,
        a_board, a_kiosk,
    ],
)  # fmt: skip
def test_the_log_is_whole_after_a_deletion(hospital: Hospital, thing: Callable[[Hospital], str]) -> None:
    path = thing(hospital)
    answer = hospital.admin.delete(path)
    assert answer.status in (200, 204), str(answer)
    all_is_well()


def test_every_delete_of_the_api_is_tried_here() -> None:
    from drf_spectacular.generators import SchemaGenerator

    paths = SchemaGenerator().get_schema(request=None, public=True)["paths"]
    tried = {"doctors", "slots", "patients", "users", "api-keys", "tokens", "waiting-list", "rooms", "boards", "kiosks"}
    known = {path.split("/")[3] for path, operations in paths.items() if "delete" in operations}
    not_rows = {"auth", "facilities"}  # sessions, and the logo of a facility
    assert known - not_rows == tried


def test_each_slot_of_a_deleted_doctor_has_its_last_event(hospital: Hospital) -> None:
    path = a_doctor_with_empty_slots(hospital)
    slots = set(Slot.objects.values_list("id", flat=True))
    hospital.admin.delete(path).expect(204)
    deleted = Event.objects.filter(type="slot.deleted")
    assert set(deleted.values_list("slot_id", flat=True)) == slots
    assert {actor.split(":")[0] for actor in deleted.values_list("actor", flat=True)} == {"user"}
    assert not Slot.objects.exists()


@pytest.mark.parametrize("end", ["cancel", None])
def test_a_doctor_with_any_token_is_left_as_they_are(hospital: Hospital, end: str | None) -> None:
    doctor = hospital.doctor()
    used, empty = hospital.slot(doctor), hospital.slot(doctor, start=hospital.at("15:00"))
    token = hospital.token(used)
    if end:
        hospital.do(token, end).expect(200)
    hospital.admin.delete(f"doctors/{doctor['id']}/").expect(409, "in-use")
    assert hospital.slot_now(empty) == empty
    assert Doctor.objects.filter(id=doctor["id"]).exists()
    all_is_well()


def test_a_doctor_whose_only_token_lies_in_a_slot_that_moved_away_is_in_use(hospital: Hospital) -> None:
    doctor, other = hospital.doctor(), hospital.doctor()
    slot = hospital.slot(doctor)
    hospital.do(hospital.token(slot), "cancel").expect(200)
    hospital.desk.patch(f"slots/{slot['id']}/", {"doctor": other["id"]}).expect(200)
    empty = hospital.slot(doctor)
    hospital.admin.delete(f"doctors/{doctor['id']}/").expect(409, "in-use")
    assert hospital.slot_now(empty) == empty
    all_is_well()


def test_a_year_of_empty_slots_is_deleted_in_a_few_statements(
    hospital: Hospital, django_assert_max_num_queries: Any
) -> None:
    doctor = hospital.doctor()
    bulk = {
        "doctor_id": doctor["id"], "start_date": "2031-01-01", "end_date": "2031-12-31",
        "start_time": "09:00", "end_time": "12:00", "duration_minutes": 60,
    }  # fmt: skip
    assert hospital.desk.post("slots/bulk/", bulk).expect(201)["count"] == 365 * 3
    with django_assert_max_num_queries(40):
        hospital.admin.delete(f"doctors/{doctor['id']}/").expect(204)
    all_is_well()

"""doctors/: creation, changes, search, and deletion while unused."""

from typing import Any

import pytest
from django.db import IntegrityError
from django.test.utils import CaptureQueriesContext

from clinics.models import Doctor, Slot
from core import clock
from core.db.transactions import atomic
from core.ids import new_id
from tests.factories import a_doctor, stored_slot, stored_token
from tests.support.hospital import Hospital
from tests.support.shapes import DOCTOR, assert_shape

FULL = {
    "name": "Dr. Meera Iyer",
    "specialization": "Paediatrics",
    "email": "meera@hospital.example",
    "phone": "+91 98450 11223",
    "experience_years": 12,
    "consultation_minutes": 15,
    "is_active": False,
}


def test_a_doctor_is_taken_in(hospital: Hospital) -> None:
    made = hospital.admin.post("doctors/", FULL).expect(201)
    assert_shape(made, DOCTOR)
    assert made | FULL == made
    assert made["facility"] == hospital.facility["id"]
    assert made["created_at"].endswith("+05:30")
    assert hospital.desk.get(f"doctors/{made['id']}/").expect(200) == made


def test_what_is_not_said_has_its_usual_value(hospital: Hospital) -> None:
    made = hospital.admin.post("doctors/", {"name": "Dr. Rao", "specialization": "ENT"}).expect(201)
    assert (made["email"], made["phone"], made["experience_years"]) == (None, None, None)
    assert (made["consultation_minutes"], made["is_active"]) == (10, True)


def test_every_doctor_has_letters_of_their_own(db: None) -> None:
    letters = [a_doctor().ticket_letters for _ in range(28)]
    assert letters == [*"ABCDEFGHIJKLMNOPQRSTUVWXYZ", "AA", "AB"]


def test_letters_are_not_given_twice_when_a_doctor_leaves(hospital: Hospital) -> None:
    first = a_doctor()
    hospital.admin.delete(f"doctors/{first.pk}/").expect(204)
    assert a_doctor().ticket_letters == "B"


def test_the_database_refuses_the_same_letters_twice(db: None) -> None:
    first, second = a_doctor(), a_doctor()
    with pytest.raises(IntegrityError, match="doctor_ticket_letters_unique"), atomic():
        Doctor.objects.filter(pk=second.pk).update(ticket_letters=first.ticket_letters)


def test_what_was_read_can_be_sent_back(hospital: Hospital) -> None:
    made = hospital.admin.post("doctors/", FULL).expect(201)
    path = f"doctors/{made['id']}/"
    assert hospital.admin.put(path, {**made, "id": str(new_id()), "created_at": "nonsense"}).expect(200) == made
    assert hospital.admin.patch(path, {"is_active": True}).expect(200) == {**made, "is_active": True}
    short = hospital.admin.put(path, {"name": "Dr. M. Iyer", "specialization": "Paediatrics"}).expect(200)
    assert short == {**made, "is_active": True, "name": "Dr. M. Iyer"}
    cleared = hospital.admin.patch(path, {"email": None, "phone": None, "experience_years": None}).expect(200)
    assert (cleared["email"], cleared["phone"], cleared["experience_years"]) == (None, None, None)


def test_put_wants_the_required_fields(hospital: Hospital) -> None:
    path = f"doctors/{a_doctor().pk}/"
    refused = hospital.admin.put(path, {"name": "Dr. X"})
    refused.expect(400)
    assert refused.codes == {"specialization": "required"}


def test_a_facility_that_does_not_exist_is_not_found(hospital: Hospital) -> None:
    unknown = {"name": "Dr. X", "specialization": "ENT", "facility": str(new_id())}
    hospital.admin.post("doctors/", unknown).expect(404, "not-found")
    hospital.admin.patch(f"doctors/{a_doctor().pk}/", {"facility": str(new_id())}).expect(404, "not-found")


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"name": ""}, "name"),
        ({"name": "  "}, "name"),
        ({"name": None}, "name"),
        ({"name": 7}, "name"),
        ({"name": ["Dr. X"]}, "name"),
        ({"name": "x" * 201}, "name"),
        ({"name": "x" * 10_000}, "name"),
        ({"name": "\ud800"}, "body"),
        ({"name": "a\x00"}, "name"),
        ({"specialization": "x" * 101}, "specialization"),
        ({"email": "nobody"}, "email"),
        ({"email": f"{'x' * 300}@hospital.example"}, "email"),
        ({"email": ""}, "email"),
        ({"phone": "call me"}, "phone"),
        ({"phone": "12"}, "phone"),
        ({"phone": "1" * 33}, "phone"),
        ({"phone": 9876543210}, "phone"),
        ({"experience_years": -1}, "experience_years"),
        ({"experience_years": 81}, "experience_years"),
        ({"experience_years": 10**300}, "experience_years"),
        ({"experience_years": "12"}, "experience_years"),
        ({"consultation_minutes": 0}, "consultation_minutes"),
        ({"consultation_minutes": 1441}, "consultation_minutes"),
        ({"consultation_minutes": None}, "consultation_minutes"),
        ({"consultation_minutes": 7.5}, "consultation_minutes"),
        ({"is_active": "yes"}, "is_active"),
        ({"is_active": None}, "is_active"),
        ({"facility": "here"}, "facility"),
        ({"facility": None}, "facility"),
        ({"ticket_letters": "Z"}, "ticket_letters"),
    ],
)
def test_what_makes_no_sense_is_refused(hospital: Hospital, change: dict[str, Any], field: str) -> None:
    before = Doctor.objects.count()
    refused = hospital.admin.post("doctors/", {**FULL, **change})
    refused.expect(400, "validation-error")
    assert field in refused.codes or field == "body"
    assert Doctor.objects.count() == before


@pytest.mark.parametrize("content", [b"[]", b"7", b'"x"', b"null", b"{", b"\xff", b'{"name": NaN}', b"[" * 100_000])
def test_a_body_that_is_no_object_is_refused(hospital: Hospital, content: bytes) -> None:
    hospital.admin.call("POST", "doctors/", content=content).expect(400, "validation-error")


def test_doctors_are_found(hospital: Hospital) -> None:
    for name, specialization, active in [
        ("Dr. Anand", "Cardiology", True),
        ("Dr. Bhat", "cardiology", False),
        ("Dr. Chandra", "ENT", True),
    ]:
        body = {"name": name, "specialization": specialization, "is_active": active}
        hospital.admin.post("doctors/", body).expect(201)

    def names(**query: Any) -> list[str]:
        return [each["name"] for each in hospital.desk.get("doctors/", **query).expect(200)["results"]]

    assert names() == ["Dr. Anand", "Dr. Bhat", "Dr. Chandra"]
    assert names(specialization="CARDIOLOGY") == ["Dr. Anand", "Dr. Bhat"]
    assert names(specialization="cardio") == []
    assert names(search="cardio") == ["Dr. Anand", "Dr. Bhat"]
    assert names(search="chan") == ["Dr. Chandra"]
    assert names(search="%") == []
    assert names(is_active="true") == ["Dr. Anand", "Dr. Chandra"]
    assert names(is_active="false", specialization="cardiology") == ["Dr. Bhat"]
    assert names(page_size=2, page=2) == ["Dr. Chandra"]


@pytest.mark.parametrize(
    "query",
    [{"is_active": "perhaps"}, {"colour": "blue"}, {"ordering": "name"}, {"search": "a\x00"}, {"search": "x" * 300}]
    + [{"page": each} for each in ("0", "-1", "x", "9" * 30)]
    + [{"page_size": each} for each in ("0", "x", "9" * 30)],
)
def test_filters_that_make_no_sense_are_refused(hospital: Hospital, query: dict[str, str]) -> None:
    hospital.desk.get("doctors/", **query).expect(400, "validation-error")


def test_a_page_beyond_the_last_is_not_found(hospital: Hospital) -> None:
    hospital.desk.get("doctors/", page=2).expect(404, "not-found")


def test_a_long_list_costs_no_more_queries(hospital: Hospital) -> None:
    from django.db import connection

    def queries() -> int:
        with CaptureQueriesContext(connection) as seen:
            hospital.desk.get("doctors/").expect(200)
        return len(seen)

    a_doctor()
    few = queries()
    for _ in range(30):
        a_doctor()
    assert queries() == few <= 4


def test_a_doctor_who_never_saw_anybody_is_removed_with_their_slots(hospital: Hospital) -> None:
    doctor = a_doctor()
    stored_slot(doctor=doctor)
    hospital.admin.delete(f"doctors/{doctor.pk}/").expect(204)
    hospital.admin.delete(f"doctors/{doctor.pk}/").expect(404, "not-found")
    assert not Slot.objects.exists()


@pytest.mark.parametrize("status", ["CONFIRMED", "CANCELLED", "COMPLETED"])
def test_a_doctor_to_whom_a_token_refers_stays(hospital: Hospital, status: str) -> None:
    doctor = a_doctor()
    empty, used = stored_slot(doctor=doctor), stored_slot(doctor=doctor, start=clock.now().replace(year=2030))
    stored_token(used, status=status)
    hospital.admin.delete(f"doctors/{doctor.pk}/").expect(409, "in-use")
    assert set(Slot.objects.values_list("pk", flat=True)) == {empty.pk, used.pk}


def test_a_removed_doctors_user_is_nobodys_doctor(hospital: Hospital) -> None:
    doctor = hospital.doctor()
    user = hospital.doctor_user(doctor)
    hospital.admin.delete(f"doctors/{doctor['id']}/").expect(204)
    assert user.get("auth/me/").expect(200)["doctor"] is None


@pytest.mark.parametrize("role", ["FRONT_DESK", "DOCTOR", "PATIENT"])
def test_only_an_administrator_writes(hospital: Hospital, role: str) -> None:
    user, doctor = hospital.user(role), hospital.doctor()
    path = f"doctors/{doctor['id']}/"
    user.get(path).expect(200)
    user.get("doctors/").expect(200)
    user.post("doctors/", FULL).expect(403, "permission-denied")
    user.put(path, doctor).expect(403)
    user.patch(path, {"name": "Me"}).expect(403)
    user.delete(path).expect(403)


def test_without_credentials_nothing(hospital: Hospital) -> None:
    hospital.nobody.get("doctors/").expect(401, "not-authenticated")
    hospital.nobody.post("doctors/", FULL).expect(401)
    hospital.nobody.get("facilities/").expect(401)


def test_the_database_keeps_the_history_of_a_doctor(hospital: Hospital) -> None:
    from pghistory.models import Events

    doctor = hospital.doctor()
    hospital.admin.patch(f"doctors/{doctor['id']}/", {"consultation_minutes": 20}).expect(200)
    lines = list(Events.objects.tracks(Doctor.objects.get()).order_by("pgh_created_at"))
    assert [line.pgh_label for line in lines] == ["insert", "update"]
    assert lines[1].pgh_diff["consultation_minutes"] == [10, 20]
    assert all(line.pgh_context["actor"].startswith("user:") for line in lines)


def test_other_methods(hospital: Hospital) -> None:
    for path in ("doctors/", f"doctors/{hospital.doctor()['id']}/"):
        assert hospital.admin.call("HEAD", path).status == 200
        for method in ("OPTIONS", "TRACE", "BREW"):
            hospital.admin.call(method, path).expect(405, "method-not-allowed")
    hospital.admin.call("DELETE", "doctors/").expect(405, "method-not-allowed")

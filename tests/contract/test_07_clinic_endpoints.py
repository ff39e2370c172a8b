"""Section 7: facilities, doctors and patients; paging, filters, deletion, duplicate registrations."""

from typing import Any

import pytest

from tests.support import shapes
from tests.support.api import path_of
from tests.support.hospital import Hospital, phone, unique
from tests.support.shapes import assert_shape

Json = dict[str, Any]


def ids(hospital: Hospital, path: str, **query: Any) -> list[str]:
    return [thing["id"] for thing in hospital.desk.get(path, **query).expect(200)["results"]]


def test_the_facility_can_be_patched_by_an_admin(hospital: Hospital) -> None:
    place = f"facilities/{hospital.facility['id']}/"
    renamed = hospital.admin.patch(place, {"name": "City Clinic"}).expect(200)
    assert_shape(renamed, shapes.FACILITY)
    assert renamed["name"] == "City Clinic"
    hospital.admin.patch(place, {"name": hospital.facility["name"]}).expect(200)
    hospital.admin.patch(place, {"time_zone": "Mars/Olympus"}).expect(400, "validation-error")
    hospital.admin.patch(place, {"name": ""}).expect(400, "validation-error")
    hospital.admin.patch(place, {"colour": "blue"}).expect(400, "validation-error")
    hospital.desk.patch(place, {"name": "Mine"}).expect(403, "permission-denied")
    assert hospital.desk.get(place).expect(200) == hospital.facility


def test_facilities_are_not_deleted(hospital: Hospital) -> None:
    hospital.admin.delete(f"facilities/{hospital.facility['id']}/").expect(405, "method-not-allowed")


def test_lists_are_paged_and_cut_at_200(hospital: Hospital) -> None:
    word = unique("Paging").replace(" ", "")
    for number in range(3):
        hospital.doctor(name=f"Dr {word} {number}")
    page = hospital.desk.get("doctors/", search=word, page_size=2).expect(200)
    assert set(page) == {"count", "next", "previous", "results"}
    assert (page["count"], len(page["results"]), page["previous"]) == (3, 2, None)
    assert "page=2" in page["next"]
    last = hospital.desk.get("doctors/", search=word, page_size=2, page=2).expect(200)
    assert (last["count"], len(last["results"]), last["next"]) == (3, 1, None)
    assert last["previous"] is not None
    seen = {d["id"] for d in page["results"] + last["results"]}
    assert len(seen) == 3
    assert len(ids(hospital, "doctors/", search=word, page_size=10_000)) == 3
    again = hospital.desk.call("GET", path_of(page["next"]))
    assert again.expect(200)["results"] == last["results"]


@pytest.mark.parametrize(
    "path", ["doctors/", "patients/", "slots/", "tokens/", "waiting-list/", "events/", "facilities/"]
)
@pytest.mark.parametrize("page", ["0", "-1", "abc", "9" * 30, "1e3", "", "2.5", "%00"])
def test_a_page_that_does_not_exist_is_a_clear_refusal(hospital: Hospital, path: str, page: str) -> None:
    """404 not-found or 400 validation-error; an empty page number may also mean the first page."""
    answer = hospital.desk.call("GET", f"{path}?page={page}")
    assert answer.status in ((200, 400, 404) if page == "" else (400, 404)), str(answer)


@pytest.mark.parametrize("path", ["doctors/", "patients/", "slots/", "tokens/", "waiting-list/", "facilities/"])
@pytest.mark.parametrize("size", ["0", "-1", "abc", "9" * 30, "100000", "2.5"])
def test_an_odd_page_size_never_breaks_it_and_never_gives_more_than_200(
    hospital: Hospital, path: str, size: str
) -> None:
    answer = hospital.desk.call("GET", f"{path}?page_size={size}")
    assert answer.status in (200, 400, 404), str(answer)
    if answer.status == 200:
        assert len(answer.body["results"]) <= 200


def test_a_page_holds_200_at_most(hospital: Hospital) -> None:
    doctor = hospital.doctor()
    day = hospital.at(day=5).date().isoformat()
    body = {
        "doctor_id": doctor["id"], "start_date": day, "end_date": day, "start_time": "08:00", "end_time": "15:30",
        "duration_minutes": 2,
    }  # fmt: skip
    assert hospital.desk.post("slots/bulk/", body).expect(201)["count"] == 225
    page = hospital.desk.get("slots/", doctor=doctor["id"], page_size=10_000).expect(200)
    assert (page["count"], len(page["results"])) == (225, 200)
    assert page["next"] is not None
    rest = hospital.desk.get("slots/", doctor=doctor["id"], page_size=500, page=2).expect(200)
    assert len(rest["results"]) == 25


def test_doctors_filters(hospital: Hospital) -> None:
    word = unique("Filter").replace(" ", "")
    heart = hospital.doctor(name=f"Dr {word} Heart", specialization=f"Cardiology {word}")
    skin = hospital.doctor(name=f"Dr {word} Skin", specialization=f"Dermatology {word}", is_active=False)
    assert ids(hospital, "doctors/", specialization=f"Cardiology {word}") == [heart["id"]]
    assert set(ids(hospital, "doctors/", search=word)) == {heart["id"], skin["id"]}
    assert ids(hospital, "doctors/", search=f"{word} heart".lower()) == [heart["id"]]
    assert ids(hospital, "doctors/", search=word, is_active="true") == [heart["id"]]
    assert ids(hospital, "doctors/", search=word, is_active="false") == [skin["id"]]
    assert ids(hospital, "doctors/", search="nobody has this name") == []
    hospital.desk.get("doctors/", is_active="perhaps").expect(400, "validation-error")


def test_a_doctor_is_changed_and_deleted_unless_in_use(hospital: Hospital) -> None:
    free, used = hospital.doctor(), hospital.doctor()
    changed = hospital.admin.patch(f"doctors/{free['id']}/", {"specialization": "ENT"}).expect(200)
    assert (changed["specialization"], changed["name"]) == ("ENT", free["name"])
    put = hospital.admin.put(f"doctors/{free['id']}/", {"name": "Dr New", "specialization": "Eyes"}).expect(200)
    assert (put["name"], put["specialization"], put["consultation_minutes"]) == ("Dr New", "Eyes", 10)
    hospital.admin.put(f"doctors/{free['id']}/", {"name": "Dr Half"}).expect(400, "validation-error")
    answer = hospital.admin.delete(f"doctors/{free['id']}/")
    answer.expect(204)
    assert answer.raw == b""
    hospital.admin.get(f"doctors/{free['id']}/").expect(404, "not-found")
    hospital.do(hospital.token(hospital.slot(used)), "cancel").expect(200)
    hospital.admin.delete(f"doctors/{used['id']}/").expect(409, "in-use")
    assert hospital.admin.get(f"doctors/{used['id']}/").expect(200) == used


def test_a_doctor_with_a_slot_but_no_token_can_be_deleted_or_is_in_use(hospital: Hospital) -> None:
    """Only tokens are named by the contract; a refusal has to be in-use, and no slot may be left without its doctor."""
    doctor = hospital.doctor()
    slot = hospital.slot(doctor)
    answer = hospital.admin.delete(f"doctors/{doctor['id']}/")
    assert answer.status == 204 or answer.body["code"] == "in-use", str(answer)
    if answer.status == 204:
        hospital.desk.get(f"slots/{slot['id']}/").expect(404, "not-found")


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("name", ""), ("name", "   "), ("name", None), ("name", 5), ("name", "x" * 10_000), ("name", ["x"]),
        ("specialization", ""), ("email", "no address"), ("experience_years", -1), ("experience_years", "many"),
        ("experience_years", 10**300), ("consultation_minutes", 0), ("consultation_minutes", -5),
        ("consultation_minutes", 10**9), ("consultation_minutes", None), ("is_active", "perhaps"), ("is_active", None),
    ],
    ids=lambda value: str(value)[:12],
)  # fmt: skip
def test_a_doctor_with_a_bad_field_is_refused_by_its_name(hospital: Hospital, field: str, value: Any) -> None:
    answer = hospital.admin.post("doctors/", {"name": "Dr Bad", "specialization": "ENT", field: value})
    answer.expect(400, "validation-error")
    assert set(answer.codes) == {field}


def test_patients_are_searched_by_name_or_phone(hospital: Hospital) -> None:
    word, number = unique("Meera").replace(" ", ""), phone()
    one = hospital.patient(name=f"{word} Iyer", phone=number)
    two = hospital.patient(name=f"{word} Nair")
    assert set(ids(hospital, "patients/", search=word.lower())) == {one["id"], two["id"]}
    assert ids(hospital, "patients/", search=number) == [one["id"]]
    assert ids(hospital, "patients/", search=number[-8:]) == [one["id"]]
    assert ids(hospital, "patients/", search=f"{word} iyer") == [one["id"]]
    assert ids(hospital, "patients/", search="%_%") == []


def test_the_same_name_and_phone_is_a_duplicate_unless_allowed(hospital: Hospital) -> None:
    first = hospital.patient()
    twice = {"name": first["name"], "phone": first["phone"]}
    answer = hospital.desk.post("patients/", twice)
    answer.expect(409, "duplicate-patient")
    assert answer.body["existing_id"] == first["id"]
    hospital.desk.post("patients/", {**twice, "allow_duplicate": False}).expect(409, "duplicate-patient")
    twin = hospital.desk.post("patients/", {**twice, "allow_duplicate": True}).expect(201)
    assert twin["id"] != first["id"]
    assert_shape(twin, shapes.PATIENT)
    hospital.patient(name=first["name"])
    hospital.patient(phone=first["phone"])
    again = hospital.desk.post("patients/", twice)
    again.expect(409, "duplicate-patient")
    assert again.body["existing_id"] in (first["id"], twin["id"])


def test_changing_a_patient_into_a_duplicate_is_refused_too(hospital: Hospital) -> None:
    """Read from `same name and phone again`: a PATCH is no way round it."""
    one, two = hospital.patient(), hospital.patient()
    answer = hospital.desk.patch(f"patients/{two['id']}/", {"name": one["name"], "phone": one["phone"]})
    answer.expect(409, "duplicate-patient")
    assert hospital.desk.get(f"patients/{two['id']}/").expect(200) == two


def test_a_patient_is_changed_and_deleted_unless_in_use(hospital: Hospital) -> None:
    free, used, waits = hospital.patient(), hospital.patient(), hospital.patient()
    changed = hospital.desk.patch(f"patients/{free['id']}/", {"date_of_birth": "1999-12-31"}).expect(200)
    assert changed == {**free, "date_of_birth": "1999-12-31"}
    cleared = hospital.desk.patch(f"patients/{free['id']}/", {"date_of_birth": None}).expect(200)
    assert cleared["date_of_birth"] is None
    hospital.desk.delete(f"patients/{free['id']}/").expect(204)
    hospital.desk.get(f"patients/{free['id']}/").expect(404, "not-found")
    hospital.desk.delete(f"patients/{free['id']}/").expect(404, "not-found")
    hospital.do(hospital.token(hospital.slot(), used), "cancel").expect(200)
    hospital.desk.delete(f"patients/{used['id']}/").expect(409, "in-use")
    slot, _ = hospital.full_slot(1)
    hospital.entry(slot, waits)
    answer = hospital.desk.delete(f"patients/{waits['id']}/")
    assert answer.status == 204 or answer.body["code"] == "in-use", str(answer)


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("name", ""), ("name", " \t "), ("name", None), ("name", {}), ("name", "x" * 10_000), ("phone", ""),
        ("phone", None), ("phone", "9" * 400), ("email", "nobody"), ("date_of_birth", "2026-02-30"),
        ("date_of_birth", "yesterday"), ("date_of_birth", "0000-00-00"), ("date_of_birth", 19900101),
        ("date_of_birth", "1990-01-01T00:00:00Z"), ("needs_assistance", "perhaps"), ("needs_assistance", None),
        ("allow_duplicate", "perhaps"),
    ],
    ids=lambda value: str(value)[:12],
)  # fmt: skip
def test_a_patient_with_a_bad_field_is_refused_by_its_name(hospital: Hospital, field: str, value: Any) -> None:
    answer = hospital.desk.post("patients/", {"name": unique(), "phone": phone(), field: value})
    answer.expect(400, "validation-error")
    assert set(answer.codes) == {field}


@pytest.mark.parametrize("missing", ["name", "phone"])
def test_a_patient_needs_a_name_and_a_phone(hospital: Hospital, missing: str) -> None:
    body = {"name": unique(), "phone": phone()}
    del body[missing]
    answer = hospital.desk.post("patients/", body)
    answer.expect(400, "validation-error")
    assert set(answer.codes) == {missing}

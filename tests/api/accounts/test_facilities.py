"""The facility of users, keys and records: who may name which, and whom an administrator manages."""

import re
import uuid
from typing import Any

import pytest
from django.core import mail
from django.db import IntegrityError
from django.test import Client

from accounts.access.roles import Role
from accounts.models import User, first_facility_id
from core.db.transactions import atomic
from tests.support.hospital import PASSWORD, Hospital, unique

NOBODYS = "01957a51-2b7c-7c31-9c39-0c2f1f6d3a10"


@pytest.fixture
def branch(hospital: Hospital) -> Hospital:
    """A second facility, with an ADMIN who is no superuser."""
    return hospital.branch()


def facility_of(api: Any) -> str | None:
    return api.get("auth/me/").expect(200)["facility"]  # type: ignore[no-any-return]


def a_user(role: str, **facts: Any) -> dict[str, Any]:
    name = f"u{uuid.uuid4().hex[:10]}"
    return {"username": name, "email": f"{name}@example.org", "password": PASSWORD, "role": role, **facts}


def test_staff_belong_to_the_facility_of_the_admin_who_creates_them(hospital: Hospital, branch: Hospital) -> None:
    assert facility_of(hospital.admin) == hospital.facility["id"]
    assert facility_of(branch.admin) == branch.facility["id"]
    assert facility_of(branch.desk) == branch.facility["id"]
    assert facility_of(branch.doctor_user(branch.doctor())) == branch.facility["id"]
    assert facility_of(branch.patient_user(branch.patient())) is None


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("users/", a_user("FRONT_DESK")),
        ("doctors/", {"name": "Dr. Rao", "specialization": "ENT"}),
        ("api-keys/", {"name": "Laboratory", "scopes": ["read"]}),
        ("patients/", {"name": "Asha Rao", "phone": "+91 98450 11223"}),
    ],
)
def test_a_superuser_names_another_facility_and_an_admin_does_not(
    hospital: Hospital, branch: Hospital, path: str, body: dict[str, Any]
) -> None:
    foreign = branch.admin.post(path, {**body, "facility": hospital.facility["id"]})
    unknown = branch.admin.post(path, {**body, "facility": NOBODYS})
    assert foreign.body == unknown.body
    foreign.expect(404, "not-found")
    hospital.admin.post(path, {**body, "facility": NOBODYS}).expect(404, "not-found")
    made = hospital.admin.post(path, {**body, "facility": branch.facility["id"]}).expect(201)
    assert made["facility"] == branch.facility["id"]
    assert branch.admin.get(f"{path}{made['id']}/").expect(200)["facility"] == branch.facility["id"]


def test_a_doctors_user_belongs_to_the_doctors_facility(hospital: Hospital, branch: Hospital) -> None:
    doctor = branch.doctor()
    made = hospital.admin.post("users/", a_user("DOCTOR", doctor=doctor["id"])).expect(201)
    assert made["facility"] == branch.facility["id"]
    other = a_user("DOCTOR", doctor=doctor["id"], facility=hospital.facility["id"])
    assert hospital.admin.post("users/", other).codes == {"doctor": "other-facility"}


def test_a_user_does_not_move(hospital: Hospital, branch: Hospital) -> None:
    made = branch.admin.post("users/", a_user("FRONT_DESK")).expect(201)
    path = f"users/{made['id']}/"
    assert branch.admin.put(path, made).expect(200) == made
    branch.admin.patch(path, {"facility": hospital.facility["id"]}).expect(404, "not-found")
    assert hospital.admin.patch(path, {"facility": hospital.facility["id"]}).codes == {"facility": "immutable"}


def test_an_admin_manages_the_users_and_keys_of_their_facility(hospital: Hospital, branch: Hospital) -> None:
    desk = hospital.desk.get("auth/me/").expect(200)["id"]
    key = hospital.admin.post("api-keys/", {"name": "Laboratory", "scopes": ["read"]}).expect(201)["id"]
    for path in (f"users/{desk}/", f"api-keys/{key}/"):
        branch.admin.get(path).expect(404, "not-found")
        branch.admin.delete(path).expect(404, "not-found")
        hospital.admin.get(path).expect(200)
    branch.admin.patch(f"users/{desk}/", {"is_active": False}).expect(404, "not-found")
    names = {user["facility"] for user in branch.admin.get("users/").expect(200)["results"]}
    assert names == {branch.facility["id"]}
    assert branch.admin.get("api-keys/").expect(200)["results"] == []
    everyone = {user["facility"] for user in hospital.admin.get("users/").expect(200)["results"]}
    assert everyone == {hospital.facility["id"], branch.facility["id"]}


def test_an_admin_does_not_change_a_superuser(hospital: Hospital) -> None:
    boss = hospital.admin.get("auth/me/").expect(200)["id"]
    admin = hospital.user("ADMIN")
    shown = admin.get(f"users/{boss}/").expect(200)
    admin.patch(f"users/{boss}/", {"password": "Another-Harbour-28"}).expect(403, "permission-denied")
    admin.patch(f"users/{boss}/", {"role": "FRONT_DESK"}).expect(403, "permission-denied")
    admin.delete(f"users/{boss}/").expect(403, "permission-denied")
    assert admin.put(f"users/{boss}/", shown).expect(200) == shown


def test_the_last_superuser_stays(hospital: Hospital) -> None:
    hospital.user("ADMIN")
    boss = hospital.admin.get("auth/me/").expect(200)["id"]
    hospital.admin.delete(f"users/{boss}/").expect(409, "in-use")
    hospital.admin.patch(f"users/{boss}/", {"role": "FRONT_DESK"}).expect(409, "in-use")


def test_a_patient_with_records_in_two_facilities(hospital: Hospital, branch: Hospital) -> None:
    here, there, own = hospital.patient(), branch.patient(), branch.patient()
    made = hospital.admin.post("users/", a_user("PATIENT", patients=[here["id"], there["id"]])).expect(201)
    path = f"users/{made['id']}/"
    shown = branch.admin.get(path).expect(200)
    assert (shown["facility"], shown["patients"]) == (None, [there["id"]])
    for changes in ({"password": "Another-Harbour-28"}, {"email": "x@example.org"}, {"is_active": False}):
        branch.admin.patch(path, changes).expect(403, "permission-denied")
    branch.admin.delete(path).expect(403, "permission-denied")
    branch.admin.patch(path, {"patients": [here["id"]]}).expect(404, "not-found")
    branch.admin.patch(path, {"patients": [there["id"], own["id"]]}).expect(200)
    known = set(hospital.admin.get(path).expect(200)["patients"])
    assert known == {here["id"], there["id"], own["id"]}, "the records elsewhere stay"


def test_patients_name_the_facility_if_there_are_several(hospital: Hospital) -> None:
    user = hospital.patient_user()
    first = user.post("patients/", {"name": "Asha Rao", "phone": "+91 98450 11223"}).expect(201)
    assert first["facility"] == hospital.facility["id"]
    branch = hospital.branch()
    body = {"name": "Asha Rao", "phone": "+91 98450 11223"}
    assert user.post("patients/", body).codes == {"facility": "required"}
    user.post("patients/", {**body, "facility": NOBODYS}).expect(404, "not-found")
    second = user.post("patients/", {**body, "facility": branch.facility["id"]}).expect(201)
    assert second["id"] != first["id"], "a person registered in two facilities is two patients"
    assert {each["id"] for each in user.get("patients/").expect(200)["results"]} == {first["id"], second["id"]}
    assert [each["id"] for each in branch.desk.get("patients/").expect(200)["results"]] == [second["id"]]


def test_a_name_and_phone_are_registered_once_in_each_facility(hospital: Hospital, branch: Hospital) -> None:
    body = {"name": unique("Asha"), "phone": "+91 98450 11223"}
    first = hospital.desk.post("patients/", body).expect(201)
    second = branch.desk.post("patients/", body).expect(201)
    assert branch.desk.post("patients/", body).expect(409, "duplicate-patient")["existing_id"] == second["id"]
    assert hospital.desk.post("patients/", body).expect(409, "duplicate-patient")["existing_id"] == first["id"]


def test_a_record_does_not_move(hospital: Hospital, branch: Hospital) -> None:
    record = hospital.patient()
    path = f"patients/{record['id']}/"
    assert hospital.desk.put(path, record).expect(200) == record
    hospital.desk.patch(path, {"facility": branch.facility["id"]}).expect(404, "not-found")
    assert hospital.admin.patch(path, {"facility": branch.facility["id"]}).codes == {"facility": "immutable"}


def test_registration_names_the_facility_if_there_are_several(hospital: Hospital, branch: Hospital) -> None:
    body = {"email": "asha@example.org", "password": PASSWORD, "name": "Asha Rao", "phone": "+91 98450 11223"}
    assert hospital.nobody.post("auth/register/", body).codes == {"facility": "required"}
    hospital.nobody.post("auth/register/", {**body, "facility": NOBODYS}).expect(404, "not-found")
    hospital.nobody.post("auth/register/", {**body, "facility": branch.facility["id"]}).expect(202)
    [code] = re.findall(r"\b\d{6}\b", str(mail.outbox[-1].body))
    hospital.nobody.post("auth/register/verify/", {"email": body["email"], "otp": code}).expect(201)
    assert [each["name"] for each in branch.desk.get("patients/").expect(200)["results"]] == ["Asha Rao"]
    assert hospital.desk.get("patients/").expect(200)["count"] == 0


@pytest.mark.parametrize(
    ("facts", "constraint"),
    [
        ({"role": Role.FRONT_DESK, "facility": None}, "user_facility_by_role"),
        ({"role": Role.ADMIN, "facility": None}, "user_facility_by_role"),
        ({"role": Role.PATIENT, "is_superuser": True}, "user_superuser_is_admin"),
        ({"role": Role.DOCTOR, "is_superuser": True}, "user_superuser_is_admin"),
    ],
)
def test_the_database_knows_whose_staff_they_are(db: None, facts: dict[str, Any], constraint: str) -> None:
    with pytest.raises(IntegrityError, match=constraint), atomic():
        User.objects.create_user("somebody", **facts)
    with pytest.raises(IntegrityError, match="user_facility_by_role"), atomic():
        User.objects.create_user("somebody", role=Role.PATIENT, facility_id=first_facility_id())


def test_only_a_superuser_adds_and_sees_other_facilities(hospital: Hospital, branch: Hospital) -> None:
    body = {"name": "Third", "code": "THIRD"}
    branch.admin.post("facilities/", body).expect(403, "permission-denied")
    third = hospital.admin.post("facilities/", body).expect(201)
    assert third["time_zone"]
    assert hospital.admin.post("facilities/", body).codes == {"code": "unique"}
    assert hospital.admin.get("facilities/").expect(200)["count"] == 3
    assert hospital.patient_user().get("facilities/").expect(200)["count"] == 3
    for staff in (branch.admin, branch.desk, branch.key("operate")):
        assert staff.get("facilities/").expect(200)["results"] == [branch.facility]
        staff.get(f"facilities/{third['id']}/").expect(404, "not-found")
    branch.admin.patch(f"facilities/{third['id']}/", {"name": "Mine"}).expect(404, "not-found")
    branch.admin.patch(f"facilities/{branch.facility['id']}/", {"name": "Ours"}).expect(200)
    hospital.admin.patch(f"facilities/{third['id']}/", {"name": "All of ours"}).expect(200)


def test_the_admin_site_shows_an_admin_their_own_facility(hospital: Hospital, branch: Hospital) -> None:
    site, boss = Client(), User.objects.get(pk=branch.admin.get("auth/me/").expect(200)["id"])
    site.force_login(boss)
    slot, own = hospital.slot(), branch.slot()
    token, entry = hospital.full_slot(1)[1][0], hospital.patient()
    foreign = {
        "clinics/slot": slot["id"], "clinics/doctor": slot["doctor"], "tokens/token": token["id"],
        "patients/patient": entry["id"], "clinics/facility": hospital.facility["id"],
        "accounts/user": hospital.desk.get("auth/me/").expect(200)["id"],
    }  # fmt: skip
    for page, each in foreign.items():
        listed = site.get(f"/admin/{page}/")
        assert listed.status_code == 200, page
        assert each not in listed.content.decode(), page
        assert site.get(f"/admin/{page}/{each}/change/").status_code == 302, page
    assert own["id"] in site.get("/admin/clinics/slot/").content.decode()

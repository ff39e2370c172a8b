"""Easily guessed passwords are refused wherever a password is set."""

import datetime
import io
from typing import Any

import pytest
from django.apps import apps
from django.core import mail
from django.core.management import CommandError, call_command
from rest_framework.test import APIClient

from accounts.access.roles import Role
from accounts.models import User
from core import clock
from tests.api.accounts.conftest import PASSWORD, bearer, problem
from tests.factories import ensure_facility

pytestmark = pytest.mark.django_db

BASE = "/api/v1/"
EMAIL, GOOD = "meera.pillai@sunrise.example", "eight-blue-lotus"
OF_ANYBODY = [
    "hospital1",
    "Hospital@2026",
    "        ",
    "\u3000" * 9,
    "h0sp1tal99",
    "opd-token-1",
    "password2026",
    "Clinic!!!!",
    "\ufe0f" * 8,
    "\U0001d159" * 8,
    "ab\u200bc\u2060d\ufe0fe\u3164f",
    "a b c d e f g",
    "p a s s w o r d",
    "p-a-s-s-w-o-r-d",
    "pass\u200bword",
    "p\u00e4ssw\u00f6rd",
    "1 2 3 4 5 6 7 8",
    "retsinim",
    "1latipsoh!",
    "\u00e9" * 8,
    "abababab",
    "abcdabcd",
    "emergency1",
    "Casualty-2026",
    "Ward-Pharmacy-7",
]
OF_THE_FACILITY = ["stjohns-2026", "StJohns@Hospital"]
OF_THE_USER = ["mpillai7", "mpillai7!", "meera.pillai1", "Pillai2026!", "sunrise-123"]


@pytest.fixture(autouse=True)
def _facility() -> None:
    facilities = apps.get_model("clinics.Facility").objects
    if not facilities.update(name="StJohns Hospital"):
        facilities.create(name="StJohns Hospital", code="SJH", time_zone="Asia/Kolkata")


@pytest.fixture
def api() -> APIClient:
    return APIClient(raise_request_exception=False)


@pytest.fixture
def user() -> User:
    return User.objects.create_user("mpillai7", EMAIL, PASSWORD, role=Role.ADMIN)


def refused(answer: Any, field: str) -> None:
    errors = problem(answer, 400, "validation-error")["errors"]
    assert {(each["field"], each["code"]) for each in errors} <= {(field, "weak-password"), (field, "blank")}, errors


WEAK = pytest.mark.parametrize("password", [*OF_ANYBODY, *OF_THE_FACILITY, *OF_THE_USER])


@WEAK
def test_an_administrator_sets_none(user: User, password: str) -> None:
    admin = bearer(user)
    new = {"username": "mpillai7-b", "email": f"new.{EMAIL}", "password": password, "role": "FRONT_DESK"}
    refused(admin.post(f"{BASE}users/", new), "password")
    refused(admin.patch(f"{BASE}users/{user.pk}/", {"password": password}), "password")
    assert User.objects.count() == 1


@WEAK
def test_nobody_changes_to_one(user: User, password: str) -> None:
    body = {"password": PASSWORD, "new_password": password}
    refused(bearer(user).post(f"{BASE}auth/password/change/", body), "new_password")


@WEAK
def test_nobody_resets_to_one_and_the_code_stays_good(api: APIClient, user: User, password: str) -> None:
    api.post(f"{BASE}auth/password/forgot/", {"email": EMAIL})
    body = {"email": EMAIL, "otp": mail.outbox[0].subject.split()[-1]}
    refused(api.post(f"{BASE}auth/password/reset/", {**body, "new_password": password}), "new_password")
    assert api.post(f"{BASE}auth/password/reset/", {**body, "new_password": GOOD}).status_code == 204


@pytest.mark.parametrize("password", [*OF_ANYBODY, *OF_THE_FACILITY, *OF_THE_USER[2:], "lakshmi-77", "Lakshmi Nair1"])
def test_nobody_registers_with_one(api: APIClient, password: str) -> None:
    body = {"email": EMAIL, "password": password, "name": "Lakshmi Nair", "phone": "+91 98450 11223"}
    refused(api.post(f"{BASE}auth/register/", body), "password")
    assert not mail.outbox


OF_THE_PERSON = [
    "9845011223",
    "98450 11223",
    "+91 98450 11223",
    "919845011223",
    "00919845011223",
    "098450-11223",
    "9845011223a",
    "3221105489",
    "\u096f\u096e\u096a\u096b\u0966\u0967\u0967\u0968\u0968\u0969",
    "nair9845011223",
    "09041961",
    "09-04-1961",
    "9/4/1961 xyz",
    "04/09/1961",
    "1961-04-09",
    "19610409",
    "9april1961",
    "09 Apr 1961",
    "Lakshmi090461",
    "16914090",
]


@pytest.mark.parametrize("password", OF_THE_PERSON)
def test_nobody_registers_with_their_phone_or_birth_date(api: APIClient, password: str) -> None:
    body = {"email": EMAIL, "name": "Lakshmi Nair", "phone": "+91 98450 11223", "date_of_birth": "1961-04-09"}
    refused(api.post(f"{BASE}auth/register/", {**body, "password": password}), "password")
    assert not mail.outbox


def test_a_phone_beside_something_else_is_good(api: APIClient) -> None:
    body = {"email": EMAIL, "name": "Lakshmi Nair", "phone": "+91 98450 11223", "date_of_birth": "1961-04-09"}
    for password in ("9845011223-lotus", "green-lamp-09041961-evening"):
        assert api.post(f"{BASE}auth/register/", {**body, "password": password}).status_code == 202


@pytest.mark.parametrize("password", OF_THE_PERSON)
def test_the_phone_and_birth_date_of_a_patient_are_no_password(user: User, client: Any, password: str) -> None:
    patient = apps.get_model("patients.Patient").objects.create(
        name="Lakshmi Nair", phone="+91 98450 11223", name_key="l", phone_key="+919845011223",
        date_of_birth=datetime.date(1961, 4, 9), created_at=clock.now(),
        facility=ensure_facility(),
    )  # fmt: skip
    new = {"username": "new", "email": "", "password": password, "role": "PATIENT", "patients": [str(patient.pk)]}
    refused(bearer(user).post(f"{BASE}users/", new), "password")
    client.force_login(user, backend="accounts.auth.backends.PasswordBackend")
    answer = client.post("/admin/accounts/user/add/", {**new, "patients": str(patient.pk), "is_active": "on"})
    assert "password" in answer.context["adminform"].form.errors


def test_the_number_in_a_user_name_is_no_password(user: User) -> None:
    new = {"username": "rao-83920174", "email": "", "password": "83920174", "role": "FRONT_DESK"}
    refused(bearer(user).post(f"{BASE}users/", new), "password")


def test_the_name_of_a_patient_in_any_script_is_no_password(user: User) -> None:
    name = "\u0932\u0915\u094d\u0937\u094d\u092e\u0940 \u0928\u093e\u092f\u0930"
    patient = apps.get_model("patients.Patient").objects.create(
        name=name,
        phone="1234567",
        name_key="l",
        phone_key="1234567",
        created_at=clock.now(),
        facility=ensure_facility(),
    )
    new = {"username": "new", "email": "", "password": f"{name}1", "role": "PATIENT", "patients": [str(patient.pk)]}
    refused(bearer(user).post(f"{BASE}users/", new), "password")


@pytest.mark.parametrize("password", ["lakshmi-77", "Lakshmi Nair1"])
def test_the_name_of_a_patient_is_no_password(user: User, password: str) -> None:
    patient = apps.get_model("patients.Patient").objects.create(
        name="Lakshmi Nair",
        phone="1234567",
        name_key="l",
        phone_key="1234567",
        created_at=clock.now(),
        facility=ensure_facility(),
    )
    new = {"username": "new", "email": "", "password": password, "role": "PATIENT", "patients": [str(patient.pk)]}
    refused(bearer(user).post(f"{BASE}users/", new), "password")


@WEAK
def test_the_admin_site_sets_none(client: Any, user: User, password: str) -> None:
    client.force_login(user, backend="accounts.auth.backends.PasswordBackend")
    form = {"username": user.username, "email": user.email, "role": "ADMIN", "is_active": "on", "password": password}
    answer = client.post(f"/admin/accounts/user/{user.pk}/change/", form)
    assert answer.status_code == 200
    assert "password" in answer.context["adminform"].form.errors
    assert User.objects.get().check_password(PASSWORD)


@WEAK
def test_createsuperuser_sets_none(monkeypatch: Any, password: str) -> None:
    monkeypatch.setenv("DJANGO_SUPERUSER_PASSWORD", password)
    with pytest.raises(CommandError):
        call_command("createsuperuser", interactive=False, username="mpillai7", email=EMAIL, stdout=io.StringIO())
    assert not User.objects.exists()


@pytest.mark.parametrize(
    "password",
    [
        "quiet-harbour-42",
        "seven-white-lotus",
        "hospital-x7qkd",
        "doctor-pass-1",
        "opd 83920174",
        "\u0928\u0926\u0940 \u0915\u0947 \u092a\u093e\u0930",
    ],
)
def test_a_word_of_the_hospital_beside_something_else_is_good(user: User, password: str) -> None:
    assert bearer(user).patch(f"{BASE}users/{user.pk}/", {"password": password}).status_code == 200

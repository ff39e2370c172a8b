"""Registration, password recovery, user administration, and privileges that users can't grant themselves."""

import uuid
from datetime import timedelta
from typing import Any

import pytest
from django.apps import apps
from django.core import mail
from rest_framework.test import APIClient

from accounts import users
from accounts.access.roles import Role
from accounts.errors import LastAdministrator
from accounts.models import OneTimeCode, User
from core.clock import ManualClock
from tests.api.accounts.conftest import PASSWORD, MakeUser, bearer, problem

BASE = "/api/v1/"
ASHA = {
    "email": "Asha@mail.example",
    "password": "seven-white-lotus",
    "name": "Asha Rao",
    "phone": "+91 98450 11223",
    "date_of_birth": "1961-04-09",
}
EMAIL = {"email": "asha@mail.example"}


def code_of(message: Any) -> str:
    return str(message.subject.split()[-1])


def register(api: APIClient, **changes: Any) -> Any:
    return api.post(f"{BASE}auth/register/", {**ASHA, **changes})


def verify(api: APIClient, otp: str, email: str = "asha@mail.example") -> Any:
    return api.post(f"{BASE}auth/register/verify/", {"email": email, "otp": otp})


def wrong(code: str) -> str:
    return f"{(int(code) + 1) % 10**6:06d}"


def test_a_patient_registers(api: APIClient) -> None:
    assert register(api).status_code == 202
    (message,) = mail.outbox
    assert message.to == ["Asha@mail.example"]
    assert "Asha Rao" not in message.body
    row = OneTimeCode.objects.get()
    assert code_of(message) not in f"{row.code_hash}{row.details}"
    assert ASHA["password"] not in str(row.details)

    answer = verify(api, code_of(message))
    assert answer.status_code == 201, answer.content
    me = api.get(f"{BASE}auth/me/", HTTP_AUTHORIZATION=f"Bearer {answer.json()['access']}").json()
    assert (me["role"], [each["name"] for each in me["patients"]]) == ("PATIENT", ["Asha Rao"])
    patient = apps.get_model("patients.Patient").objects.get()
    assert (str(patient.date_of_birth), patient.phone) == ("1961-04-09", "+91 98450 11223")
    token = api.post(f"{BASE}auth/token/", {"username": "asha@mail.example", "password": ASHA["password"]})
    assert token.status_code == 200
    problem(verify(api, code_of(message)), 400, "validation-error")  # used once


@pytest.mark.parametrize("email", ["o'hara!#@mail.example", f"{'l' * 60}@{'long.' * 30}example"])
def test_an_address_that_cannot_be_a_user_name_registers_too(api: APIClient, admin: APIClient, email: str) -> None:
    assert register(api, email=email).status_code == 202
    assert verify(api, code_of(mail.outbox[0]), email).status_code == 201
    user = admin.get(f"{BASE}users/?role=PATIENT").json()["results"][0]
    assert user["email"] == email
    assert admin.put(f"{BASE}users/{user['id']}/", user).status_code == 200


def test_who_types_anothers_name_and_phone_gets_a_record_of_their_own(api: APIClient, make_patient: Any) -> None:
    on_file = make_patient("Asha Rao", "+91 98450 11223")
    register(api)
    verify(api, code_of(mail.outbox[0]))
    assert on_file.pk not in User.objects.get().patients.values_list("pk", flat=True)


def test_a_taken_address_is_not_betrayed(api: APIClient, make_user: MakeUser) -> None:
    fresh = register(api)
    make_user(email="other@mail.example")
    taken = register(api, email="OTHER@mail.example")
    assert (taken.status_code, taken.content) == (fresh.status_code, fresh.content)
    assert mail.outbox[1].to == ["other@mail.example"], "the address on file"
    assert not any(letter.isdigit() for letter in mail.outbox[1].subject)
    assert User.objects.count() == 1


def test_five_wrong_tries_kill_the_code(api: APIClient) -> None:
    register(api)
    code = code_of(mail.outbox[0])
    for _ in range(5):
        assert problem(verify(api, wrong(code)), 400, "validation-error")["errors"][0]["field"] == "otp"
    problem(verify(api, code), 400, "validation-error")


def test_a_fifth_try_that_is_right_still_counts(api: APIClient) -> None:
    register(api)
    code = code_of(mail.outbox[0])
    for _ in range(4):
        verify(api, wrong(code))
    assert verify(api, code).status_code == 201


def test_a_code_is_good_for_ten_minutes(api: APIClient, clock: ManualClock) -> None:
    register(api)
    clock.advance(minutes=10)
    problem(verify(api, code_of(mail.outbox[0])), 400, "validation-error")


def test_a_code_opens_only_its_own_address_and_purpose(api: APIClient, make_user: MakeUser) -> None:
    make_user(email="other@mail.example")
    register(api)
    code = code_of(mail.outbox[0])
    problem(verify(api, code, "other@mail.example"), 400, "validation-error")
    reset = {**EMAIL, "otp": code, "new_password": "eight-blue-lotus"}
    problem(api.post(f"{BASE}auth/password/reset/", reset), 400, "validation-error")
    assert verify(api, code).status_code == 201


@pytest.mark.parametrize(
    "change",
    [
        {"role": "ADMIN"},
        {"is_staff": True},
        {"is_superuser": True},
        {"patients": []},
        {"email": "x"},
        {"email": ["a@b.co"]},
        {"password": "short"},
        {"password": "password123"},
        {"password": "x" * 200},
        {"password": 12345678},
        {"name": ""},
        {"name": "a\nb"},
        {"name": "x" * 300},
        {"phone": "x"},
        {"phone": 9845011223},
        {"date_of_birth": "2999-01-01"},
        {"date_of_birth": "0001-01-01"},
        {"date_of_birth": "soon"},
        {"email": "a@" + "b" * 300 + ".co"},
        {"email": None},
    ],
)
def test_what_a_registration_may_not_hold(api: APIClient, change: dict[str, Any]) -> None:
    problem(register(api, **change), 400, "validation-error")
    assert not mail.outbox


@pytest.mark.parametrize(
    "otp",
    ["", "12345", "1234567", "12345a", 123456, None, ["123456"], "\uff11\uff12\uff13\uff14\uff15\uff16", "123456\n"],
)
def test_what_is_no_code(api: APIClient, otp: Any) -> None:
    problem(verify(api, otp), 400, "validation-error")


def test_a_forgotten_password(api: APIClient, make_user: MakeUser) -> None:
    make_user(username="asha", email="asha@mail.example")
    credentials = {"username": "asha", "password": PASSWORD}
    pair = api.post(f"{BASE}auth/token/", credentials).json()
    for _ in range(5):
        api.post(f"{BASE}auth/token/", {**credentials, "password": "forgotten"})
    assert api.post(f"{BASE}auth/password/forgot/", EMAIL).status_code == 202
    reset = {**EMAIL, "otp": code_of(mail.outbox[0]), "new_password": "eight-blue-lotus"}
    problem(api.post(f"{BASE}auth/password/reset/", {**reset, "new_password": "short"}), 400, "validation-error")
    problem(api.post(f"{BASE}auth/password/reset/", {**reset, "otp": wrong(reset["otp"])}), 400, "validation-error")
    answer = api.post(f"{BASE}auth/password/reset/", reset)
    assert (answer.status_code, answer.content) == (204, b"")
    problem(api.post(f"{BASE}auth/password/reset/", reset), 400, "validation-error")
    problem(api.post(f"{BASE}auth/token/refresh/", {"refresh": pair["refresh"]}), 401, "not-authenticated")
    problem(api.post(f"{BASE}auth/token/", credentials), 401, "not-authenticated")
    assert api.post(f"{BASE}auth/token/", {**credentials, "password": "eight-blue-lotus"}).status_code == 200


def test_nobody_learns_who_has_an_account(api: APIClient, make_user: MakeUser) -> None:
    make_user(email="asha@mail.example")
    make_user(email="gone@mail.example", is_active=False)
    answers = [
        api.post(f"{BASE}auth/password/forgot/", {"email": each})
        for each in (
            "asha@mail.example",
            "nobody@mail.example",
            "gone@mail.example",
        )
    ]
    assert len({(each.status_code, each.content) for each in answers}) == 1
    assert [each.to for each in mail.outbox] == [["asha@mail.example"]]


def test_a_client_gets_five_mails_sent_in_ten_minutes(api: APIClient, clock: ManualClock) -> None:
    for _ in range(12):
        assert register(api).status_code == 202
    assert len(mail.outbox) == 5
    clock.advance(minutes=11)
    register(api)
    assert len(mail.outbox) == 6


def test_asking_too_often_from_one_address_is_throttled(api: APIClient, settings: Any, monkeypatch: Any) -> None:
    from accounts.limits import rates
    from accounts.limits.attempts import Limit

    settings.OPD_THROTTLING = True
    monkeypatch.setitem(rates.PER_ADDRESS, "forgot", Limit("forgot-address", 3))
    for turn in range(3):
        assert api.post(f"{BASE}auth/password/forgot/", EMAIL, HTTP_X_FORWARDED_FOR=f"10.0.0.{turn}").status_code == 202
    answer = api.post(f"{BASE}auth/password/forgot/", EMAIL, HTTP_X_FORWARDED_FOR="10.0.0.9")
    problem(answer, 429, "throttled")
    assert int(answer["Retry-After"]) > 800
    assert api.post(f"{BASE}auth/password/forgot/", EMAIL, REMOTE_ADDR="10.0.0.9").status_code == 202


def test_changing_ones_own_password(api: APIClient, make_user: MakeUser) -> None:
    user = make_user()
    here, there = bearer(user), bearer(user)
    url = f"{BASE}auth/password/change/"
    problem(here.post(url, {"password": "wrong", "new_password": "eight-blue-lotus"}), 400, "validation-error")
    answer = here.post(url, {"password": PASSWORD, "new_password": "eight-blue-lotus"})
    assert answer.status_code == 200
    problem(there.get(f"{BASE}auth/me/"), 401, "not-authenticated")
    again = api.get(f"{BASE}auth/me/", HTTP_AUTHORIZATION=f"Bearer {answer.json()['access']}")
    assert again.status_code == 200


NEW = {"username": "desk2", "email": "desk2@hospital.example", "password": "quiet-harbour-42", "role": "FRONT_DESK"}


def test_an_administrator_makes_reads_changes_and_removes_users(
    api: APIClient, admin: APIClient, make_doctor: Any, make_patient: Any
) -> None:
    doctor, patient = make_doctor(), make_patient()
    made = admin.post(f"{BASE}users/", {**NEW, "role": "DOCTOR", "doctor": str(doctor.pk)})
    assert made.status_code == 201, made.content
    body = made.json()
    assert body["doctor"] == str(doctor.pk)
    assert "password" not in body
    assert api.post(f"{BASE}auth/token/", {"username": "desk2", "password": NEW["password"]}).status_code == 200

    url = f"{BASE}users/{body['id']}/"
    assert admin.get(url).json() == body
    back = admin.put(url, body)
    assert (back.status_code, back.json()) == (200, body), "what was read can be sent back"

    changed = admin.patch(url, {"role": "PATIENT", "patients": [str(patient.pk)]}).json()
    assert (changed["role"], changed["doctor"], changed["patients"]) == ("PATIENT", None, [str(patient.pk)])
    assert admin.patch(url, {"role": "FRONT_DESK"}).json()["patients"] == []
    assert admin.get(f"{BASE}users/?role=FRONT_DESK&search=ESK2").json()["count"] == 1
    assert admin.delete(url).status_code == 204
    problem(admin.get(url), 404, "not-found")
    problem(admin.delete(url), 404, "not-found")
    problem(admin.patch(url, {"role": "ADMIN"}), 404, "not-found")


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"username": "ADMIN-0"}, "username"),
        ({"email": "Admin-0@hospital.example"}, "email"),
        ({"username": "admin-0@hospital.example"}, "username"),
        ({"is_staff": True}, "is_staff"),
        ({"is_superuser": True}, "is_superuser"),
        ({"session_version": 0}, "session_version"),
        ({"role": "GOD"}, "role"),
        ({"role": None}, "role"),
        ({"username": "a b"}, "username"),
        ({"username": ["x"]}, "username"),
        ({"username": "x\r\ny"}, "username"),
        ({"username": "u" * 151}, "username"),
        ({"username": ""}, "username"),
        ({"email": "x"}, "email"),
        ({"password": ""}, "password"),
        ({"patients": "x"}, "patients"),
        ({"is_active": "yes"}, "is_active"),
        ({"doctor": "x"}, "doctor"),
        ({"groups": []}, "groups"),
    ],
)
def test_what_a_user_may_not_be(admin: APIClient, change: dict[str, Any], field: str) -> None:
    body = problem(admin.post(f"{BASE}users/", {**NEW, **change}), 400, "validation-error")
    assert body["errors"][0]["field"].startswith(field), body


def test_belongings_go_with_the_role(admin: APIClient, make_doctor: Any, make_patient: Any) -> None:
    doctor, patient = str(make_doctor().pk), str(make_patient().pk)
    problem(admin.post(f"{BASE}users/", {**NEW, "doctor": doctor}), 400, "validation-error")
    problem(admin.post(f"{BASE}users/", {**NEW, "patients": [patient]}), 400, "validation-error")
    unknown = str(uuid.uuid4())
    problem(admin.post(f"{BASE}users/", {**NEW, "role": "DOCTOR", "doctor": unknown}), 404, "not-found")
    problem(admin.post(f"{BASE}users/", {**NEW, "role": "PATIENT", "patients": [patient, unknown]}), 404, "not-found")


def test_the_last_administrator_cannot_be_removed(admin: APIClient) -> None:
    me = admin.get(f"{BASE}auth/me/").json()["id"]
    url = f"{BASE}users/{me}/"
    problem(admin.delete(url), 409, "in-use")
    problem(admin.patch(url, {"role": "FRONT_DESK"}), 409, "in-use")
    problem(admin.patch(url, {"is_active": False}), 409, "in-use")
    second = admin.post(f"{BASE}users/", {**NEW, "role": "ADMIN"}).json()["id"]
    assert admin.delete(url).status_code == 204
    with pytest.raises(LastAdministrator):
        users.remove_user(user_id=uuid.UUID(second), by="user:x")


def test_bad_queries_are_refused(admin: APIClient) -> None:
    problem(admin.get(f"{BASE}users/?role=GOD"), 400, "validation-error")
    problem(admin.get(f"{BASE}users/?page_size={'9' * 30}"), 400, "validation-error")
    assert admin.get(f"{BASE}users/?search=%25_'").json()["count"] == 0
    problem(admin.get(f"{BASE}users/?search=%00"), 400, "validation-error")
    problem(admin.get(f"{BASE}users/nonsense/"), 404, "not-found")


def test_a_superuser_of_the_command_line_is_an_administrator() -> None:
    user = User.objects.create_superuser("root", "root@hospital.example", PASSWORD, is_staff=True, is_superuser=True)
    assert (user.role, user.is_staff, user.is_superuser) == (Role.ADMIN, True, True)
    assert not User(role=Role.FRONT_DESK).is_staff
    assert timedelta(0) <= user.created_at - user.created_at

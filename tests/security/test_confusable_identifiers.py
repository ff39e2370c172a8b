"""User names and e-mail addresses that resemble another user's, at every endpoint that accepts one."""

import io
from typing import Any

import pytest
from django.core import mail
from django.core.management import CommandError, call_command
from django.db import IntegrityError
from rest_framework.test import APIClient

from accounts.access.roles import Role
from accounts.errors import EmailTaken, UsernameTaken
from accounts.models import User
from core.api.problem_details import translate
from tests.api.accounts.conftest import PASSWORD, bearer, problem

pytestmark = pytest.mark.django_db

BASE = "/api/v1/"
OWNER = "kim.s@hospital.example"
# Not the address of OWNER; each is turned into it by some way of ignoring case or width.
DOTLESS = ["k\u0131m.s@hospital.example", "kim.s@hosp\u0131tal.example"]
REFUSED = [
    "kim.\u017f@hospital.example",  # long s
    "kim.s@ho\u017fpital.example",
    "\u212aim.s@hospital.example",  # Kelvin sign
    "kim.s@hospital.exa\uff4dple",  # fullwidth m
    "\uff4bim.s@hospital.example",
    "kim.s@hos\u00adpital.example",  # soft hyphen
    "kim.s@hosp\u200bital.example",  # zero width space
    "kim.s@ho\u0308spital.example",  # not composed
]
NAMES = ["K\u0130M", "\u212aim", "\uff4bim", "ki\u2133", "k\uff49m", "\ufb01n", "Jose\u0301"]


@pytest.fixture
def api() -> APIClient:
    return APIClient(raise_request_exception=False)


@pytest.fixture
def owner() -> User:
    return User.objects.create_user("kim", OWNER, PASSWORD, role=Role.ADMIN)


@pytest.fixture
def admin() -> APIClient:
    return bearer(User.objects.create_user("root", "root@hospital.example", PASSWORD, role=Role.ADMIN))


@pytest.mark.parametrize("address", DOTLESS + REFUSED)
def test_a_forgotten_password_of_a_look_alike_sends_nothing(api: APIClient, owner: User, address: str) -> None:
    known = api.post(f"{BASE}auth/password/forgot/", {"email": OWNER.upper()})
    assert [message.to for message in mail.outbox] == [[OWNER]], "the address on file, not the one that was typed"
    answer = api.post(f"{BASE}auth/password/forgot/", {"email": address})
    assert (answer.status_code, answer.content) == (202, known.content)
    assert len(mail.outbox) == 1


@pytest.mark.parametrize("address", DOTLESS + REFUSED)
def test_a_look_alike_resets_nothing(api: APIClient, owner: User, address: str) -> None:
    api.post(f"{BASE}auth/password/forgot/", {"email": OWNER})
    code = mail.outbox[0].subject.split()[-1]
    body = {"email": address, "otp": code, "new_password": "eight-blue-lotus"}
    problem(api.post(f"{BASE}auth/password/reset/", body), 400, "validation-error")
    assert api.post(f"{BASE}auth/password/reset/", {**body, "email": OWNER}).status_code == 204


@pytest.mark.parametrize("name", [*DOTLESS, *REFUSED, *NAMES, "k\u0131m"])
def test_a_look_alike_does_not_sign_in(api: APIClient, owner: User, name: str) -> None:
    problem(api.post(f"{BASE}auth/token/", {"username": name, "password": PASSWORD}), 401, "not-authenticated")
    assert api.post(f"{BASE}auth/token/", {"username": "KIM", "password": PASSWORD}).status_code == 200
    assert api.post(f"{BASE}auth/token/", {"email": OWNER.upper(), "password": PASSWORD}).status_code == 200


@pytest.mark.parametrize("name", [*DOTLESS, *REFUSED, *NAMES])
def test_failures_of_a_look_alike_do_not_lock_the_owner(api: APIClient, owner: User, name: str) -> None:
    for _ in range(6):
        api.post(f"{BASE}auth/token/", {"username": name, "password": "wrong"})
    assert api.post(f"{BASE}auth/token/", {"username": "kim", "password": PASSWORD}).status_code == 200


@pytest.mark.parametrize("address", REFUSED)
def test_nobody_registers_with_a_look_alike(api: APIClient, address: str) -> None:
    body = {"email": address, "password": "seven-white-lotus", "name": "Asha", "phone": "+91 98450 11223"}
    errors = problem(api.post(f"{BASE}auth/register/", body), 400, "validation-error")["errors"]
    assert {each["field"] for each in errors} == {"email"}
    problem(api.post(f"{BASE}auth/register/verify/", {"email": address, "otp": "123456"}), 400, "validation-error")
    assert not mail.outbox


@pytest.mark.parametrize("address", DOTLESS)
def test_a_letter_of_its_own_is_another_address(api: APIClient, owner: User, address: str) -> None:
    body = {"email": address, "password": "seven-white-lotus", "name": "Asha", "phone": "+91 98450 11223"}
    assert api.post(f"{BASE}auth/register/", body).status_code == 202
    assert [message.to for message in mail.outbox] == [[address]]
    code = mail.outbox[0].subject.split()[-1]
    assert api.post(f"{BASE}auth/register/verify/", {"email": address, "otp": code}).status_code == 201
    assert User.objects.get(email=address).pk != owner.pk


def test_whoever_registers_a_taken_address_again_mails_the_address_on_file(api: APIClient, owner: User) -> None:
    body = {"email": OWNER.upper(), "password": "seven-white-lotus", "name": "Asha", "phone": "+91 98450 11223"}
    assert api.post(f"{BASE}auth/register/", body).status_code == 202
    assert [message.to for message in mail.outbox] == [[OWNER]]


@pytest.mark.parametrize("field", ["username", "email"])
@pytest.mark.parametrize("text", [*REFUSED, *NAMES])
def test_an_administrator_sets_no_look_alike(admin: APIClient, owner: User, field: str, text: str) -> None:
    new = {"username": "new", "email": "new@hospital.example", "password": PASSWORD, "role": "FRONT_DESK"}
    answer = problem(admin.post(f"{BASE}users/", {**new, field: text}), 400, "validation-error")
    assert {each["field"] for each in answer["errors"]} == {field}
    answer = problem(admin.patch(f"{BASE}users/{owner.pk}/", {field: text}), 400, "validation-error")
    assert {each["field"] for each in answer["errors"]} == {field}


@pytest.mark.parametrize("field", ["username", "email"])
@pytest.mark.parametrize("text", [REFUSED[0], REFUSED[2], "\uff4bim@hospital.example"])
def test_the_admin_site_sets_no_look_alike(client: Any, owner: User, field: str, text: str) -> None:
    client.force_login(owner, backend="accounts.auth.backends.PasswordBackend")
    form = {"username": "new", "email": "new@hospital.example", "role": "FRONT_DESK", "is_active": "on"}
    answer = client.post("/admin/accounts/user/add/", {**form, "password": PASSWORD, field: text})
    assert answer.status_code == 200
    assert field in answer.context["adminform"].form.errors
    assert User.objects.count() == 1


@pytest.mark.parametrize("field", ["username", "email"])
@pytest.mark.parametrize("text", [REFUSED[0], REFUSED[2], "\uff4bim@hospital.example"])
def test_no_command_makes_a_look_alike(monkeypatch: Any, field: str, text: str) -> None:
    monkeypatch.setenv("DJANGO_SUPERUSER_PASSWORD", PASSWORD)
    given = {"username": "new", "email": "new@hospital.example", field: text}
    with pytest.raises(CommandError):
        call_command("createsuperuser", interactive=False, stdout=io.StringIO(), **given)
    assert not User.objects.exists()


@pytest.mark.parametrize("taken", ["KIM", "Kim.S@Hospital.example"])
def test_a_name_in_any_case_is_given_once(admin: APIClient, owner: User, monkeypatch: Any, taken: str) -> None:
    new = {"username": taken, "email": "new@hospital.example", "password": PASSWORD, "role": "FRONT_DESK"}
    problem(admin.post(f"{BASE}users/", new), 400, "validation-error")
    monkeypatch.setenv("DJANGO_SUPERUSER_PASSWORD", PASSWORD)
    with pytest.raises(CommandError):
        call_command("createsuperuser", interactive=False, username=taken, email="new@hospital.example")


@pytest.mark.parametrize(
    ("username", "email"), [("KIM", ""), ("new", OWNER.upper()), (OWNER.upper(), ""), ("new", "Kim")]
)
@pytest.mark.django_db(transaction=True)
def test_the_database_itself_gives_each_name_and_address_once(owner: User, username: str, email: str) -> None:
    with pytest.raises(IntegrityError) as refused:
        User(username=username, email=email).save(force_insert=True)
    assert isinstance(translate(refused.value), UsernameTaken | EmailTaken)
    other = User.objects.create_user("other", "other@hospital.example")
    with pytest.raises(IntegrityError):
        User(pk=other.pk, username=username, email=email).save(force_update=True, update_fields=["username", "email"])


@pytest.mark.parametrize("spelling", ["adm2@ho\u017fpital.example", "\uff41\uff44\uff4d2", "adm\u00b2"])
def test_nobody_signs_in_with_a_look_alike(client: Any, spelling: str) -> None:
    """The admin site accepts the same spellings as the API and no others."""
    User.objects.create_user("adm2", "adm2@hospital.example", PASSWORD, role=Role.ADMIN)
    answer = client.post("/admin/login/", {"username": spelling, "password": PASSWORD})
    assert answer.status_code == 200
    assert "sessionid" not in answer.cookies
    body = {"username": spelling, "password": PASSWORD}
    problem(client.post("/api/v1/auth/token/", body, content_type="application/json"), 401, "not-authenticated")
    for right in ("ADM2", " adm2@hospital.example "):
        assert client.post("/admin/login/", {"username": right, "password": PASSWORD}).status_code == 302

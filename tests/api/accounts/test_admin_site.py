"""The admin site enforces the same rules as the API."""

from typing import Any

import pytest
from django.test import Client

from accounts.access.roles import Role
from accounts.auth import sessions
from accounts.models import ApiKey, User
from tests.api.accounts.conftest import PASSWORD, MakeUser

USERS = "/admin/accounts/user/"


@pytest.fixture
def site(make_user: MakeUser) -> Client:
    make_user(Role.ADMIN, "boss")
    client = Client()
    assert client.post("/admin/login/", {"username": "boss", "password": PASSWORD}).status_code == 302
    return client


@pytest.mark.parametrize("role", [Role.FRONT_DESK, Role.DOCTOR, Role.PATIENT])
def test_only_administrators_enter(make_user: MakeUser, role: Role) -> None:
    make_user(role, "somebody")
    client = Client()
    assert client.post("/admin/login/", {"username": "somebody", "password": PASSWORD}).status_code == 200
    assert client.get(USERS).status_code == 302


def test_five_failures_lock_the_admin_site_as_well(make_user: MakeUser) -> None:
    make_user(Role.ADMIN, "boss")
    client = Client()
    for _ in range(5):
        client.post("/admin/login/", {"username": "boss", "password": "wrong"})
    assert client.post("/admin/login/", {"username": "boss", "password": PASSWORD}).status_code == 200


def test_users_are_made_and_changed(site: Client, make_patient: Any) -> None:
    form = {
        "username": "desk",
        "email": "desk@hospital.example",
        "role": "FRONT_DESK",
        "is_active": "on",
        "password": PASSWORD,
    }
    answer = site.post(f"{USERS}add/", form)
    assert answer.status_code == 302, answer.content
    user = User.objects.get(username="desk")
    assert user.check_password(PASSWORD)
    sessions.open_session(user=user)
    patient = make_patient()
    site.post(f"{USERS}{user.pk}/change/", {**form, "role": "PATIENT", "patients": str(patient.pk), "password": ""})
    user.refresh_from_db()
    assert (user.role, user.session_version, user.check_password(PASSWORD)) == ("PATIENT", 2, True)
    assert list(user.patients.all()) == [patient]
    assert PASSWORD.encode() not in site.get(f"{USERS}{user.pk}/change/").content
    site.post(f"{USERS}{user.pk}/delete/", {"post": "yes"})
    assert not User.objects.filter(pk=user.pk).exists()


def test_the_last_administrator_stays(site: Client) -> None:
    boss = User.objects.get(username="boss")
    for page, form in (
        (f"{USERS}{boss.pk}/delete/", {"post": "yes"}),
        (f"{USERS}{boss.pk}/change/", {"username": "boss", "email": "", "role": "PATIENT", "is_active": "on"}),
        (USERS, {"action": "delete_selected", "_selected_action": str(boss.pk), "post": "yes"}),
    ):
        answer = site.post(page, form, follow=True)
        assert b"last active administrator" in answer.content
    boss.refresh_from_db()
    assert boss.is_staff


def test_keys_are_made_shown_once_and_revoked(site: Client) -> None:
    page = "/admin/accounts/apikey/"
    answer = site.post(
        f"{page}add/", {"name": "Lab", "scopes": ["read"], "allowed_networks": "10.0.0.0/8\n"}, follow=True
    )
    key = ApiKey.objects.get()
    assert f"opd_{key.prefix}_" in answer.content.decode()
    assert key.allowed_networks == ["10.0.0.0/8"]
    assert f"opd_{key.prefix}_" not in site.get(page).content.decode()
    assert site.get(f"{page}{key.pk}/change/").status_code == 200
    site.post(page, {"action": "revoke", "_selected_action": str(key.pk)})
    key.refresh_from_db()
    assert key.revoked_at


def test_a_demoted_administrator_is_out_at_once(site: Client, make_user: MakeUser) -> None:
    from accounts import users

    make_user(Role.ADMIN, "other")
    users.change_user(user_id=User.objects.get(username="boss").pk, changes={"role": Role.FRONT_DESK}, by="user:x")
    assert site.get(USERS).status_code == 302


def test_the_read_trail_can_be_looked_at(site: Client) -> None:
    assert site.get("/admin/accounts/readtrail/?q=nonsense").status_code == 200
    assert site.get("/admin/accounts/readtrail/?q=0190163d-8694-739b-aea5-966c26f8ad91").status_code == 200

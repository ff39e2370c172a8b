"""Actions that need a recent sign-in, beyond an administrator's access token or admin session."""

import json
import logging
from typing import Any

import pytest
from django.test import Client
from rest_framework.test import APIClient

from accounts.access.roles import Role
from accounts.models import User
from core.clock import ManualClock
from tests.api.accounts.conftest import PASSWORD, problem
from tests.security.test_admin_site import set_signed_in_at
from tests.security.test_sessions import make_user, refresh, sign_in, signed_in

pytestmark = pytest.mark.django_db

USERS, SITE = "/api/v1/users/", "/admin/accounts/user/"
NEW_PASSWORD = "eight-blue-lotus"
WAYS_IN = [{"password": NEW_PASSWORD}, {"email": "mallory@mail.example"}, {"username": "mallory"}]
STANDING = [{"role": "FRONT_DESK"}, {"is_active": False}]


@pytest.fixture
def boss(clock: ManualClock) -> APIClient:
    """An administrator who signed in 16 minutes ago and refreshed since."""
    make_user(Role.ADMIN, "boss")
    pair = sign_in("boss")
    clock.advance(minutes=16)
    return signed_in(refresh(pair["refresh"]).json())


@pytest.fixture
def site(clock: ManualClock) -> Client:
    """An administrator whose admin site session began 16 minutes ago."""
    make_user(Role.ADMIN, "boss")
    client = Client()
    assert client.post("/admin/login/", {"username": "boss", "password": PASSWORD}).status_code == 302
    set_signed_in_at(client, clock, minutes=16)
    return client


def facts() -> list[Any]:
    return list(User.objects.order_by("pk").values("pk", "username", "email", "password", "role", "is_active"))


def sign_in_is_demanded(answer: Any) -> None:
    assert "Sign in again" in problem(answer, 403, "permission-denied")["detail"]


@pytest.mark.parametrize("change", WAYS_IN)
@pytest.mark.parametrize("role", list(Role))
def test_how_anybody_signs_in(boss: APIClient, role: Role, change: dict[str, Any]) -> None:
    other = make_user(role, "other")
    before = facts()
    whole = {"username": "other", "email": "other@hospital.example", "role": role, **change}
    sign_in_is_demanded(boss.patch(f"{USERS}{other.pk}/", change))
    sign_in_is_demanded(boss.put(f"{USERS}{other.pk}/", whole))
    assert facts() == before
    assert signed_in(sign_in("boss")).patch(f"{USERS}{other.pk}/", change).status_code == 200


@pytest.mark.parametrize("change", STANDING)
def test_the_standing_of_an_administrator(boss: APIClient, change: dict[str, Any]) -> None:
    other = make_user(Role.ADMIN, "other")
    sign_in_is_demanded(boss.patch(f"{USERS}{other.pk}/", change))
    assert signed_in(sign_in("boss")).patch(f"{USERS}{other.pk}/", change).status_code == 200


def test_a_password_that_is_the_stored_hash(boss: APIClient) -> None:
    """A submitted string is never compared with the stored hash as text."""
    other = make_user(Role.FRONT_DESK, "other")
    sign_in_is_demanded(boss.patch(f"{USERS}{other.pk}/", {"password": User.objects.get(pk=other.pk).password}))


def test_the_removal_of_an_administrator(boss: APIClient) -> None:
    other = make_user(Role.ADMIN, "other")
    sign_in_is_demanded(boss.delete(f"{USERS}{other.pk}/"))
    assert User.objects.count() == 2
    assert signed_in(sign_in("boss")).delete(f"{USERS}{other.pk}/").status_code == 204


def test_the_rest_needs_no_recent_sign_in(boss: APIClient) -> None:
    body = {"username": "new", "email": "", "password": PASSWORD, "role": "FRONT_DESK"}
    new = boss.post(USERS, body).json()["id"]
    for change in ({"role": "PATIENT"}, {"patients": []}, {"role": "DOCTOR", "doctor": None}, {"is_active": False}):
        assert boss.patch(f"{USERS}{new}/", change).status_code == 200, change
    same = {"username": "new", "email": "", "role": "DOCTOR"}
    assert boss.put(f"{USERS}{new}/", same).status_code == 200
    assert boss.delete(f"{USERS}{new}/").status_code == 204
    assert boss.delete(f"{USERS}{new}/").status_code == 404


def form_of(user: User, **changes: Any) -> dict[str, Any]:
    form = {"username": user.username, "email": user.email, "role": user.role, "is_active": "on", "password": ""}
    return {name: value for name, value in {**form, **changes}.items() if value is not False}


@pytest.mark.parametrize("change", [*WAYS_IN, *STANDING])
def test_the_admin_site_demands_it_too(site: Client, clock: ManualClock, change: dict[str, Any]) -> None:
    other = make_user(Role.ADMIN, "other")
    before, page = facts(), f"{SITE}{other.pk}/change/"
    assert b"Sign in again" in site.post(page, form_of(other, **change), follow=True).content
    assert facts() == before
    set_signed_in_at(site, clock, minutes=1)
    site.post(page, form_of(other, **change))
    assert facts() != before


@pytest.mark.parametrize("change", WAYS_IN)
def test_the_admin_site_demands_it_for_everybody(site: Client, change: dict[str, Any]) -> None:
    desk = make_user(Role.FRONT_DESK, "desk")
    before = facts()
    assert b"Sign in again" in site.post(f"{SITE}{desk.pk}/change/", form_of(desk, **change), follow=True).content
    assert facts() == before


def test_administrators_are_removed_on_the_admin_site_after_a_sign_in(site: Client, clock: ManualClock) -> None:
    desk, other = make_user(Role.FRONT_DESK, "desk"), make_user(Role.ADMIN, "other")
    both = {"action": "delete_selected", "_selected_action": [str(desk.pk), str(other.pk)], "post": "yes"}
    assert b"Sign in again" in site.post(f"{SITE}{other.pk}/delete/", {"post": "yes"}, follow=True).content
    assert b"Sign in again" in site.post(SITE, both, follow=True).content
    assert User.objects.count() == 3
    set_signed_in_at(site, clock, minutes=1)
    site.post(SITE, both)
    assert User.objects.count() == 1


def test_the_page_for_ones_own_password_is_the_page_of_the_user(site: Client) -> None:
    boss = User.objects.get()
    form = {"old_password": PASSWORD, "new_password1": NEW_PASSWORD, "new_password2": NEW_PASSWORD}
    answer = site.post("/admin/password_change/", form)
    assert (answer.status_code, answer["Location"]) == (302, f"{SITE}{boss.pk}/change/")
    assert User.objects.get().check_password(PASSWORD)
    assert Client().get("/admin/password_change/")["Location"].startswith("/admin/login/")


def test_the_log_says_who_made_changed_and_removed_users(
    boss: APIClient, clock: ManualClock, caplog: pytest.LogCaptureFixture
) -> None:
    own = f"user:{User.objects.get().pk}"
    with caplog.at_level(logging.INFO):
        body = {"username": "new", "email": "", "password": PASSWORD, "role": "FRONT_DESK"}
        new = boss.post(USERS, body).json()["id"]
        boss.patch(f"{USERS}{new}/", {"role": "PATIENT"})
        boss.delete(f"{USERS}{new}/")
        boss.post("/api/v1/auth/password/change/", {"password": PASSWORD, "new_password": NEW_PASSWORD})
        client = Client()
        client.post("/admin/login/", {"username": "boss", "password": NEW_PASSWORD})
        set_signed_in_at(client, clock, minutes=0)
        desk = {"username": "desk", "email": "", "role": "FRONT_DESK", "is_active": "on", "password": PASSWORD}
        client.post(f"{SITE}add/", desk)
        made = User.objects.get(username="desk")
        client.post(f"{SITE}{made.pk}/change/", {**desk, "role": "PATIENT", "password": ""})
        client.post(f"{SITE}{made.pk}/delete/", {"post": "yes"})
    lines = [json.loads(each.getMessage()) for each in caplog.records if "user_" in each.getMessage()]
    told = [(line["event"], line["by"]) for line in lines if line["event"].startswith("user_")]
    names = ["made", "changed", "removed", "changed", "made", "changed", "removed"]
    assert told == [(f"user_{name}", own) for name in names]

"""The admin site reveals no secrets, and its sessions expire."""

import logging
from datetime import timedelta
from typing import Any

import pytest
from django.contrib import admin
from django.contrib.admin.models import LogEntry
from django.contrib.sessions.models import Session as SiteSession
from django.test import Client
from django.utils import timezone
from django_otp.plugins.otp_totp.models import TOTPDevice

from accounts.access.roles import Role
from accounts.auth import second_factor
from accounts.models import ApiKey, User
from core.clock import ManualClock
from tests.api.accounts.conftest import PASSWORD

pytestmark = pytest.mark.django_db

USERS, KEYS = "/admin/accounts/user/", "/admin/accounts/apikey/"
NEW_KEY = {"name": "Lab", "scopes": ["read"], "allowed_networks": ""}


@pytest.fixture
def site() -> Client:
    """An administrator on the admin site."""
    User.objects.create_user("boss", "boss@hospital.example", PASSWORD, role=Role.ADMIN)
    client = Client()
    assert client.post("/admin/login/", {"username": "boss", "password": PASSWORD}).status_code == 302
    return client


def url_of(model: Any) -> str:
    return f"/admin/{model._meta.app_label}/{model._meta.model_name}/"


@pytest.mark.parametrize(
    "lookup",
    ["password__startswith=argon2", "password__regex=.", "session_version=1", "recovery_codes__isnull=0",
     "totpdevice__key__startswith=a", "sessions__current__isnull=0", "email__startswith=b"],
)  # fmt: skip
def test_no_secret_of_a_user_can_be_filtered_by(site: Client, lookup: str) -> None:
    assert site.get(f"{USERS}?{lookup}").status_code == 400


def test_no_page_filters_by_what_it_does_not_offer(site: Client) -> None:
    tried = 0
    for model, page in admin.site._registry.items():
        offered = set(map(str, page.list_filter))
        for field in model._meta.concrete_fields:
            if field.name not in offered:
                assert site.get(f"{url_of(model)}?{field.attname}__isnull=0").status_code == 400, (model, field)
                tried += 1
    assert tried > 50


def test_a_listed_doctor_is_no_way_to_their_password(site: Client) -> None:
    assert site.get("/admin/clinics/slot/?doctor__users__password__startswith=a").status_code == 400


@pytest.mark.parametrize("query", ["role__exact=ADMIN", "is_active__exact=1", "q=boss", "o=1"])
def test_what_a_page_offers_still_works(site: Client, query: str) -> None:
    answer = site.get(f"{USERS}?{query}")
    assert answer.status_code == 200
    assert b"boss" in answer.content


def test_the_secrets_of_second_factors_have_no_page(site: Client) -> None:
    user = User.objects.get()
    secret = second_factor.begin(user=user).secret
    device = TOTPDevice.objects.get()
    for page in ("", f"{device.pk}/change/", f"{device.pk}/config/", f"{device.pk}/qrcode/", "add/"):
        assert site.get(f"/admin/otp_totp/totpdevice/{page}").status_code == 404, page
    shown = site.get(f"{USERS}{user.pk}/change/").content.decode()
    assert device.key not in shown
    assert secret not in shown


def test_a_reset_of_a_second_factor_is_logged(site: Client, caplog: pytest.LogCaptureFixture) -> None:
    desk = User.objects.create_user("desk", "desk@hospital.example", PASSWORD, role=Role.FRONT_DESK)
    TOTPDevice.objects.create(user=desk, confirmed=True)
    with caplog.at_level(logging.INFO):
        site.post(USERS, {"action": "reset_second_factor", "_selected_action": str(desk.pk)})
    assert not second_factor.is_set_up(user=desk)
    [line] = [each.getMessage() for each in caplog.records if "second_factor_reset" in each.getMessage()]
    boss = User.objects.get(username="boss")
    assert f"user:{boss.pk}" in line
    assert str(desk.pk) in line
    assert LogEntry.objects.filter(user=boss, object_id=str(desk.pk)).exists()


def test_a_new_key_is_shown_on_a_page_that_nobody_stores(site: Client) -> None:
    answer = site.post(f"{KEYS}add/", NEW_KEY)
    key = ApiKey.objects.get()
    assert answer.status_code == 200
    assert f"opd_{key.prefix}_" in answer.content.decode()
    assert "no-store" in answer["Cache-Control"]
    assert all("opd_" not in cookie.value for cookie in answer.cookies.values())
    for page in (KEYS, f"{KEYS}{key.pk}/change/", f"{KEYS}{key.pk}/history/", "/admin/"):
        assert f"opd_{key.prefix}_" not in site.get(page).content.decode()
    assert "opd_" not in str(site.session.items())


def test_keys_and_administrators_need_a_recent_sign_in_here_too(site: Client, clock: ManualClock) -> None:
    boss = User.objects.get()
    set_signed_in_at(site, clock, minutes=16)
    answer = site.post(f"{KEYS}add/", NEW_KEY, follow=True)
    assert b"Sign in again" in answer.content
    form = {"username": "boss", "email": "mallory@mail.example", "role": "ADMIN", "is_active": "on", "password": ""}
    assert b"Sign in again" in site.post(f"{USERS}{boss.pk}/change/", form, follow=True).content
    boss.refresh_from_db()
    assert (ApiKey.objects.count(), boss.email) == (0, "boss@hospital.example")


def set_signed_in_at(site: Client, clock: ManualClock, **ago: int) -> None:
    """Backdate the start of the session."""
    session = site.session
    session["signed_in_at"] = (clock.now() - timedelta(**ago)).isoformat()
    session.save()


def ends_in() -> float:
    """Return the minutes until the only session expires."""
    return (SiteSession.objects.get().expire_date - timezone.now()).total_seconds() / 60


def test_a_session_ends_after_half_an_hour_without_a_request(site: Client) -> None:
    assert 29 < ends_in() <= 30
    SiteSession.objects.update(expire_date=timezone.now() + timedelta(minutes=1))
    answer = site.get(USERS)
    assert answer.status_code == 200
    assert 29 < ends_in() <= 30, "each request starts the half hour anew"
    assert int(answer.cookies["sessionid"]["max-age"]) == 30 * 60
    SiteSession.objects.update(expire_date=timezone.now())
    assert site.get(USERS).status_code == 302


def test_a_session_ends_after_twelve_hours_whatever_is_asked(site: Client, clock: ManualClock) -> None:
    set_signed_in_at(site, clock, hours=11, minutes=50)
    assert site.get(USERS).status_code == 200
    assert 9 < ends_in() <= 10
    set_signed_in_at(site, clock, hours=12)
    assert site.get(USERS).status_code == 302


def test_a_session_that_does_not_say_when_it_began_is_over(site: Client) -> None:
    session = site.session
    del session["signed_in_at"]
    session.save()
    assert site.get(USERS).status_code == 302


def test_the_api_opens_no_session() -> None:
    client = Client()
    client.post("/api/v1/auth/token/", {"username": "x", "password": "y"}, content_type="application/json")
    assert client.get("/healthz/live").cookies == {}
    assert not SiteSession.objects.exists()

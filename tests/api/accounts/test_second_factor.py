"""The second factor: set-up, enforcement, use and loss."""

from typing import Any

import pytest
from django.test import Client
from django_otp.oath import TOTP
from django_otp.plugins.otp_totp.models import TOTPDevice
from rest_framework.test import APIClient

from accounts.access.roles import Role
from accounts.models import RecoveryCode, User
from core.clock import ManualClock
from tests.api.accounts.conftest import PASSWORD, MakeUser, bearer, problem

BASE = "/api/v1/auth/"


def app_shows(user: User, clock: ManualClock) -> str:
    device = TOTPDevice.objects.get(user=user)
    totp = TOTP(device.bin_key)
    totp.time = clock.now().timestamp()
    return f"{totp.token():06d}"


def sign_in(user: User, otp: str | None = None) -> Any:
    body = {"username": user.username, "password": PASSWORD, **({"otp": otp} if otp is not None else {})}
    return APIClient().post(f"{BASE}token/", body)


@pytest.fixture
def desk(make_user: MakeUser) -> User:
    return make_user(username="desk")


def set_up(user: User, clock: ManualClock) -> Any:
    client = bearer(user)
    made = client.post(f"{BASE}mfa/setup/", {"password": PASSWORD})
    assert made.status_code == 201
    assert made.json()["uri"].startswith("otpauth://totp/")
    answer = client.post(f"{BASE}mfa/confirm/", {"otp": app_shows(user, clock)})
    assert answer.status_code == 200, answer.content
    clock.advance(seconds=60)
    return answer.json()


def test_once_set_up_it_is_asked_for(desk: User, clock: ManualClock) -> None:
    before = bearer(desk)
    confirmed = set_up(desk, clock)
    problem(before.get(f"{BASE}me/"), 401, "not-authenticated")
    again = APIClient()
    again.credentials(HTTP_AUTHORIZATION=f"Bearer {confirmed['access']}")
    assert again.get(f"{BASE}mfa/").json() == {"enabled": True, "required": False, "recovery_codes_left": 10}

    assert problem(sign_in(desk), 401, "not-authenticated")["second_factor"] == "needed"
    assert problem(sign_in(desk, ""), 400, "validation-error")
    problem(sign_in(desk, "000000"), 401, "not-authenticated")
    code = app_shows(desk, clock)
    assert sign_in(desk, code).status_code == 200
    problem(sign_in(desk, code), 401, "not-authenticated")  # intercepted and reused
    clock.advance(seconds=30)
    assert sign_in(desk, app_shows(desk, clock)).status_code == 200


def test_nothing_changes_before_it_is_confirmed(desk: User, clock: ManualClock) -> None:
    client = bearer(desk)
    client.post(f"{BASE}mfa/setup/", {"password": PASSWORD})
    problem(client.post(f"{BASE}mfa/confirm/", {"otp": "000000"}), 400, "validation-error")
    problem(client.post(f"{BASE}mfa/confirm/", {"otp": ["1"]}), 400, "validation-error")
    assert sign_in(desk).status_code == 200


def test_a_recovery_code_is_good_once(desk: User, clock: ManualClock) -> None:
    codes = set_up(desk, clock)["recovery_codes"]
    assert len(set(codes)) == 10
    kept = b"".join(bytes(row.code_sha256) for row in RecoveryCode.objects.all())
    assert codes[0].encode() not in kept
    assert sign_in(desk, codes[0].upper()).status_code == 200
    problem(sign_in(desk, codes[0]), 401, "not-authenticated")
    assert sign_in(desk, codes[1]).status_code == 200


def test_guessing_the_second_factor_locks_sign_in_despite_the_right_password(desk: User, clock: ManualClock) -> None:
    set_up(desk, clock)
    for _ in range(5):
        problem(sign_in(desk, "000000"), 401, "not-authenticated")
    problem(sign_in(desk, app_shows(desk, clock)), 429, "throttled")


def test_guessing_from_everywhere_closes_it_too(desk: User, clock: ManualClock) -> None:
    set_up(desk, clock)
    for turn in range(20):
        body = {"username": "desk", "password": PASSWORD, "otp": "000000"}
        APIClient().post(f"{BASE}token/", body, REMOTE_ADDR=f"10.0.0.{turn}")
    problem(sign_in(desk, app_shows(desk, clock)), 401, "not-authenticated")
    clock.advance(minutes=16)
    assert sign_in(desk, app_shows(desk, clock)).status_code == 200


def test_taking_it_off_needs_it(desk: User, clock: ManualClock) -> None:
    client = APIClient()
    client.credentials(HTTP_AUTHORIZATION=f"Bearer {set_up(desk, clock)['access']}")
    problem(client.delete(f"{BASE}mfa/", {"otp": "000000"}), 400, "validation-error")
    problem(client.post(f"{BASE}mfa/setup/", {"password": PASSWORD}), 403, "permission-denied")
    assert client.delete(f"{BASE}mfa/", {"otp": app_shows(desk, clock)}).status_code == 204
    assert sign_in(desk).status_code == 200


@pytest.mark.parametrize("role", list(Role))
def test_a_hospital_may_demand_it_of_its_staff(
    make_user: MakeUser, clock: ManualClock, settings: Any, role: Role
) -> None:
    settings.OPD_REQUIRE_STAFF_MFA = True
    user = make_user(role)
    client = bearer(user)
    if role == Role.PATIENT:
        assert client.get("/api/v1/doctors/").status_code == 200
        return
    problem(client.get("/api/v1/doctors/"), 403, "permission-denied")
    assert client.get(f"{BASE}me/").status_code == 200
    client.credentials(HTTP_AUTHORIZATION=f"Bearer {set_up(user, clock)['access']}")
    assert client.get("/api/v1/doctors/").status_code == 200
    problem(client.delete(f"{BASE}mfa/", {"otp": app_shows(user, clock)}), 403, "permission-denied")
    pair = sign_in(user, app_shows(user, clock)).json()
    pair = client.post(f"{BASE}token/refresh/", {"refresh": pair["refresh"]}).json()
    client.credentials(HTTP_AUTHORIZATION=f"Bearer {pair['access']}")
    assert client.get("/api/v1/doctors/").status_code == 200, "a refreshed session is as good as it was"


def test_the_admin_site_asks_for_it_too(make_user: MakeUser, clock: ManualClock, settings: Any) -> None:
    user, site = make_user(Role.ADMIN, "boss"), Client()

    def enter(**more: str) -> int:
        return site.post("/admin/login/", {"username": "boss", "password": PASSWORD, **more}).status_code

    settings.OPD_REQUIRE_STAFF_MFA = True
    assert enter() == 200, "the form again: there is no second factor yet"
    set_up(user, clock)
    assert enter() == 200
    assert enter(otp="000000") == 200
    assert enter(otp=app_shows(user, clock)) == 302
    assert site.get("/admin/accounts/user/").status_code == 200

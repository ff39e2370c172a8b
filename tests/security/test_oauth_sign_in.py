"""The OAuth 2.0 token endpoint applies the same second factor and limits as auth/token/."""

import base64
from collections.abc import Callable
from typing import Any
from urllib.parse import urlencode

import pytest
from django.test import Client, override_settings
from django_otp.oath import TOTP
from django_otp.plugins.otp_totp.models import TOTPDevice

from accounts.access.roles import Role
from accounts.auth import second_factor
from accounts.models import Session, User
from core.clock import ManualClock

URL = "/api/v1/auth/oauth/token/"
PASSWORD = "quiet-harbour-42"
pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def desk() -> User:
    return User.objects.create_user("desk", "desk@hospital.example", PASSWORD, role=Role.FRONT_DESK)


@pytest.fixture
def code(desk: User, clock: ManualClock) -> Callable[[], str]:
    """Set up the desk's second factor; return a function that generates its current code."""

    def shown() -> str:
        clock.advance(seconds=60)  # each code is valid once
        totp = TOTP(TOTPDevice.objects.get(user=desk).bin_key)
        totp.time = clock.now().timestamp()
        return f"{totp.token():06d}"

    second_factor.begin(user=desk)
    assert second_factor.confirm(user=desk, code=shown())
    return shown


def grant(form: dict[str, str], **headers: str) -> Any:
    body, media_type = urlencode(form), "application/x-www-form-urlencoded"
    return Client().post(
        URL, body, content_type=media_type, headers={k.replace("_", "-"): v for k, v in headers.items()}
    )


def by_password(password: str = PASSWORD, **more: str) -> Any:
    return grant({"grant_type": "password", "username": "desk", "password": password, **more})


def refused(answer: Any, status: int = 401) -> dict[str, Any]:
    assert answer.status_code == status, answer.content
    assert answer["Content-Type"] == "application/problem+json"
    problem: dict[str, Any] = answer.json()
    return problem


def test_name_and_password_open_a_session() -> None:
    answer = by_password(scope="", client_id="swagger")
    assert answer.status_code == 200
    assert answer["Cache-Control"] == "no-store"
    tokens = answer.json()
    assert set(tokens) == {"access_token", "refresh_token", "token_type", "expires_in"}
    assert (tokens["token_type"], tokens["expires_in"]) == ("Bearer", 900)
    me = Client().get("/api/v1/auth/me/", headers={"Authorization": f"Bearer {tokens['access_token']}"})
    assert me.json()["username"] == "desk"


def test_a_wrong_password_is_an_invalid_grant_and_a_problem() -> None:
    problem = refused(by_password("wrong-harbour-42"))
    assert (problem["code"], problem["error"]) == ("not-authenticated", "invalid_grant")
    assert problem["error_description"]
    assert not Session.objects.exists()


def test_guesses_count_towards_the_same_limit() -> None:
    for _ in range(5):
        refused(by_password("wrong-harbour-42"))
    assert refused(by_password(), 429)["code"] == "throttled"
    credentials = {"username": "desk", "password": PASSWORD}
    assert Client().post("/api/v1/auth/token/", credentials, content_type="application/json").status_code == 429


def test_the_second_factor_is_demanded(code: Callable[[], str]) -> None:
    problem = refused(by_password())
    assert (problem["second_factor"], problem["error"]) == ("needed", "invalid_grant")
    refused(by_password(otp="000000"))
    assert not Session.objects.exists()


@pytest.mark.parametrize("field", ["otp", "client_secret"])
def test_the_code_is_taken_from_the_form(code: Callable[[], str], field: str) -> None:
    assert by_password(**{field: code()}).status_code == 200
    assert Session.objects.get().second_factor


def test_the_code_is_taken_from_where_clients_send_their_secret(code: Callable[[], str]) -> None:
    form = {"grant_type": "password", "username": "desk", "password": PASSWORD}
    basic = base64.b64encode(f":{code()}".encode()).decode()
    assert grant(form, Authorization=f"Basic {basic}").status_code == 200
    for nonsense in ("Basic", "Basic %%%", "Basic " + base64.b64encode(b"\xff:\xff").decode(), "Bearer x"):
        refused(grant(form, Authorization=nonsense))


def test_a_refresh_token_is_exchanged_once(clock: ManualClock) -> None:
    first = by_password().json()["refresh_token"]
    following = grant({"grant_type": "refresh_token", "refresh_token": first})
    assert following.status_code == 200
    assert following.json()["refresh_token"] != first
    clock.advance(minutes=1)
    refused(grant({"grant_type": "refresh_token", "refresh_token": first}))
    refused(grant({"grant_type": "refresh_token", "refresh_token": following.json()["refresh_token"]}))


@pytest.mark.parametrize(
    "form",
    [
        {},
        {"grant_type": "client_credentials"},
        {"grant_type": "password"},
        {"grant_type": "refresh_token"},
        {"grant_type": "password", "username": "desk\0", "password": PASSWORD},
        {"grant_type": "password", "username": "desk", "password": "x" * 129},
    ],
)
def test_what_is_no_grant_is_refused(form: dict[str, str]) -> None:
    refused(grant(form), 400)


@pytest.mark.parametrize("media_type", ["application/json", "multipart/form-data; boundary=x", "text/plain"])
def test_it_takes_a_form_only(media_type: str) -> None:
    refused(Client().post(URL, b"{}", content_type=media_type), 415)


def test_a_page_of_another_origin_is_refused() -> None:
    form = {"grant_type": "password", "username": "desk", "password": PASSWORD}
    for origin in ("https://evil.example", "null", "http://sister.testserver", "http://testserver:81"):
        assert refused(grant(form, Origin=origin), 403)["code"] == "permission-denied"
    assert grant(form, Origin="http://testserver").status_code == 200


@override_settings(OPD_REFRESH_COOKIE=True)
def test_where_refresh_tokens_travel_in_a_cookie_no_script_sees_one() -> None:
    answer = by_password()
    assert "refresh_token" not in answer.json()
    assert answer.cookies["__Host-opd-refresh"]["httponly"]
    client = Client()
    client.cookies["__Host-opd-refresh"] = answer.cookies["__Host-opd-refresh"].value
    form = urlencode({"grant_type": "refresh_token"})
    assert client.post(URL, form, content_type="application/x-www-form-urlencoded").status_code == 400

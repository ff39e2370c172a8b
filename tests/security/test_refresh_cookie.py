"""A refresh token in a cookie can be used only by pages of the hospital's own origin."""

from collections.abc import Iterator
from typing import Any

import pytest
from rest_framework.test import APIClient

from accounts.access.roles import Role
from accounts.models import Session, User
from tests.api.accounts.conftest import PASSWORD, problem

pytestmark = pytest.mark.django_db

AUTH = "/api/v1/auth/"
PAGES = "https://pages.hospital.example"


@pytest.fixture
def browser(settings: Any) -> Iterator[APIClient]:
    """A signed-in browser client that holds the refresh cookie."""
    settings.OPD_REFRESH_COOKIE = True
    settings.CORS_ALLOWED_ORIGINS = [PAGES]
    User.objects.create_user("desk", "desk@hospital.example", PASSWORD, role=Role.FRONT_DESK)
    client = APIClient(raise_request_exception=False)
    assert client.post(f"{AUTH}token/", {"username": "desk", "password": PASSWORD}).status_code == 200
    return client


def still_signed_in() -> bool:
    session = Session.objects.get()
    return session.ended_at is None and session.previous is None


@pytest.mark.parametrize("path", ["token/refresh/", "logout/"])
@pytest.mark.parametrize("kind", ["application/x-www-form-urlencoded", "multipart/form-data; boundary=x", "text/plain"])
def test_a_form_is_refused(browser: APIClient, path: str, kind: str) -> None:
    answer = browser.generic("POST", f"{AUTH}{path}", b"", content_type=kind)
    problem(answer, 415, "unsupported-media-type")
    assert still_signed_in()


@pytest.mark.parametrize("path", ["token/refresh/", "logout/"])
def test_a_body_without_a_type_is_refused(browser: APIClient, path: str) -> None:
    problem(browser.generic("POST", f"{AUTH}{path}", b"", content_type=""), 415, "unsupported-media-type")
    assert still_signed_in()


@pytest.mark.parametrize("path", ["token/refresh/", "logout/"])
@pytest.mark.parametrize(
    "headers",
    [
        {"HTTP_ORIGIN": "https://shop.hospital.example"},
        {"HTTP_ORIGIN": "http://testserver:8000"},
        {"HTTP_ORIGIN": "https://testserver"},
        {"HTTP_ORIGIN": "null"},
        {"HTTP_ORIGIN": ""},
        {"HTTP_SEC_FETCH_SITE": "same-site"},
        {"HTTP_SEC_FETCH_SITE": "cross-site"},
        {"HTTP_ORIGIN": "https://shop.hospital.example", "HTTP_SEC_FETCH_SITE": "same-origin"},
    ],
)
def test_another_host_is_refused(browser: APIClient, path: str, headers: dict[str, str]) -> None:
    problem(browser.post(f"{AUTH}{path}", {}, **headers), 403, "permission-denied")
    assert still_signed_in()


@pytest.mark.parametrize(
    "headers",
    [
        {"HTTP_ORIGIN": "http://testserver"},
        {"HTTP_ORIGIN": PAGES, "HTTP_SEC_FETCH_SITE": "same-site"},
        {"HTTP_SEC_FETCH_SITE": "same-origin"},
        {},
    ],
)
def test_the_hospitals_own_pages_pass(browser: APIClient, headers: dict[str, str]) -> None:
    assert browser.post(f"{AUTH}token/refresh/", {}, **headers).status_code == 200
    assert browser.post(f"{AUTH}logout/", {}, **headers).status_code == 204
    assert Session.objects.get().ended_at is not None


def test_a_token_in_the_body_needs_no_origin(browser: APIClient) -> None:
    token = browser.cookies["__Host-opd-refresh"].value
    answer = APIClient().post(f"{AUTH}token/refresh/", {"refresh": token}, HTTP_ORIGIN="https://elsewhere.example")
    assert answer.status_code == 200

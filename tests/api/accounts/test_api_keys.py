"""API keys: scopes, validity and allowed networks."""

import json
from typing import Any

import pytest
from rest_framework.test import APIClient

from accounts.access.roles import Scope, with_included
from accounts.auth import api_keys
from accounts.models import ApiKey
from core.clock import ManualClock
from tests.api.accounts.conftest import key_client, problem

KEYS, DOCTORS = "/api/v1/api-keys/", "/api/v1/doctors/"


def use(api: APIClient, text: str, **extra: Any) -> Any:
    return api.get(DOCTORS, HTTP_AUTHORIZATION=f"Api-Key {text}", **extra)


def test_a_key_is_shown_once_and_kept_as_a_hash(api: APIClient, admin: APIClient) -> None:
    made = admin.post(KEYS, {"name": "Laboratory", "scopes": ["read"]})
    assert made.status_code == 201, made.content
    text = made.json()["key"]
    assert len(text.split("_", 2)[2]) == 43, "256 bits"
    assert use(api, text).status_code == 200
    for answer in (admin.get(KEYS), admin.get(f"{KEYS}{made.json()['id']}/")):
        assert text not in answer.content.decode()
        assert "secret" not in answer.content.decode()
    row = ApiKey.objects.get()
    assert text.split("_", 2)[2].encode() not in bytes(row.secret_sha256)
    assert len(bytes(row.secret_sha256)) == 32


def test_a_revoked_key_opens_nothing(api: APIClient, admin: APIClient) -> None:
    made = admin.post(KEYS, {"name": "Laboratory", "scopes": ["read"]}).json()
    url = f"{KEYS}{made['id']}/"
    assert admin.delete(url).status_code == 204
    problem(use(api, made["key"]), 401, "not-authenticated")
    assert admin.delete(url).status_code == 204
    assert admin.get(url).json()["revoked_at"]
    problem(admin.delete(f"{KEYS}{'0' * 8}-0000-7000-8000-{'0' * 12}/"), 404, "not-found")


def test_a_key_expires(api: APIClient, admin: APIClient, clock: ManualClock) -> None:
    when = "2026-03-02T10:00:00"  # in the facility's zone: an hour from now
    made = admin.post(KEYS, {"name": "Visiting system", "scopes": ["read"], "expires_at": when}).json()
    assert made["expires_at"] == "2026-03-02T10:00:00+05:30"
    clock.advance(minutes=59)
    assert use(api, made["key"]).status_code == 200
    clock.advance(minutes=1)
    problem(use(api, made["key"]), 401, "not-authenticated")


def test_a_key_stays_in_its_networks(api: APIClient, admin: APIClient, settings: Any) -> None:
    networks = ["10.20.0.5/16", "2001:db8::/32"]
    made = admin.post(KEYS, {"name": "Laboratory", "scopes": ["read"], "allowed_networks": networks}).json()
    assert made["allowed_networks"] == ["10.20.0.0/16", "2001:db8::/32"]
    for here in ("10.20.3.4", "::ffff:10.20.3.4", "2001:db8::7"):
        assert use(api, made["key"], REMOTE_ADDR=here).status_code == 200
    for elsewhere in ("10.21.0.1", "127.0.0.1", "2001:db9::1", ""):
        problem(use(api, made["key"], REMOTE_ADDR=elsewhere), 401, "not-authenticated")
    problem(use(api, made["key"], REMOTE_ADDR="8.8.8.8", HTTP_X_FORWARDED_FOR="10.20.3.4"), 401, "not-authenticated")
    settings.OPD_NUM_PROXIES = 1
    assert use(api, made["key"], REMOTE_ADDR="8.8.8.8", HTTP_X_FORWARDED_FOR="1.1.1.1, 10.20.3.4").status_code == 200


def test_last_use_is_noted_once_a_minute(api: APIClient, clock: ManualClock, django_assert_num_queries: Any) -> None:
    row, text = api_keys.make_key(name="Laboratory", scopes=["read"])
    first = clock.now()
    use(api, text)
    clock.advance(seconds=30)
    with django_assert_num_queries(1):
        api_keys.authenticate_key(text=text, address="127.0.0.1")
    row.refresh_from_db()
    assert row.last_used_at == first
    clock.advance(seconds=31)
    use(api, text)
    row.refresh_from_db()
    assert row.last_used_at == clock.now()


@pytest.mark.parametrize(
    "text",
    [
        "x",
        "opd_",
        "opd__",
        "opd_abcdefghij_",
        "opd_abcdefghij_secret",
        "OPD_abcdefghij_secret",
        "opd_ABC' OR 1_x",
        "_" * 50,
    ],
)
def test_what_is_no_key(api: APIClient, text: str) -> None:
    problem(use(api, text.replace(" ", "")), 401, "not-authenticated")


def test_half_a_key_is_no_key(api: APIClient) -> None:
    row, text = api_keys.make_key(name="Laboratory", scopes=["read"])
    for wrong in (text[:-1], text + "x", text[:-1] + ("A" if text[-1] != "A" else "B"), f"opd_{row.prefix}_"):
        problem(use(api, wrong), 401, "not-authenticated")


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"scopes": []}, "scopes"),
        ({"scopes": ["admin"]}, "scopes"),
        ({"scopes": "read"}, "scopes"),
        ({"scopes": [["read"]]}, "scopes"),
        ({"scopes": None}, "scopes"),
        ({"name": ""}, "name"),
        ({"name": "x" * 101}, "name"),
        ({"name": "a\nb"}, "name"),
        ({"expires_at": "2020-01-01T00:00:00Z"}, "expires_at"),
        ({"expires_at": "soon"}, "expires_at"),
        ({"expires_at": 7}, "expires_at"),
        ({"allowed_networks": ["x"]}, "allowed_networks"),
        ({"allowed_networks": ["10.0.0.0/33"]}, "allowed_networks"),
        ({"allowed_networks": [7]}, "allowed_networks"),
        ({"allowed_networks": "10.0.0.0/8"}, "allowed_networks"),
        ({"secret_sha256": "x"}, "secret_sha256"),
        ({"role": "ADMIN"}, "role"),
        ({"created_by": "x"}, "created_by"),
    ],
)
def test_what_a_key_may_not_be(admin: APIClient, change: dict[str, Any], field: str) -> None:
    body = problem(admin.post(KEYS, {"name": "Laboratory", "scopes": ["read"], **change}), 400, "validation-error")
    assert body["errors"][0]["field"].startswith(field), json.dumps(body)


def test_scopes_include_those_below() -> None:
    assert with_included([Scope.OPERATE]) == {"read", "book", "operate"}
    assert with_included([Scope.BOOK]) == {"read", "book"}
    assert with_included(["nonsense"]) == frozenset()


def test_a_key_is_no_person() -> None:
    client = key_client("operate")
    for url in ("auth/me/", "users/", "api-keys/", "auth/mfa/"):
        problem(client.get(f"/api/v1/{url}"), 403, "permission-denied")
    for url in ("auth/password/change/", "auth/mfa/setup/", "auth/mfa/confirm/"):
        body = {"password": "x", "new_password": "eight-blue-lotus"} if "change" in url else {}
        problem(client.post(f"/api/v1/{url}", body), 403, "permission-denied")

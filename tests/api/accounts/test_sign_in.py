"""Sign-in, refresh and sign-out, and credentials that are refused."""

import base64
import json
import logging
import uuid
from typing import Any

import jwt
import pytest
from django.conf import settings
from django.contrib.auth.hashers import MD5PasswordHasher
from django.test import override_settings
from rest_framework.test import APIClient

from accounts import users
from accounts.access.roles import Role
from accounts.auth import sessions
from accounts.auth.jwt import AccessToken, token_backend
from accounts.models import Session, User, first_facility_id
from core.clock import ManualClock
from tests.api.accounts.conftest import PASSWORD, MakeUser, bearer, problem

TOKEN, REFRESH, LOGOUT, ME = (f"/api/v1/auth/{each}/" for each in ("token", "token/refresh", "logout", "me"))


def sign_in(api: APIClient, username: str, password: str = PASSWORD, **extra: Any) -> Any:
    return api.post(TOKEN, {"username": username, "password": password}, **extra)


def me(api: APIClient, access: str) -> Any:
    return api.get(ME, HTTP_AUTHORIZATION=f"Bearer {access}")


@pytest.mark.parametrize("name", ["desk", "DESK", "desk@hospital.example", " Desk@Hospital.EXAMPLE "])
def test_sign_in_by_user_name_or_email(api: APIClient, make_user: MakeUser, name: str) -> None:
    user = make_user(username="desk")
    body = sign_in(api, name).json()
    assert set(body) == {"access", "refresh"}
    answer = me(api, body["access"]).json()
    assert answer == {
        "id": str(user.pk),
        "username": "desk",
        "email": "desk@hospital.example",
        "role": "FRONT_DESK",
        "facility": str(first_facility_id()),
        "doctor": None,
        "patients": [],
    }


def test_the_address_may_come_under_its_own_name(api: APIClient, make_user: MakeUser) -> None:
    make_user(username="desk")
    credentials = {"email": "desk@hospital.example", "password": PASSWORD}
    assert api.post(TOKEN, credentials).status_code == 200
    problem(api.post(TOKEN, {**credentials, "username": "desk"}), 400, "validation-error")
    problem(api.post(TOKEN, {"password": PASSWORD}), 400, "validation-error")


def test_me_names_doctor_and_patients(api: APIClient, make_user: MakeUser, make_doctor: Any, make_patient: Any) -> None:
    doctor, patient = make_doctor(), make_patient()
    assert bearer(make_user(Role.DOCTOR, doctor=doctor)).get(ME).json()["doctor"] == str(doctor.pk)
    person = make_user(Role.PATIENT)
    person.patients.add(patient)
    assert bearer(person).get(ME).json()["patients"] == [{"id": str(patient.pk), "name": "Asha Rao"}]


@pytest.mark.parametrize(
    ("name", "password"), [("desk", "wrong"), ("nobody", PASSWORD), ("sleeper", PASSWORD), ("unusable", PASSWORD)]
)
def test_wrong_credentials_all_look_the_same(api: APIClient, make_user: MakeUser, name: str, password: str) -> None:
    make_user(username="desk")
    make_user(username="sleeper", is_active=False)
    User.objects.create_user("unusable")
    body = problem(sign_in(api, name, password), 401, "not-authenticated")
    assert body["detail"] == problem(sign_in(api, "another", "wrong"), 401, "not-authenticated")["detail"]


class CountingHasher(MD5PasswordHasher):
    """A password hasher that counts its work, which a caller could measure."""

    encoded = 0

    def encode(self, password: str, salt: str) -> str:
        CountingHasher.encoded += 1
        return super().encode(password, salt)


def test_every_refusal_takes_the_same_work(api: APIClient, make_user: MakeUser, settings: Any) -> None:
    settings.PASSWORD_HASHERS = [f"{__name__}.CountingHasher"]
    make_user(username="desk")
    make_user(username="sleeper", is_active=False)
    User.objects.create_user("unusable")
    for name, password in (("desk", PASSWORD), ("desk", "x"), ("no", "x"), ("sleeper", PASSWORD), ("unusable", "x")):
        before = CountingHasher.encoded
        sign_in(api, name, password)
        assert CountingHasher.encoded - before == 1, name


def test_a_session_lasts_a_month_at_most(api: APIClient, make_user: MakeUser) -> None:
    make_user(username="desk")
    pair = sign_in(api, "desk").json()
    Session.objects.update(created_at=Session.objects.get().created_at - sessions.MAX_SESSION_AGE)
    problem(api.post(REFRESH, {"refresh": pair["refresh"]}), 401, "not-authenticated")


@pytest.mark.parametrize(
    "body",
    [
        {"username": ["desk"], "password": "x"},
        {"username": {"a": 1}, "password": "x"},
        {"username": "desk"},
        [],
        "x",
        None,
        1,
        {"username": "desk", "password": None},
        {"username": "a\0b", "password": "x"},
        {"username": "d" * 1000, "password": "x"},
        {"username": "desk", "password": "x" * 100_000},
        {"username": "desk", "password": "x", "role": "ADMIN"},
        {"username": "desk", "password": "\ud800"},
        {"username": True, "password": 1.5},
        {"username": "desk", "password": "a\0"},
    ],
)
def test_nonsense_is_refused_and_never_breaks(api: APIClient, body: Any) -> None:
    response = api.generic("POST", TOKEN, json.dumps(body), content_type="application/json")
    assert response.status_code in (400, 401), response.content
    assert response["Content-Type"] == "application/problem+json"


def test_too_large_a_body_is_refused(api: APIClient) -> None:
    problem(sign_in(api, "x" * 1_000_000), 413, "payload-too-large")


def test_refresh_rotates_and_a_second_use_ends_the_session(api: APIClient, make_user: MakeUser) -> None:
    make_user(username="desk")
    first = sign_in(api, "desk").json()
    second = api.post(REFRESH, {"refresh": first["refresh"]}).json()
    third = api.post(REFRESH, {"refresh": second["refresh"]}).json()
    assert len({first["refresh"], second["refresh"], third["refresh"]}) == 3
    other = sign_in(api, "desk").json()

    problem(api.post(REFRESH, {"refresh": first["refresh"]}), 401, "not-authenticated")  # reuse of a spent token

    problem(api.post(REFRESH, {"refresh": third["refresh"]}), 401, "not-authenticated")
    problem(me(api, third["access"]), 401, "not-authenticated")
    assert me(api, other["access"]).status_code == 200, "another sign-in of the same user is another session"


def test_logout_kills_the_refresh_token(api: APIClient, make_user: MakeUser) -> None:
    make_user(username="desk")
    pair = sign_in(api, "desk").json()
    assert api.post(LOGOUT, {"refresh": pair["refresh"]}).status_code == 204
    problem(api.post(REFRESH, {"refresh": pair["refresh"]}), 401, "not-authenticated")
    problem(me(api, pair["access"]), 401, "not-authenticated")
    assert api.post(LOGOUT, {"refresh": pair["refresh"]}).status_code == 204, "saying goodbye twice is no error"


@pytest.mark.parametrize("url", [REFRESH, LOGOUT])
@pytest.mark.parametrize("body", [{"refresh": "x"}, {"refresh": "a.b.c"}, {"refresh": "\u00e9"}, {"refresh": ".."}])
def test_a_token_that_is_none(api: APIClient, url: str, body: Any) -> None:
    problem(api.post(url, body), 401, "not-authenticated")
    problem(api.post(url, {}), 400, "validation-error")
    problem(api.post(url, {"refresh": ["x"]}), 400, "validation-error")


def test_logout_everywhere(api: APIClient, make_user: MakeUser) -> None:
    make_user(username="desk")
    here, there = sign_in(api, "desk").json(), sign_in(api, "desk").json()
    assert api.post(f"{LOGOUT}all/", HTTP_AUTHORIZATION=f"Bearer {here['access']}").status_code == 204
    for pair in (here, there):
        problem(me(api, pair["access"]), 401, "not-authenticated")
        problem(api.post(REFRESH, {"refresh": pair["refresh"]}), 401, "not-authenticated")


@pytest.mark.parametrize(
    "change", [{"role": Role.PATIENT}, {"is_active": False}, {"password": "another-harbour-43"}, None]
)
def test_what_changes_a_user_ends_their_sessions(api: APIClient, make_user: MakeUser, change: Any) -> None:
    user = make_user(username="desk")
    pair = sign_in(api, "desk").json()
    if change is None:
        users.remove_user(user_id=user.pk, by="user:x")
    else:
        users.change_user(user_id=user.pk, changes=change, by="user:x")
    problem(me(api, pair["access"]), 401, "not-authenticated")
    problem(api.post(REFRESH, {"refresh": pair["refresh"]}), 401, "not-authenticated")


def test_tokens_end_by_themselves(api: APIClient, make_user: MakeUser) -> None:
    user = make_user(username="desk")
    token = AccessToken.of(
        user, Session.objects.create(user=user, current=uuid.uuid4(), expires_at="2100-01-01T00:00Z")
    )
    assert me(api, str(token)).status_code == 200
    token["exp"] = token["iat"] - 1
    problem(me(api, str(token)), 401, "not-authenticated")


def _forge(payload: dict[str, Any], key: str, algorithm: str = "HS256") -> str:
    return jwt.encode(payload, key, algorithm=algorithm)


def _key() -> str:
    key = token_backend(settings.SECRET_KEY, settings.OPD_JWT_AUDIENCE, settings.OPD_JWT_ISSUER).signing_key
    assert key
    return key


@pytest.mark.parametrize(
    "change",
    [
        {"aud": "another-system"},
        {"aud": None},
        {"iss": "somebody"},
        {"iss": None},
        {"exp": 1},
        {"exp": None},
        {"exp": "soon"},
        {"typ": "refresh"},
        {"typ": None},
        {"sub": str(uuid.uuid4())},
        {"sub": "1 OR 1=1"},
        {"sub": 7},
        {"sub": None},
        {"sid": str(uuid.uuid4())},
        {"sid": ["x"]},
        {"sv": 0},
        {"sv": 2},
        {"sv": True},
        {"sv": "1"},
        {"sv": 10**30},
        {"sv": None},
        {"jti": None},
    ],
)
def test_a_wrong_claim_is_refused(api: APIClient, make_user: MakeUser, change: dict[str, Any]) -> None:
    make_user(username="desk")
    access = sign_in(api, "desk").json()["access"]
    claims = jwt.decode(access, _key(), algorithms=["HS256"], audience="opd-api")
    assert me(api, _forge(claims, _key())).status_code == 200, "the forger of this test knows the key"
    changed = {name: value for name, value in {**claims, **change}.items() if value is not None}
    problem(me(api, _forge(changed, _key())), 401, "not-authenticated")


def test_a_foreign_signature_is_refused(api: APIClient, make_user: MakeUser) -> None:
    make_user(username="desk")
    pair = sign_in(api, "desk").json()
    claims = jwt.decode(pair["access"], _key(), algorithms=["HS256"], audience="opd-api")
    bodiless = pair["access"].split(".")
    unsigned = base64.urlsafe_b64encode(b'{"alg":"none","typ":"JWT"}').rstrip(b"=").decode()
    for token in (
        _forge(claims, "k" * 64),
        _forge(claims, settings.SECRET_KEY),
        _forge(claims, _key(), "HS512"),
        jwt.encode(claims, None, algorithm="none"),
        f"{unsigned}.{bodiless[1]}.",
        f"{unsigned}.{bodiless[1]}.{bodiless[2]}",
        f"{bodiless[0]}.{bodiless[1]}.",
        pair["refresh"],
        "x" * 5000,
    ):
        problem(me(api, token), 401, "not-authenticated")
    problem(api.post(REFRESH, {"refresh": pair["access"]}), 401, "not-authenticated")


@pytest.mark.parametrize(
    "header", ["Bearer", "Bearer ", "Bearer a b", "Basic ZGVzazpkZXNr", "Api-Key", "bearer \u00e9", "x"]
)
def test_a_header_that_is_none(api: APIClient, header: str) -> None:
    problem(api.get(ME, HTTP_AUTHORIZATION=header), 401, "not-authenticated")


def test_five_failures_lock_that_name_at_that_address(
    api: APIClient, make_user: MakeUser, clock: ManualClock, settings: Any
) -> None:
    settings.OPD_NUM_PROXIES = 0
    make_user(username="desk")
    make_user(username="other")
    for name in ("desk", " Desk", "DESK", "desk", "desk "):
        problem(sign_in(api, name, "wrong", REMOTE_ADDR="10.0.0.1"), 401, "not-authenticated")
    # A forged header does not change the client address.
    locked = sign_in(api, "desk", REMOTE_ADDR="10.0.0.1", HTTP_X_FORWARDED_FOR="10.9.9.9")
    problem(locked, 429, "throttled")
    assert 0 < int(locked["Retry-After"]) <= 15 * 60
    assert sign_in(api, "desk", REMOTE_ADDR="10.0.0.2").status_code == 200
    assert sign_in(api, "other", REMOTE_ADDR="10.0.0.1").status_code == 200
    clock.advance(minutes=14, seconds=59)
    problem(sign_in(api, "desk", REMOTE_ADDR="10.0.0.1"), 429, "throttled")
    clock.advance(seconds=2)
    assert sign_in(api, "desk", REMOTE_ADDR="10.0.0.1").status_code == 200


def test_behind_a_proxy_its_word_counts_and_no_other(api: APIClient, make_user: MakeUser, settings: Any) -> None:
    settings.OPD_NUM_PROXIES = 1
    make_user(username="desk")
    for turn in range(5):
        forged = f"10.{turn}.0.1, 203.0.113.7"
        sign_in(api, "desk", "wrong", HTTP_X_FORWARDED_FOR=forged)
    problem(sign_in(api, "desk", HTTP_X_FORWARDED_FOR="10.77.0.1, 203.0.113.7"), 429, "throttled")
    assert sign_in(api, "desk", HTTP_X_FORWARDED_FOR="10.77.0.1, 203.0.113.8").status_code == 200


def test_unknown_names_lock_as_known_ones_do(api: APIClient) -> None:
    for _ in range(5):
        problem(sign_in(api, "nobody", "wrong"), 401, "not-authenticated")
    problem(sign_in(api, "nobody", "wrong"), 429, "throttled")


def test_good_sign_ins_are_never_throttled_and_forget_failures(api: APIClient, make_user: MakeUser) -> None:
    make_user(username="desk")
    for _ in range(20):
        for _ in range(4):
            sign_in(api, "desk", "wrong")
        assert sign_in(api, "desk").status_code == 200


def test_a_name_with_line_breaks_makes_no_log_line(api: APIClient, caplog: pytest.LogCaptureFixture) -> None:
    name = 'canary\r\n{"event": "signed_in", "user": "admin"}'
    with caplog.at_level(logging.DEBUG):
        problem(sign_in(api, name), 401, "not-authenticated")
    assert any("sign_in_failed" in record.getMessage() for record in caplog.records)
    assert "canary" not in caplog.text


def test_the_refresh_token_may_travel_in_a_cookie(api: APIClient, make_user: MakeUser) -> None:
    make_user(username="desk")
    with override_settings(OPD_REFRESH_COOKIE=True):
        answer = sign_in(api, "desk")
        assert answer.json()["refresh"] is None
        cookie = answer.cookies["__Host-opd-refresh"]
        assert (cookie["secure"], cookie["httponly"], cookie["samesite"], cookie["path"], cookie["domain"]) == (
            True,
            True,
            "Strict",
            "/",
            "",
        )
        again = api.post(REFRESH, {})
        assert again.status_code == 200
        assert again.cookies["__Host-opd-refresh"].value != cookie.value
        assert api.post(LOGOUT, {}).cookies["__Host-opd-refresh"].value == ""
        problem(api.post(REFRESH, {"refresh": again.cookies["__Host-opd-refresh"].value}), 401, "not-authenticated")

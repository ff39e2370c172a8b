"""Reuse of refresh tokens, and actions for which a stolen access token does not suffice."""

from typing import Any

import pytest
from rest_framework.test import APIClient

from accounts.access.roles import Role
from accounts.models import ApiKey, Session, User
from core.clock import ManualClock
from tests.api.accounts.conftest import PASSWORD, bearer, problem

pytestmark = pytest.mark.django_db

AUTH, USERS, KEYS = "/api/v1/auth/", "/api/v1/users/", "/api/v1/api-keys/"
PHONE = {"HTTP_USER_AGENT": "phone", "REMOTE_ADDR": "10.0.0.1"}
KEY = {"name": "Laboratory", "scopes": ["read"]}


def make_user(role: Role = Role.FRONT_DESK, username: str = "desk") -> User:
    return User.objects.create_user(username, f"{username}@hospital.example", PASSWORD, role=role)


def sign_in(username: str = "desk", **meta: Any) -> dict[str, str]:
    answer = APIClient().post(f"{AUTH}token/", {"username": username, "password": PASSWORD}, **meta)
    assert answer.status_code == 200, answer.content
    body: dict[str, str] = answer.json()
    return body


def refresh(token: str, **meta: Any) -> Any:
    return APIClient().post(f"{AUTH}token/refresh/", {"refresh": token}, **(meta or PHONE))


def signed_in(pair: dict[str, str]) -> APIClient:
    client = APIClient(raise_request_exception=False)
    client.credentials(HTTP_AUTHORIZATION=f"Bearer {pair['access']}")
    return client


def test_the_same_client_gets_the_same_pair_again_for_ten_seconds(clock: ManualClock) -> None:
    make_user()
    first = sign_in()
    second = refresh(first["refresh"]).json()
    clock.advance(seconds=9)
    assert refresh(first["refresh"]).json() == second
    assert signed_in(second).get(f"{AUTH}me/").status_code == 200
    assert refresh(second["refresh"]).status_code == 200, "the session goes on"


def test_after_ten_seconds_a_spent_token_ends_the_session(clock: ManualClock) -> None:
    make_user()
    first = sign_in()
    second = refresh(first["refresh"]).json()
    clock.advance(seconds=11)
    problem(refresh(first["refresh"]), 401, "not-authenticated")
    problem(refresh(second["refresh"]), 401, "not-authenticated")
    problem(signed_in(second).get(f"{AUTH}me/"), 401, "not-authenticated")


@pytest.mark.parametrize("other", [{"REMOTE_ADDR": "10.0.0.2"}, {"HTTP_USER_AGENT": "laptop"}])
def test_another_client_with_a_spent_token_ends_the_session_at_once(clock: ManualClock, other: dict[str, str]) -> None:
    make_user()
    first = sign_in()
    second = refresh(first["refresh"]).json()
    problem(refresh(first["refresh"], **{**PHONE, **other}), 401, "not-authenticated")
    problem(refresh(second["refresh"]), 401, "not-authenticated")


def test_only_the_token_spent_last_can_be_repeated(clock: ManualClock) -> None:
    make_user()
    first = sign_in()
    second = refresh(first["refresh"]).json()
    third = refresh(second["refresh"]).json()
    problem(refresh(first["refresh"]), 401, "not-authenticated")
    problem(refresh(third["refresh"]), 401, "not-authenticated")


def test_a_repeated_refresh_after_sign_out_is_refused(clock: ManualClock) -> None:
    make_user()
    first = sign_in()
    second = refresh(first["refresh"]).json()
    assert APIClient().post(f"{AUTH}logout/", {"refresh": second["refresh"]}).status_code == 204
    problem(refresh(first["refresh"]), 401, "not-authenticated")


def test_no_token_lies_in_the_database() -> None:
    make_user()
    first = sign_in()
    second = refresh(first["refresh"]).json()
    [row] = Session.objects.values_list()
    told = " ".join(map(str, row))
    for token in (*first.values(), *second.values()):
        assert token.rsplit(".", 1)[1] not in told


def test_a_second_factor_is_set_up_for_the_password() -> None:
    client = bearer(make_user())
    missing = problem(client.post(f"{AUTH}mfa/setup/"), 400, "validation-error")
    assert missing["errors"][0]["field"] == "password"
    wrong = problem(client.post(f"{AUTH}mfa/setup/", {"password": "not mine"}), 400, "validation-error")
    assert wrong["errors"][0]["code"] == "wrong-password"
    assert client.post(f"{AUTH}mfa/setup/", {"password": PASSWORD}).status_code == 201


@pytest.mark.parametrize("path", ["mfa/setup/", "password/change/"])
def test_guessing_ones_own_password_ends_after_five_tries(path: str) -> None:
    client = bearer(make_user())
    body = {"new_password": "eight-blue-lotus"} if "change" in path else {}
    for _ in range(5):
        problem(client.post(f"{AUTH}{path}", {**body, "password": "a guess"}), 400, "validation-error")
    problem(client.post(f"{AUTH}{path}", {**body, "password": PASSWORD}), 400, "validation-error")


@pytest.fixture
def boss(clock: ManualClock) -> APIClient:
    """An administrator who signed in 16 minutes ago and refreshed since."""
    make_user(Role.ADMIN, "boss")
    pair = sign_in("boss")
    clock.advance(minutes=16)
    return signed_in(refresh(pair["refresh"]).json())


ADMIN = {"username": "other", "email": "other@hospital.example", "password": PASSWORD, "role": "ADMIN"}


def test_keys_and_administrators_need_a_recent_sign_in(boss: APIClient) -> None:
    own = f"{USERS}{User.objects.get().pk}/"
    desk = make_user()
    for method, path, body in (
        ("post", KEYS, KEY),
        ("post", USERS, ADMIN),
        ("patch", own, {"email": "mallory@mail.example"}),
        ("patch", own, {"password": "eight-blue-lotus"}),
        ("patch", f"{USERS}{desk.pk}/", {"role": "ADMIN"}),
    ):
        refused = problem(getattr(boss, method)(path, body), 403, "permission-denied")
        assert "Sign in again" in refused["detail"]
    assert (ApiKey.objects.count(), User.objects.count()) == (0, 2)
    assert User.objects.get(username="boss").email == "boss@hospital.example"
    again = signed_in(sign_in("boss"))
    assert again.post(KEYS, KEY).status_code == 201
    assert again.post(USERS, ADMIN).status_code == 201
    assert again.patch(own, {"email": "chief@hospital.example"}).status_code == 200


def test_the_rest_of_an_administrators_day_needs_none(boss: APIClient) -> None:
    own = f"{USERS}{User.objects.get().pk}/"
    assert boss.get(KEYS).status_code == 200
    assert boss.post(USERS, {**ADMIN, "role": "FRONT_DESK"}).status_code == 201
    same = {"username": "boss", "email": "boss@hospital.example", "role": "ADMIN", "is_active": True}
    assert boss.put(own, same).status_code == 200, "nothing is changed"

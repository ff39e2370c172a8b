"""Sign-in limits against password guessing by address and by account, and what the limits reveal to a stranger."""

from typing import Any

import pytest
from django.contrib.auth.hashers import MD5PasswordHasher
from django.core import mail
from rest_framework.test import APIClient

from accounts.auth import login
from accounts.limits import lockout
from accounts.models import User
from core.clock import ManualClock
from tests.api.accounts.conftest import PASSWORD, problem

pytestmark = pytest.mark.django_db

TOKEN = "/api/v1/auth/token/"
HOME = "10.0.0.1"


class CountingHasher(MD5PasswordHasher):
    """A password hasher that counts the hashes computed."""

    encoded = 0

    def encode(self, password: str, salt: str) -> str:
        CountingHasher.encoded += 1
        return super().encode(password, salt)


@pytest.fixture
def api(settings: Any) -> APIClient:
    settings.OPD_NUM_PROXIES = 0
    settings.PASSWORD_HASHERS = [f"{__name__}.CountingHasher"]
    return APIClient(raise_request_exception=False)


@pytest.fixture(autouse=True)
def _users(api: APIClient) -> None:
    for name in ("desk", "other"):
        User.objects.create_user(name, f"{name}@hospital.example", PASSWORD)


def sign_in(api: APIClient, name: str = "desk", password: str = PASSWORD, address: str = HOME) -> Any:
    return api.post(TOKEN, {"username": name, "password": password}, REMOTE_ADDR=address)


def guess_from_many_addresses(api: APIClient, name: str, times: int) -> None:
    for turn in range(times):
        sign_in(api, name, "wrong", f"10.66.{turn // 250}.{turn % 250}")


def test_a_stranger_learns_nothing_from_the_order_of_names_and_addresses(api: APIClient, clock: ManualClock) -> None:
    def answers(*names: str) -> list[Any]:
        steps = [sign_in(api, name, "wrong") for name in names for _ in range(5)]
        steps += [sign_in(api, name, "wrong") for name in names * 2]
        clock.advance(minutes=16)
        return [(each.status_code, each.content, each.get("Retry-After")) for each in steps]

    known = answers("desk", "desk@hospital.example", "DESK@hospital.example")
    assert known == answers("nobody", "nobody@hospital.example", "NOBODY@hospital.example")
    assert known == answers("desk", "other@hospital.example", "OTHER@hospital.example")


def test_a_stranger_at_many_addresses_learns_nothing(api: APIClient) -> None:
    def answers(name: str, email: str) -> list[Any]:
        guess_from_many_addresses(api, name, 60)
        steps = [sign_in(api, each, "wrong", f"10.7.0.{turn}") for turn in range(3) for each in (name, email)]
        return [(each.status_code, each.content) for each in steps]

    assert answers("desk", "desk@hospital.example") == answers("nobody", "nobody@hospital.example")


def test_many_addresses_are_slowed_and_the_owners_known_address_is_not(api: APIClient, clock: ManualClock) -> None:
    assert sign_in(api).status_code == 200
    guess_from_many_addresses(api, "desk", lockout._PER_NAME.max_attempts)
    problem(sign_in(api, address="10.99.0.1"), 429, "throttled")
    assert sign_in(api).status_code == 200
    clock.advance(minutes=16)
    assert sign_in(api, address="10.99.0.1").status_code == 200


def test_one_address_locks_out_nobody_who_signs_in_there(api: APIClient) -> None:
    assert sign_in(api, "other").status_code == 200
    for turn in range(lockout.PER_ADDRESS.max_attempts):
        sign_in(api, f"nobody-{turn}", "wrong")
    problem(sign_in(api, "nobody-9999", "wrong"), 429, "throttled")
    problem(sign_in(api, "desk"), 429, "throttled")
    assert sign_in(api, "other").status_code == 200
    assert sign_in(api, "other@hospital.example").status_code == 200


def test_a_wrong_password_for_a_locked_account_gets_the_same_response_for_everybody(api: APIClient) -> None:
    assert sign_in(api, "other").status_code == 200
    for turn in range(lockout.PER_ADDRESS.max_attempts):
        sign_in(api, f"nobody-{turn}", "wrong")
    known, unknown = sign_in(api, "other", "wrong"), sign_in(api, "nobody-x", "wrong")
    assert (known.status_code, known.content) == (unknown.status_code, unknown.content)
    assert known.status_code == 429


@pytest.mark.parametrize("name", ["desk", "nobody"])
def test_a_locked_account_costs_no_password_hash(api: APIClient, name: str) -> None:
    for _ in range(5):
        sign_in(api, name, "wrong")
    before = CountingHasher.encoded
    for _ in range(10):
        problem(sign_in(api, name, "wrong"), 429, "throttled")
    guess_from_many_addresses(api, name, lockout._PER_NAME.max_attempts)
    while_open = CountingHasher.encoded
    assert while_open - before <= lockout._PER_NAME.max_attempts
    problem(sign_in(api, name, "wrong", "10.99.0.1"), 429, "throttled")
    assert CountingHasher.encoded == while_open


def test_an_address_is_known_for_ninety_days(api: APIClient, clock: ManualClock) -> None:
    assert sign_in(api).status_code == 200
    clock.advance(hours=91 * 24)
    guess_from_many_addresses(api, "desk", lockout._PER_NAME.max_attempts)
    problem(sign_in(api), 429, "throttled")


def test_a_new_password_by_mail_lets_the_owner_in_at_once(api: APIClient) -> None:
    guess_from_many_addresses(api, "desk", lockout._PER_NAME.max_attempts)
    problem(sign_in(api), 429, "throttled")
    api.post("/api/v1/auth/password/forgot/", {"email": "desk@hospital.example"}, REMOTE_ADDR=HOME)
    code = mail.outbox[0].subject.split()[-1]
    body = {"email": "desk@hospital.example", "otp": code, "new_password": "eight-blue-lotus"}
    assert api.post("/api/v1/auth/password/reset/", body, REMOTE_ADDR=HOME).status_code == 204
    assert sign_in(api, password="eight-blue-lotus").status_code == 200


def test_the_correct_one_of_many_parallel_guesses_is_refused(api: APIClient, monkeypatch: pytest.MonkeyPatch) -> None:
    """Five guesses fail while the password of a sixth request is hashed, which passed the first check of the limit."""
    check = login._check_password

    def check_slowly(user: User | None, password: str) -> bool:
        for _ in range(lockout._PER_NAME_AND_ADDRESS.max_attempts):
            lockout.SignInKey.of(identifier="desk", address="10.99.0.1").record_failure()
        return check(user, password)

    monkeypatch.setattr(login, "_check_password", check_slowly)
    right = sign_in(api, address="10.99.0.1")
    problem(right, 429, "throttled")
    monkeypatch.undo()
    assert sign_in(api, address="10.99.0.1").content == right.content


def test_the_correct_one_of_many_parallel_guesses_of_the_own_password_is_refused(
    api: APIClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    access = sign_in(api).json()["access"]
    user = User.objects.get(username="desk")
    check = User.check_password

    def check_slowly(self: User, password: str) -> bool:
        for _ in range(lockout._PER_NAME_AND_ADDRESS.max_attempts):
            lockout.SignInKey.of(user=user, address=HOME).record_failure()
        return check(self, password)

    monkeypatch.setattr(User, "check_password", check_slowly)
    body = {"password": PASSWORD, "new_password": "Quiet-Harbour-27"}
    headers = {"HTTP_AUTHORIZATION": f"Bearer {access}"}
    problem(api.post("/api/v1/auth/password/change/", body, REMOTE_ADDR=HOME, **headers), 400, "validation-error")
    monkeypatch.undo()
    assert User.objects.get(username="desk").check_password(PASSWORD)

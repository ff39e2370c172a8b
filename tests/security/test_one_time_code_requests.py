"""Strangers who request codes for an address neither flood its mailbox nor keep its owner from a code."""

from typing import Any

import pytest
from django.core import mail
from rest_framework.test import APIClient

from accounts.limits import lockout
from accounts.models import User
from core.clock import ManualClock
from tests.api.accounts.conftest import PASSWORD

pytestmark = pytest.mark.django_db

AUTH = "/api/v1/auth/"
OWNER = "asha@mail.example"
HOME, ELSEWHERE = "10.20.0.1", "10.30.0.1"
ASHA = {"email": OWNER, "password": "seven-white-lotus", "name": "Asha Rao", "phone": "+91 98450 11223"}


@pytest.fixture
def api(settings: Any) -> APIClient:
    settings.OPD_NUM_PROXIES = 0
    return APIClient(raise_request_exception=False)


@pytest.fixture
def owner() -> User:
    user = User.objects.create_user("asha", OWNER, PASSWORD)
    lockout.remember_address(user=user, address=HOME)
    return user


def forgot(api: APIClient, address: str) -> bool:
    """Request a code for a new password; return whether one was mailed."""
    before = len(mail.outbox)
    assert api.post(f"{AUTH}password/forgot/", {"email": OWNER}, REMOTE_ADDR=address).status_code == 202
    return len(mail.outbox) > before


def register(api: APIClient, address: str) -> bool:
    before = len(mail.outbox)
    assert api.post(f"{AUTH}register/", ASHA, REMOTE_ADDR=address).status_code == 202
    return len(mail.outbox) > before


def reset(api: APIClient, address: str) -> int:
    body = {"email": OWNER, "otp": mail.outbox[-1].subject.split()[-1], "new_password": "eight-blue-lotus"}
    return int(api.post(f"{AUTH}password/reset/", body, REMOTE_ADDR=address).status_code)


def as_strangers(step: Any, api: APIClient, addresses: int) -> int:
    """Request 30 codes from each of these client addresses; return how many were mailed."""
    return sum(step(api, f"10.66.0.{turn % addresses}") for turn in range(30 * addresses))


@pytest.mark.parametrize("step", [forgot, register])
def test_one_stranger_gets_five_mails_and_leaves_the_owner_theirs(api: APIClient, owner: User, step: Any) -> None:
    assert as_strangers(step, api, 1) == 5
    assert step(api, ELSEWHERE)


def test_many_strangers_get_ten_mails_and_leave_those_of_a_known_address(api: APIClient, owner: User) -> None:
    assert as_strangers(forgot, api, 9) == 10
    assert not forgot(api, ELSEWHERE)
    assert [forgot(api, HOME) for _ in range(6)] == [True] * 5 + [False]
    assert reset(api, HOME) == 204


def test_an_address_without_further_codes_has_a_valid_one(api: APIClient, owner: User, clock: ManualClock) -> None:
    assert as_strangers(forgot, api, 9) == 10
    clock.advance(minutes=9, seconds=59)
    as_strangers(forgot, api, 9)
    assert len(mail.outbox) == 10
    assert reset(api, ELSEWHERE) == 204


@pytest.mark.parametrize("strangers", [1, 9])
def test_the_limits_end_with_the_last_code(api: APIClient, owner: User, clock: ManualClock, strangers: int) -> None:
    as_strangers(forgot, api, strangers)
    clock.advance(minutes=10)
    assert forgot(api, "10.66.0.0")
    assert reset(api, ELSEWHERE) == 204


def test_the_codes_of_one_purpose_leave_those_of_the_other(api: APIClient, owner: User) -> None:
    as_strangers(register, api, 9)
    assert forgot(api, ELSEWHERE)

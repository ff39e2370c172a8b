"""How guesses of an e-mailed code are grouped and when they count."""

from typing import Any

import pytest
from django.core import mail
from django.db import connection
from django.test.utils import CaptureQueriesContext
from rest_framework.test import APIClient

from accounts.limits import lockout
from accounts.models import User
from core.clock import ManualClock
from tests.api.accounts.conftest import PASSWORD, problem

pytestmark = pytest.mark.django_db

AUTH = "/api/v1/auth/"
OWNER, NOBODY = "asha@mail.example", "nobody@mail.example"
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


def last_code() -> str:
    return str(mail.outbox[-1].subject.split()[-1])


def wrong() -> str:
    mailed = {message.subject.split()[-1] for message in mail.outbox}
    return next(code for code in (f"{number:06d}" for number in range(100)) if code not in mailed)


def forgot(api: APIClient, address: str = ELSEWHERE, email: str = OWNER) -> None:
    assert api.post(f"{AUTH}password/forgot/", {"email": email}, REMOTE_ADDR=address).status_code == 202


def reset(api: APIClient, otp: str, address: str = ELSEWHERE, email: str = OWNER) -> Any:
    body = {"email": email, "otp": otp, "new_password": "eight-blue-lotus"}
    return api.post(f"{AUTH}password/reset/", body, REMOTE_ADDR=address)


def verify(api: APIClient, otp: str, address: str = ELSEWHERE) -> Any:
    return api.post(f"{AUTH}register/verify/", {"email": OWNER, "otp": otp}, REMOTE_ADDR=address)


def guess_as_stranger(api: APIClient, how: Any, times: int = 20) -> None:
    for turn in range(times):
        problem(how(api, wrong(), f"10.66.0.{turn}"), 400, "validation-error")


def test_guesses_before_a_code_was_asked_for_do_not_count(api: APIClient, owner: User) -> None:
    guess_as_stranger(api, reset)
    for _ in range(6):
        problem(reset(api, wrong()), 400, "validation-error")
    forgot(api, HOME)
    assert reset(api, last_code()).status_code == 204


def test_guesses_before_a_registration_do_not_count(api: APIClient) -> None:
    guess_as_stranger(api, verify)
    assert api.post(f"{AUTH}register/", ASHA).status_code == 202
    assert verify(api, last_code()).status_code == 201


def test_guesses_after_a_code_has_expired_do_not_count(api: APIClient, owner: User, clock: ManualClock) -> None:
    forgot(api)
    clock.advance(minutes=11)
    guess_as_stranger(api, reset)
    forgot(api)
    assert reset(api, last_code()).status_code == 204


def test_strangers_leave_the_guesses_of_a_known_address(api: APIClient, owner: User) -> None:
    forgot(api, HOME)
    guess_as_stranger(api, reset)
    problem(reset(api, last_code(), ELSEWHERE), 400, "validation-error")
    for _ in range(4):
        problem(reset(api, wrong(), HOME), 400, "validation-error")
    assert reset(api, last_code(), HOME).status_code == 204


def test_an_address_known_for_another_user_has_none_of_its_own(api: APIClient, owner: User) -> None:
    other = User.objects.create_user("ravi", "ravi@mail.example", PASSWORD)
    lockout.remember_address(user=other, address=ELSEWHERE)
    forgot(api)
    guess_as_stranger(api, reset)
    problem(reset(api, last_code(), ELSEWHERE), 400, "validation-error")


def test_a_known_address_has_five_guesses_for_a_code_and_ten_an_hour(api: APIClient, owner: User) -> None:
    for _ in range(2):
        forgot(api, HOME)
        for _ in range(5):
            problem(reset(api, wrong(), HOME), 400, "validation-error")
        problem(reset(api, last_code(), HOME), 400, "validation-error")
    forgot(api, HOME)
    problem(reset(api, last_code(), HOME), 400, "validation-error")
    assert reset(api, last_code(), ELSEWHERE).status_code == 204, "and they do not count elsewhere"


@pytest.mark.parametrize("email", [OWNER, NOBODY])
def test_a_guess_takes_the_same_statements_with_and_without_a_code(api: APIClient, owner: User, email: str) -> None:
    def statements() -> list[str]:
        with CaptureQueriesContext(connection) as queries:
            problem(reset(api, wrong(), HOME, email), 400, "validation-error")
        return [each["sql"].split("WHERE")[0][:60] for each in queries]

    without = statements()
    forgot(api, HOME, email)
    assert statements() == without

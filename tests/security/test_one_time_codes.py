"""A stranger can't guess, invalidate, replace or learn from a one-time code mailed to another user."""

import re
from typing import Any

import pytest
from django.apps import apps
from django.core import mail
from django.db import connection
from django.test.utils import CaptureQueriesContext
from rest_framework.test import APIClient

from accounts.models import OneTimeCode, User
from core.clock import ManualClock
from tests.api.accounts.conftest import PASSWORD, problem

pytestmark = pytest.mark.django_db

AUTH = "/api/v1/auth/"
OWNER, NOBODY = "asha@mail.example", "nobody@mail.example"
STRANGER = {"REMOTE_ADDR": "10.66.0.1"}
ASHA = {"email": OWNER, "password": "seven-white-lotus", "name": "Asha Rao", "phone": "+91 98450 11223"}
THIEF = {**ASHA, "password": "nine-black-crows-9", "name": "Mallory"}


@pytest.fixture
def api(settings: Any) -> APIClient:
    settings.OPD_NUM_PROXIES = 0
    return APIClient(raise_request_exception=False)


@pytest.fixture
def owner() -> User:
    return User.objects.create_user("asha", OWNER, PASSWORD)


def codes() -> list[str]:
    return [message.subject.split()[-1] for message in mail.outbox]


def forgot(api: APIClient, email: str = OWNER, **extra: Any) -> Any:
    return api.post(f"{AUTH}password/forgot/", {"email": email}, **extra)


def reset(api: APIClient, otp: str, email: str = OWNER, **extra: Any) -> Any:
    body = {"email": email, "otp": otp, "new_password": "eight-blue-lotus"}
    return api.post(f"{AUTH}password/reset/", body, **extra)


def verify(api: APIClient, otp: str, email: str = OWNER, **extra: Any) -> Any:
    return api.post(f"{AUTH}register/verify/", {"email": email, "otp": otp}, **extra)


def wrong() -> str:
    return next(each for each in ("000000", "000001", "000002", "000003") if each not in codes())


def test_ten_guesses_an_hour_whatever_the_code_and_the_sender(api: APIClient, owner: User, clock: ManualClock) -> None:
    for turn in range(10):
        forgot(api, REMOTE_ADDR=f"10.1.0.{turn}")
        problem(reset(api, wrong(), REMOTE_ADDR=f"10.2.0.{turn}"), 400, "validation-error")
    problem(reset(api, codes()[-1], REMOTE_ADDR="10.3.0.1"), 400, "validation-error")
    clock.advance(minutes=59)
    forgot(api)
    problem(reset(api, codes()[-1]), 400, "validation-error")
    clock.advance(minutes=2)
    assert reset(api, codes()[-1]).status_code == 204


def test_more_codes_give_no_more_guesses_when_mails_have_stopped(api: APIClient, owner: User) -> None:
    for _ in range(30):
        assert forgot(api).status_code == 202
        problem(reset(api, wrong()), 400, "validation-error")
    assert len(mail.outbox) == 5
    assert OneTimeCode.objects.count() == 5, "the limit comes before the code"


def test_a_strangers_request_does_not_invalidate_a_good_code(api: APIClient, owner: User) -> None:
    forgot(api)
    for _ in range(20):
        forgot(api, **STRANGER)
    assert reset(api, codes()[0]).status_code == 204


def test_a_strangers_guesses_do_not_invalidate_a_good_code(api: APIClient, owner: User) -> None:
    forgot(api)
    for _ in range(20):
        problem(reset(api, wrong(), **STRANGER), 400, "validation-error")
    assert reset(api, codes()[0]).status_code == 204


def test_a_used_code_ends_the_others_of_the_account(api: APIClient, owner: User) -> None:
    forgot(api)
    forgot(api)
    assert reset(api, codes()[1]).status_code == 204
    problem(reset(api, codes()[0]), 400, "validation-error")


def test_after_five_wrong_codes_a_new_code_is_needed(api: APIClient, owner: User) -> None:
    forgot(api)
    for _ in range(5):
        problem(reset(api, wrong()), 400, "validation-error")
    problem(reset(api, codes()[0]), 400, "validation-error")
    forgot(api)
    assert reset(api, codes()[1]).status_code == 204


@pytest.mark.parametrize("order", [(ASHA, THIEF), (THIEF, ASHA)])
def test_a_code_activates_its_own_request_and_no_other(api: APIClient, order: Any) -> None:
    for body in order:
        assert api.post(f"{AUTH}register/", body).status_code == 202
    own = codes()[order.index(ASHA)]
    assert verify(api, own).status_code == 201
    assert apps.get_model("patients.Patient").objects.get().name == "Asha Rao"
    assert User.objects.get().check_password(ASHA["password"])
    problem(verify(api, codes()[order.index(THIEF)]), 400, "validation-error")


def test_known_and_unknown_addresses_get_the_same_answers_in_any_order(api: APIClient, owner: User) -> None:
    def story(email: str) -> list[Any]:
        steps = [forgot(api, email), reset(api, "123456", email), reset(api, "12", email)]
        for turn in range(14):
            steps += [forgot(api, email, REMOTE_ADDR=f"10.5.0.{turn}"), reset(api, "123456", email)]
        steps.append(api.post(f"{AUTH}register/", {**ASHA, "email": email}))
        steps += [verify(api, "123456", email) for _ in range(12)]
        return [(each.status_code, each.content) for each in steps]

    assert story(OWNER) == story(NOBODY)
    assert {message.to[0] for message in mail.outbox} == {OWNER, NOBODY}


def test_known_and_unknown_addresses_take_the_same_work(api: APIClient, owner: User) -> None:
    def work(email: str, step: Any) -> list[str]:
        with CaptureQueriesContext(
            connection,
        ) as queries:
            step(email)
        return [re.sub(r"'[^']*'|\b\d+\b", "?", each["sql"]) for each in queries]

    def registers(email: str) -> Any:
        return api.post(f"{AUTH}register/", {**ASHA, "email": email})

    for step in (
        lambda email: forgot(api, email),
        lambda email: reset(api, "123456", email),
        registers,
        lambda email: verify(api, "123456", email),
    ):
        assert work(OWNER, step) == work(NOBODY, step)

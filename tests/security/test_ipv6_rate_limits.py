"""Address limits count IPv6 addresses by network, because one network has 2**64 addresses."""

from typing import Any

import pytest
from django.core import mail
from django.test import RequestFactory
from rest_framework.test import APIClient

from accounts.limits import lockout
from accounts.limits.rates import PER_ADDRESS, PrincipalThrottle
from accounts.models import User
from core.api.client_address import network_of
from tests.api.accounts.conftest import PASSWORD, problem

pytestmark = pytest.mark.django_db

AUTH = "/api/v1/auth/"
EMAIL = "asha@mail.example"
NEIGHBOUR = "2001:db8:0:2::1"


def of_one_network(number: int) -> str:
    return f"2001:db8:0:1:{number:x}::{number + 1:x}"


@pytest.fixture
def api(settings: Any) -> APIClient:
    settings.OPD_NUM_PROXIES = 0
    return APIClient(raise_request_exception=False)


@pytest.fixture(autouse=True)
def _user() -> None:
    User.objects.create_user("asha", EMAIL, PASSWORD)


def sign_in(api: APIClient, name: str, password: str, address: str) -> Any:
    return api.post(f"{AUTH}token/", {"username": name, "password": password}, REMOTE_ADDR=address)


@pytest.mark.parametrize(
    ("address", "network"),
    [
        ("10.20.30.40", "10.20.30.40"),
        ("2001:db8:0:1::5", "2001:db8:0:1::/64"),
        ("2001:db8:0:1:ffff:ffff:ffff:ffff", "2001:db8:0:1::/64"),
        ("2001:db8:0:2::5", "2001:db8:0:2::/64"),
        ("fe80::1%eth0", "fe80::/64"),
        ("::1", "::/64"),
    ],
)
def test_the_network_of_an_address(address: str, network: str) -> None:
    assert network_of(address) == network


def test_failed_sign_ins_with_one_name_are_counted_for_the_network(api: APIClient) -> None:
    for number in range(5):
        problem(sign_in(api, "asha", "wrong", of_one_network(number)), 401, "not-authenticated")
    problem(sign_in(api, "asha", PASSWORD, of_one_network(99)), 429, "throttled")
    assert sign_in(api, "asha", PASSWORD, NEIGHBOUR).status_code == 200


def test_failed_sign_ins_with_many_names_are_counted_for_the_network(api: APIClient) -> None:
    for number in range(lockout.PER_ADDRESS.max_attempts):
        sign_in(api, f"nobody-{number}", "wrong", of_one_network(number))
    problem(sign_in(api, "asha", PASSWORD, of_one_network(9999)), 429, "throttled")
    assert sign_in(api, "asha", PASSWORD, NEIGHBOUR).status_code == 200


def test_a_known_address_is_known_with_its_network(api: APIClient) -> None:
    user = User.objects.get()
    lockout.remember_address(user=user, address=of_one_network(1))
    assert lockout.is_known(user=user, address=of_one_network(2))
    assert not lockout.is_known(user=user, address=NEIGHBOUR)


def test_guesses_of_codes_are_counted_for_the_network(api: APIClient) -> None:
    def reset(otp: str, address: str) -> Any:
        body = {"email": EMAIL, "otp": otp, "new_password": "eight-blue-lotus"}
        return api.post(f"{AUTH}password/reset/", body, REMOTE_ADDR=address)

    api.post(f"{AUTH}password/forgot/", {"email": EMAIL}, REMOTE_ADDR=NEIGHBOUR)
    code = mail.outbox[0].subject.split()[-1]
    wrong = "000000" if code != "000000" else "000001"
    for number in range(20):
        problem(reset(wrong, of_one_network(number)), 400, "validation-error")
    problem(reset(code, of_one_network(99)), 400, "validation-error")
    assert reset(code, NEIGHBOUR).status_code == 204


@pytest.mark.parametrize(
    ("name", "path"), [("register", "register/"), ("forgot", "password/forgot/"), ("code", "password/reset/")]
)
def test_requests_are_counted_for_the_network(api: APIClient, settings: Any, name: str, path: str) -> None:
    settings.OPD_THROTTLING = True
    for number in range(PER_ADDRESS[name].max_attempts):
        api.post(AUTH + path, {}, REMOTE_ADDR=of_one_network(number))
    assert api.post(AUTH + path, {}, REMOTE_ADDR=of_one_network(9999)).status_code == 429
    assert api.post(AUTH + path, {}, REMOTE_ADDR=NEIGHBOUR).status_code == 400


def test_requests_without_credentials_are_counted_for_the_network(settings: Any) -> None:
    settings.OPD_NUM_PROXIES = 0

    def counted_under(address: str) -> str | None:
        request: Any = RequestFactory().get("/", REMOTE_ADDR=address)
        request.auth = None
        return PrincipalThrottle().key(request)

    assert counted_under(of_one_network(1)) == counted_under(of_one_network(2)) != counted_under(NEIGHBOUR)
    assert counted_under("10.0.0.1") != counted_under("10.0.0.2")

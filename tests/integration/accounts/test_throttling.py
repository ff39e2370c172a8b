"""Rate limits with and without Redis."""

import threading
import uuid
from types import SimpleNamespace
from typing import Any

import pytest
from rest_framework.test import APIClient, APIRequestFactory

from accounts.access.principal import Principal
from accounts.access.roles import Role
from accounts.limits import rates
from accounts.limits.rates import PatientBookingThrottle, PrincipalThrottle
from core import clock

NOWHERE = "redis://127.0.0.1:1/0"


@pytest.fixture(autouse=True)
def _on(settings: Any) -> None:
    settings.OPD_THROTTLING = True


def request_of(role: Role | None = None, method: str = "post", **meta: Any) -> Any:
    request = getattr(APIRequestFactory(), method)("/", **meta)
    if role is None:
        request.auth, request.user = None, SimpleNamespace(is_authenticated=False)
    else:
        request.auth = Principal(kind="user", id=uuid.uuid4(), role=role)
        request.user = SimpleNamespace(is_authenticated=True)
    return request


def asks(throttle: type[PrincipalThrottle], request: Any, times: int) -> list[bool]:
    return [throttle().allow_request(request, None) for _ in range(times)]


def test_a_patient_books_ten_times_in_a_quarter_of_an_hour() -> None:
    patient = request_of(Role.PATIENT)
    assert asks(PatientBookingThrottle, patient, 11) == [True] * 10 + [False]
    throttle = PatientBookingThrottle()
    throttle.allow_request(patient, None)
    assert 14 * 60 < (throttle.wait() or 0) <= 15 * 60
    assert asks(PatientBookingThrottle, request_of(Role.PATIENT), 1) == [True], "another patient"
    assert asks(PatientBookingThrottle, request_of(Role.FRONT_DESK), 30) == [True] * 30
    patient.method = "GET"
    assert asks(PatientBookingThrottle, patient, 30) == [True] * 30


def test_counting_is_atomic(monkeypatch: Any) -> None:
    monkeypatch.setattr(PrincipalThrottle, "limit", 40)
    request, allowed = request_of(Role.FRONT_DESK), []

    def ask() -> None:
        allowed.extend(asks(PrincipalThrottle, request, 10))

    threads = [threading.Thread(target=ask) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sum(allowed) == 40


def test_strangers_are_counted_by_address_which_stands_in_no_key(monkeypatch: Any) -> None:
    monkeypatch.setattr(PrincipalThrottle, "limit", 1)
    address = f"2001:db8::{uuid.uuid4().hex[:4]}"
    # A forged header does not give a caller a new rate limit.
    first = request_of(REMOTE_ADDR=address, HTTP_X_FORWARDED_FOR="10.0.0.1")
    second = request_of(REMOTE_ADDR=address, HTTP_X_FORWARDED_FOR="10.0.0.2")
    assert asks(PrincipalThrottle, first, 1) + asks(PrincipalThrottle, second, 1) == [True, False]
    kept = rates.default_counter().redis.keys("opd:throttle:*")
    assert kept
    assert not any(address.encode() in key for key in kept)


def test_every_key_runs_out() -> None:
    asks(PatientBookingThrottle, request_of(Role.PATIENT), 1)
    client = rates.default_counter().redis
    assert all(client.ttl(key) > 0 for key in client.keys("opd:throttle:booking:*"))


def test_without_redis_everybody_passes(settings: Any) -> None:
    settings.REDIS_URL = NOWHERE
    assert asks(PatientBookingThrottle, request_of(Role.PATIENT), 30) == [True] * 30


def test_switched_off_it_counts_nothing(settings: Any) -> None:
    settings.OPD_THROTTLING = False
    patient = request_of(Role.PATIENT)
    assert asks(PatientBookingThrottle, patient, 30) == [True] * 30
    assert not rates.default_counter().redis.keys(f"*{patient.auth.id}*")


@pytest.mark.django_db
def test_only_what_booked_counts() -> None:
    from accounts import users
    from accounts.auth import sessions

    user = users.create_user(username="p", email="", password="seven-white-lotus", role=Role.PATIENT, by="user:x")
    client = APIClient()
    client.credentials(HTTP_AUTHORIZATION=f"Bearer {sessions.open_session(user=user).access}")
    for _ in range(12):
        assert client.post("/api/v1/tokens/", {}).status_code == 400
    rates.default_counter().redis.set(f"opd:throttle:booking:user:{user.pk}", 10, ex=60)
    refused = client.post("/api/v1/tokens/", {})
    assert (refused.status_code, refused.json()["code"]) == (429, "throttled")
    assert 0 < int(refused["Retry-After"]) <= 60


def test_a_large_limit_is_stored_in_hundredths_and_still_holds(monkeypatch: Any) -> None:
    monkeypatch.setattr(PrincipalThrottle, "limit", 1000)
    request = request_of(Role.FRONT_DESK)
    name = f"opd:throttle:all:{request.auth.actor}"
    client = rates.default_counter().redis
    assert asks(PrincipalThrottle, request, 9) == [True] * 9
    assert client.get(name) is None
    asks(PrincipalThrottle, request, 1)
    assert client.get(name) == b"10"
    assert asks(PrincipalThrottle, request, 990) == [True] * 990
    assert asks(PrincipalThrottle, request, 9) == [True] * 9, "not yet reported to Redis"
    assert asks(PrincipalThrottle, request, 500) == [False] * 500, "once closed it stays closed"
    assert asks(PrincipalThrottle, request_of(Role.FRONT_DESK), 1) == [True], "for nobody else"


def test_a_closed_limit_opens_with_the_next_window(monkeypatch: Any) -> None:
    monkeypatch.setattr(PrincipalThrottle, "limit", 1000)
    moment = [clock.monotonic()]
    monkeypatch.setattr(clock, "monotonic", lambda: moment[0])
    request = request_of(Role.FRONT_DESK)
    asks(PrincipalThrottle, request, 1010)
    throttle = PrincipalThrottle()
    assert not throttle.allow_request(request, None)
    assert 50 < (throttle.wait() or 0) <= 60
    rates.default_counter().redis.delete(f"opd:throttle:all:{request.auth.actor}")
    moment[0] += 30
    assert not throttle.allow_request(request, None), "also while Redis has forgotten the window"
    assert 20 < (throttle.wait() or 0) <= 30
    moment[0] += 31
    assert asks(PrincipalThrottle, request, 9) == [True] * 9


def test_a_closed_limit_costs_redis_nothing(monkeypatch: Any) -> None:
    monkeypatch.setattr(PrincipalThrottle, "limit", 1000)
    request = request_of(Role.FRONT_DESK)
    asks(PrincipalThrottle, request, 1010)
    count = rates.default_counter().redis.get(f"opd:throttle:all:{request.auth.actor}")
    asks(PrincipalThrottle, request, 300)
    assert rates.default_counter().redis.get(f"opd:throttle:all:{request.auth.actor}") == count

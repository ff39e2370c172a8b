"""Fixtures: users of every role, keys of every scope, and a client for each."""

from collections.abc import Callable
from typing import Any

import pytest
from django.apps import apps
from rest_framework.test import APIClient

from accounts.access.roles import Role
from accounts.auth import api_keys, sessions
from accounts.models import User, first_facility_id
from core import clock

PASSWORD = "quiet-harbour-42"
MakeUser = Callable[..., User]


@pytest.fixture(autouse=True)
def _database(db: None) -> None:
    """Every test here needs the database."""


@pytest.fixture
def api() -> APIClient:
    """A caller without credentials."""
    return APIClient(raise_request_exception=False)


@pytest.fixture
def make_user() -> MakeUser:
    """Create a user of a role, with the password PASSWORD."""

    def make(role: Role = Role.FRONT_DESK, username: str = "", **fields: Any) -> User:
        username = username or f"{role.lower()}-{User.objects.count()}"
        fields.setdefault("email", f"{username}@hospital.example")
        return User.objects.create_user(username, password=PASSWORD, role=role, **fields)

    return make


def bearer(user: User) -> APIClient:
    """Return a client signed in as this user."""
    client = APIClient(raise_request_exception=False)
    pair = sessions.open_session(user=User.objects.get(pk=user.pk))
    client.credentials(HTTP_AUTHORIZATION=f"Bearer {pair.access}")
    return client


def key_client(*scopes: str, **fields: Any) -> APIClient:
    """Return a client with a new key of these scopes."""
    _, text = api_keys.make_key(name="test", scopes=scopes, **fields)
    client = APIClient(raise_request_exception=False)
    client.credentials(HTTP_AUTHORIZATION=f"Api-Key {text}")
    return client


@pytest.fixture
def admin(make_user: MakeUser) -> APIClient:
    """An administrator, signed in."""
    return bearer(make_user(Role.ADMIN))


@pytest.fixture
def make_doctor() -> Callable[[], Any]:
    """Insert a doctor."""

    def make() -> Any:
        facility_class, doctor_class = apps.get_model("clinics.Facility"), apps.get_model("clinics.Doctor")
        facility = facility_class.objects.first() or facility_class.objects.create(
            name="OPD", code="OPD", time_zone="Asia/Kolkata"
        )
        letters = "ABCDEFGHIJ"[doctor_class.objects.count()]
        return doctor_class.objects.create(
            facility=facility, name="Dr Rao", specialization="ENT", ticket_letters=letters, created_at=clock.now()
        )

    return make


@pytest.fixture
def make_patient() -> Callable[..., Any]:
    """Insert a patient."""

    def make(name: str = "Asha Rao", phone: str = "+919845011223") -> Any:
        patient_class = apps.get_model("patients.Patient")
        count = patient_class.objects.count()
        return patient_class.objects.create(
            facility_id=first_facility_id(),
            name=name,
            phone=phone,
            name_key=name.lower(),
            phone_key=phone,
            namesake=count,
            created_at=clock.now(),
        )

    return make


def problem(response: Any, status: int, code: str) -> dict[str, Any]:
    """Assert that the response is this problem; return its body."""
    assert response.status_code == status, (response.status_code, response.content)
    assert response["Content-Type"] == "application/problem+json"
    body = response.json()
    assert body["code"] == code, body
    if status == 401:
        assert response["WWW-Authenticate"]
    return body

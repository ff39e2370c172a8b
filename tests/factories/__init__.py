"""Factories that insert rows directly, for tests that bypass the API."""

from typing import Any

import factory
from django.conf import settings
from factory.django import DjangoModelFactory

from accounts.models import User
from clinics.models import Doctor, Facility
from core import clock
from patients.identity import name_key, phone_key
from patients.models import Patient


def ensure_facility() -> Facility:
    """Return the default facility; create it if a test has emptied the database."""
    facility = Facility.objects.order_by("id").first()
    if facility is None:
        zone = getattr(settings, "OPD_TIME_ZONE", "Asia/Kolkata")
        facility = Facility.objects.create(name=settings.OPD_FACILITY_NAME, code="OPD", time_zone=zone)
    return facility


def first_admin(password: str, username: str = "contract-admin") -> User:
    """Create an ADMIN as `manage.py createsuperuser` does."""
    return User.objects.create_superuser(username, "contract-admin@example.org", password)


def letters(number: int) -> str:
    """Return unused ticket letters: AA, AB, ... (at most four)."""
    text = ""
    for _ in range(4):
        number, digit = divmod(number, 26)
        text = chr(ord("A") + digit) + text
    return text


class DoctorFactory(DjangoModelFactory[Doctor]):
    """A doctor of the default facility."""

    class Meta:
        model = Doctor

    facility: Any = factory.LazyFunction(ensure_facility)
    name: Any = factory.Sequence(lambda n: f"Dr Factory {n}")
    specialization = "General Medicine"
    ticket_letters: Any = factory.Sequence(letters)
    created_at: Any = factory.LazyFunction(clock.now)


class PatientFactory(DjangoModelFactory[Patient]):
    """A patient with a unique name and phone."""

    class Meta:
        model = Patient

    facility: Any = factory.LazyFunction(ensure_facility)
    name: Any = factory.Sequence(lambda n: f"Patient Factory {n}")
    phone: Any = factory.Sequence(lambda n: f"+91800{n:07d}")
    name_key: Any = factory.LazyAttribute(lambda row: name_key(row.name))
    phone_key: Any = factory.LazyAttribute(lambda row: phone_key(row.phone))
    created_at: Any = factory.LazyFunction(clock.now)

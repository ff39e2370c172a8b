"""Rows made directly, for tests that need them before or behind the engine's door."""

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
    """The one facility that exists from the start; made again when a test has emptied the database."""
    facility = Facility.objects.order_by("id").first()
    if facility is None:
        zone = getattr(settings, "OPD_TIME_ZONE", "Asia/Kolkata")
        facility = Facility.objects.create(name=settings.OPD_FACILITY_NAME, code="OPD", time_zone=zone)
    return facility


def first_admin(password: str, username: str = "contract-admin") -> User:
    """The superuser of `manage.py createsuperuser`: an ADMIN."""
    return User.objects.create_superuser(username, "contract-admin@example.org", password)


def letters(number: int) -> str:
    """Ticket letters that no other factory doctor has: AA, AB, ... four at most."""
    text = ""
    for _ in range(4):
        number, digit = divmod(number, 26)
        text = chr(ord("A") + digit) + text
    return text


class DoctorFactory(DjangoModelFactory[Doctor]):
    """A doctor of the one facility."""

    class Meta:
        model = Doctor

    facility: Any = factory.LazyFunction(ensure_facility)
    name: Any = factory.Sequence(lambda n: f"Dr Factory {n}")
    specialization = "General Medicine"
    ticket_letters: Any = factory.Sequence(letters)
    created_at: Any = factory.LazyFunction(clock.now)


class PatientFactory(DjangoModelFactory[Patient]):
    """A patient with a name and phone of their own."""

    class Meta:
        model = Patient

    name: Any = factory.Sequence(lambda n: f"Patient Factory {n}")
    phone: Any = factory.Sequence(lambda n: f"+91800{n:07d}")
    name_key: Any = factory.LazyAttribute(lambda row: name_key(row.name))
    phone_key: Any = factory.LazyAttribute(lambda row: phone_key(row.phone))
    created_at: Any = factory.LazyFunction(clock.now)

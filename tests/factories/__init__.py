"""Rows made directly, for tests that need them before or behind the engine's door."""

from typing import Any

from django.conf import settings


def ensure_facility() -> Any:
    """The one facility that exists from the start; made again when a test has emptied the database."""
    from clinics.models import Facility

    facility = Facility.objects.order_by("id").first()
    if facility is None:
        zone = getattr(settings, "OPD_TIME_ZONE", "Asia/Kolkata")
        facility = Facility.objects.create(name=settings.OPD_FACILITY_NAME, code="OPD", time_zone=zone)
    return facility


def first_admin(password: str, username: str = "contract-admin") -> Any:
    """The superuser of `manage.py createsuperuser`: an ADMIN."""
    from accounts.models import User

    return User.objects.create_superuser(username, "contract-admin@example.org", password)

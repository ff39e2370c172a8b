"""The hospital's settings from the environment: facility, time zone and periods. All periods accept decimals."""

from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from django.core.exceptions import ImproperlyConfigured
from phonenumbers import SUPPORTED_REGIONS

from config.settings.env import env
from core.countries import country_of_zone
from core.local_time import NOT_ZONES


def _span(name: str, default: float, *, at_least: float, at_most: float) -> float:
    try:
        value = float(env.str(name, default=str(default)))
    except ValueError as error:
        raise ImproperlyConfigured(f"{name} must be a number.") from error
    if not at_least <= value <= at_most:  # NaN fails this too
        raise ImproperlyConfigured(f"{name} must be between {at_least} and {at_most}, not {value}.")
    return value


def _switch(name: str, *, default: str) -> bool:
    text = env.str(name, default=default).strip().lower()
    if text not in {"on", "true", "yes", "1", "off", "false", "no", "0"}:
        raise ImproperlyConfigured(f"{name} must be on or off.")
    return text in {"on", "true", "yes", "1"}


def _zone(name: str, *, default: str) -> str:
    zone = env.str(name, default=default)
    try:
        ZoneInfo(zone)
        known = zone not in NOT_ZONES
    except (ZoneInfoNotFoundError, ValueError, OSError):
        known = False
    if not known:
        raise ImproperlyConfigured(f"{name} must be the name of a time zone, for example {default}.")
    return zone


def _region(name: str, *, default: str | None) -> str | None:
    region = env.str(name, default="").strip().upper() or default
    if region is not None and region not in SUPPORTED_REGIONS:
        raise ImproperlyConfigured(f"{name} must be a two-letter country code, for example IN.")
    return region


OPD_FACILITY_NAME = env.str("OPD_FACILITY_NAME", default="OPD")
OPD_TIME_ZONE = _zone("OPD_TIME_ZONE", default="Asia/Kolkata")

# The country of phone numbers without a country code.
OPD_PHONE_REGION = _region("OPD_PHONE_REGION", default=country_of_zone(OPD_TIME_ZONE))

_WEEK = 7 * 24 * 3600.0
OPD_HOLD_SECONDS = _span("OPD_HOLD_SECONDS", 120, at_least=0, at_most=_WEEK)
OPD_NO_SHOW_GRACE_MINUTES = _span("OPD_NO_SHOW_GRACE_MINUTES", 15, at_least=0, at_most=_WEEK / 60)
OPD_BUFFER_MINUTES = _span("OPD_BUFFER_MINUTES", 10, at_least=0, at_most=_WEEK / 60)
OPD_SWEEP_SECONDS = _span("OPD_SWEEP_SECONDS", 10, at_least=0.1, at_most=3600)

OPD_LOCK_WAIT_SECONDS = _span("OPD_LOCK_WAIT_SECONDS", 5, at_least=0.01, at_most=60)
OPD_LOCK_LEASE_SECONDS = _span("OPD_LOCK_LEASE_SECONDS", 5, at_least=0.05, at_most=120)
# The longest that a transaction under the lock may take. It must be shorter than the lease: otherwise the lock would
# expire while its holder is still working, and all waiting requests would queue up at the row locks.
OPD_TRANSACTION_SECONDS = _span(
    "OPD_TRANSACTION_SECONDS", round(OPD_LOCK_LEASE_SECONDS * 0.8, 3), at_least=0.01, at_most=120
)
if OPD_TRANSACTION_SECONDS >= OPD_LOCK_LEASE_SECONDS:
    raise ImproperlyConfigured(
        "OPD_LOCK_LEASE_SECONDS must be longer than OPD_TRANSACTION_SECONDS: "
        f"{OPD_LOCK_LEASE_SECONDS} is not longer than {OPD_TRANSACTION_SECONDS}."
    )

OPD_THROTTLING = _switch("OPD_THROTTLING", default="on")

# Group commit: bookings and cancellations that wait at the same time run in one transaction.
OPD_COMBINE = _switch("OPD_COMBINE", default="on")

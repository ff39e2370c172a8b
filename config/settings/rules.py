"""The hospital's settings from the environment: facility, time zone, periods, and the defaults of a facility's rules.

All periods accept decimals, and lists are written as JSON or separated by commas.
"""

from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from django.core.exceptions import ImproperlyConfigured
from phonenumbers import SUPPORTED_REGIONS

from clinics.rules import RULES, Number, RuleError
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


def _rule(setting: str) -> Any:
    rule = RULES[setting.removeprefix("OPD_").lower()]
    text = env.str(setting, default="")
    try:
        value = rule.check(rule.read(text) if text.strip() else rule.default)
    except RuleError as error:
        raise ImproperlyConfigured(f"{setting}: {error.detail}") from error
    return float(value) if isinstance(rule, Number) and not rule.whole else value


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

# The defaults of the rules that each facility can override (`rules` of facilities/).
OPD_HOLD_SECONDS = _rule("OPD_HOLD_SECONDS")
OPD_NO_SHOW_GRACE_MINUTES = _rule("OPD_NO_SHOW_GRACE_MINUTES")
OPD_BUFFER_MINUTES = _rule("OPD_BUFFER_MINUTES")
OPD_SKIP_PLACES = _rule("OPD_SKIP_PLACES")
OPD_MAX_SKIPS = _rule("OPD_MAX_SKIPS")
OPD_UNDO_SECONDS = _rule("OPD_UNDO_SECONDS")
OPD_HORIZON_DAYS = _rule("OPD_HORIZON_DAYS")
OPD_MIN_NOTICE_MINUTES = _rule("OPD_MIN_NOTICE_MINUTES")
OPD_MAX_DAYS_AHEAD = _rule("OPD_MAX_DAYS_AHEAD")
OPD_CANCEL_CUTOFF_MINUTES = _rule("OPD_CANCEL_CUTOFF_MINUTES")
OPD_MAX_LIVE_PER_PATIENT = _rule("OPD_MAX_LIVE_PER_PATIENT")
OPD_MAX_LIVE_PER_USER = _rule("OPD_MAX_LIVE_PER_USER")
OPD_FOLLOWUP_DAYS = _rule("OPD_FOLLOWUP_DAYS")
OPD_FOLLOWUP_VISITS = _rule("OPD_FOLLOWUP_VISITS")
OPD_SHARE_RELEASE_MINUTES = _rule("OPD_SHARE_RELEASE_MINUTES")
OPD_OFFER_MINUTES = _rule("OPD_OFFER_MINUTES")
OPD_CHECK_IN_OPENS_MINUTES = _rule("OPD_CHECK_IN_OPENS_MINUTES")
OPD_KIOSK_PRESENCE = _rule("OPD_KIOSK_PRESENCE")
OPD_PAID_TIER_ENABLED = _rule("OPD_PAID_TIER_ENABLED")
OPD_EMERGENCY_REASON_REQUIRED = _rule("OPD_EMERGENCY_REASON_REQUIRED")
OPD_REMINDER_HOURS = _rule("OPD_REMINDER_HOURS")
OPD_QUIET_HOURS = _rule("OPD_QUIET_HOURS")
OPD_DELAY_NOTICE_MINUTES = _rule("OPD_DELAY_NOTICE_MINUTES")
OPD_LANGUAGES = _rule("OPD_LANGUAGES")

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

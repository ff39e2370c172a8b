"""The rules of a facility: its overrides, and the server's defaults for the others.

An operation reads the rules once, under the lock, as `ledger.rules`: the row of the facility arrives with the locked
slot. Code without a lock uses `of`, whose answers are at most `RENEWED_AFTER_SECONDS` old.
"""

from collections.abc import Mapping
from dataclasses import dataclass, fields
from datetime import time, timedelta
from functools import lru_cache
from typing import Any
from uuid import UUID

import orjson
from django.conf import settings
from django.core.signals import setting_changed
from django.dispatch import receiver

from clinics.models import Facility
from clinics.rules import setting_of
from core import clock
from core.errors import NotFound, ValidationFailed
from tokens.policy.priority import Category

RENEWED_AFTER_SECONDS = 3.0


@dataclass(frozen=True, slots=True)
class Rules:
    """The rules in force in one facility; the names are those of the API."""

    hold_seconds: float
    no_show_grace_minutes: float
    buffer_minutes: float
    skip_places: int
    max_skips: int
    undo_seconds: float
    horizon_days: int
    min_notice_minutes: float
    max_days_ahead: int
    cancel_cutoff_minutes: float
    max_live_per_patient: int
    max_live_per_user: int
    followup_days: int
    followup_visits: int
    share_release_minutes: float
    offer_minutes: float
    check_in_opens_minutes: float
    kiosk_presence: bool
    paid_tier_enabled: bool
    emergency_reason_required: bool
    reminder_hours: tuple[float, ...]
    quiet_hours: tuple[time, time] | None
    delay_notice_minutes: float
    languages: tuple[str, ...]

    @property
    def hold(self) -> timedelta:
        """How long an unconfirmed hold keeps its seat."""
        return timedelta(seconds=self.hold_seconds)

    @property
    def grace(self) -> timedelta:
        """How long the seat of a missing patient is kept."""
        return timedelta(minutes=self.no_show_grace_minutes)

    @property
    def buffer(self) -> timedelta:
        """How long a cancelled seat is kept for the desk."""
        return timedelta(minutes=self.buffer_minutes)

    def check_category(self, category: Category) -> None:
        """Raise ValidationFailed for PRIORITY_PAID if the facility does not have this tier."""
        if category is Category.PRIORITY_PAID and not self.paid_tier_enabled:
            raise ValidationFailed.of("category", "tier-disabled", "This facility does not book PRIORITY_PAID.")

    def check_emergency_reason(self, reason: str) -> None:
        """Raise ValidationFailed for an emergency without a reason if the facility requires one."""
        if self.emergency_reason_required and not reason.strip():
            raise ValidationFailed.of("reason", "required", "This facility requires the reason of an emergency.")


_NAMES = [field.name for field in fields(Rules)]
_overrides: dict[UUID, tuple[float, dict[str, Any]]] = {}


def in_force(overrides: Mapping[str, Any]) -> Rules:
    """Return the rules of a facility with these overrides."""
    return _in_force(orjson.dumps(overrides))


@lru_cache(maxsize=1024)
def _in_force(text: bytes) -> Rules:
    overrides = orjson.loads(text)
    values = {name: overrides.get(name, getattr(settings, setting_of(name))) for name in _NAMES}
    values["reminder_hours"] = tuple(values["reminder_hours"])
    values["languages"] = tuple(values["languages"])
    begin, end = map(time.fromisoformat, values["quiet_hours"] or ("00:00", "00:00"))
    values["quiet_hours"] = (begin, end) if values["quiet_hours"] else None
    return Rules(**values)


@receiver(setting_changed)
def _forget_defaults(**of_the_signal: Any) -> None:
    """Read the settings again after a test has changed one."""
    _in_force.cache_clear()


def of(facility_id: UUID) -> Rules:
    """Return the rules of a facility, for code that holds no lock; raise NotFound if there is no such facility.

    The overrides are cached in this process, so that a change made in another process is seen after a few seconds.
    """
    renewed_at, overrides = _overrides.get(facility_id, (float("-inf"), {}))
    now = clock.monotonic()
    if now - renewed_at >= RENEWED_AFTER_SECONDS:
        found = Facility.objects.filter(pk=facility_id).values_list("rules", flat=True).first()
        if found is None:
            raise NotFound
        overrides = found
        _overrides[facility_id] = now, overrides
    return in_force(overrides)


def forget(facility_id: UUID) -> None:
    """Read the rules of a facility again on their next use in this process, because they have changed."""
    _overrides.pop(facility_id, None)

"""The default facility, new facilities, and changes to the fields of a facility."""

import zoneinfo
from collections.abc import Mapping
from functools import lru_cache
from typing import Any
from uuid import UUID

from django.apps.registry import Apps
from django.conf import settings
from django.db import IntegrityError

from clinics.models import Doctor, Facility, Room
from clinics.rules import merged
from core.api.commands import Reply
from core.api.problem_details import constraint_of
from core.db.transactions import atomic
from core.errors import NotFound, ValidationFailed
from core.local_time import NOT_ZONES

FIRST_CODE = "MAIN"
CACHE_SIZE = 4096


def default_facility() -> Facility:
    """Return the facility of a request that names none: the oldest. A single hospital never needs to name it."""
    return Facility.objects.order_by("id").first() or _first_facility(Facility)


@lru_cache(maxsize=CACHE_SIZE)
def facility_of_doctor(doctor_id: UUID) -> UUID:
    """Return the facility of a doctor, which never changes; raise NotFound if there is no such doctor."""
    return _facility_of(Doctor, doctor_id)


@lru_cache(maxsize=CACHE_SIZE)
def facility_of_room(room_id: UUID) -> UUID:
    """Return the facility of a room, which never changes; raise NotFound if there is no such room."""
    return _facility_of(Room, room_id)


def _facility_of(model: type[Any], row_id: UUID) -> UUID:
    facility_id: UUID | None = model.objects.filter(pk=row_id).values_list("facility_id", flat=True).first()
    if facility_id is None:
        raise NotFound
    return facility_id


def ensure_default_facility(*, apps: Apps) -> None:
    """Create the first facility from OPD_FACILITY_NAME and OPD_TIME_ZONE, unless a facility exists."""
    try:
        model = apps.get_model("clinics", "Facility")
    except LookupError:  # all migrations have been reversed
        return
    if not model.objects.exists():
        _first_facility(model)


@lru_cache(maxsize=1)
def time_zones() -> frozenset[str]:
    """Return the names of all time zones of this machine that mean the same on every machine."""
    return frozenset(zoneinfo.available_timezones() - NOT_ZONES)


def create_facility(*, time_zone: str | None = None, rules: Mapping[str, Any] | None = None, **details: Any) -> Any:
    """Add a facility, by default in the time zone of the server; raise ValidationFailed for the code of another one.

    `details`: name, code, and the optional fields of a facility.
    """
    zone = time_zone or settings.TIME_ZONE
    try:
        with atomic():
            return Facility.objects.create(time_zone=zone, rules=merged({}, rules or {}), **details)
    except IntegrityError as error:
        raise _refusal(error) from error


def update_facility(*, facility_id: UUID, changes: Mapping[str, Any], reply: Reply | None = None) -> Any:
    """Change fields of a facility, and return it or, with `reply`, the answer to the request.

    `rules` are merged with those of the facility; None takes an override back. Raise NotFound, or ValidationFailed for
    the code of another facility. A new time zone also changes the local days of future slots: `tokens.planning` changes
    both in one transaction.
    """
    try:
        with atomic():
            facility = Facility.objects.select_for_update(no_key=True).filter(pk=facility_id).first()
            if facility is None:
                raise NotFound
            if "rules" in changes:
                changes = {**changes, "rules": merged(facility.rules, changes["rules"])}
            changes = {name: value for name, value in changes.items() if value != getattr(facility, name)}
            for name, value in changes.items():
                setattr(facility, name, value)
            facility.save(update_fields=sorted(changes))
            return facility if reply is None else reply.store(facility, changed=bool(changes))
    except IntegrityError as error:
        raise _refusal(error) from error


def _refusal(error: IntegrityError) -> Exception:
    if "facility_code" not in (constraint_of(error) or ""):
        return error
    return ValidationFailed.of("code", "unique", "Another facility has this code.")


def _first_facility(model: type[Any]) -> Any:
    facility, _ = model.objects.get_or_create(
        code=FIRST_CODE, defaults={"name": settings.OPD_FACILITY_NAME, "time_zone": settings.TIME_ZONE}
    )
    return facility

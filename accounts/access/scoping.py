"""The filter by facility that every query of the API and of the admin site passes.

What lies in another facility is left out, so it answers like an id that does not exist. `tokens.engine.locate` applies
the same rule to the statements that are written in SQL.
"""

from typing import Any, TypeVar
from uuid import UUID

from django.db.models import Exists, Model, OuterRef, Q, QuerySet

from accounts.access.principal import Principal
from accounts.access.roles import Role
from accounts.models import User
from core.errors import NotFound, ValidationFailed

M = TypeVar("M", bound=Model)


def scoped(rows: QuerySet[M], principal: Principal) -> QuerySet[M]:
    """Filter the rows to those of the caller's facility; leave them unfiltered for patients and superusers."""
    return in_facility(rows, principal.facility_id)


def in_facility(rows: QuerySet[M], facility_id: UUID | None) -> QuerySet[M]:
    """Filter the rows to those of a facility; None stands for all facilities.

    A user who is a patient belongs to every facility that has one of their records, and without any record to all.
    """
    if facility_id is None:
        return rows
    if rows.model is User:
        links = User.patients.through.objects
        here, anywhere = links.filter(patient__facility_id=facility_id), links.filter(user_id=OuterRef("pk"))
        nowhere = Q(facility_id=None, role=Role.PATIENT) & ~Exists(anywhere)
        return rows.filter(Q(facility_id=facility_id) | Q(pk__in=here.values("user_id")) | nowhere)
    name = "pk" if rows.model._meta.label == "clinics.Facility" else "facility_id"
    return rows.filter(**{name: facility_id})


def refuse_other_facility(principal: Principal, facility_id: UUID) -> None:
    """Raise NotFound for a facility in which the caller may not act."""
    if principal.facility_id not in (None, facility_id):
        raise NotFound


def facility_of_new_row(principal: Principal, named: UUID | None) -> UUID:
    """Return the facility of a row that the caller creates: the named one, else their own, else the only one.

    Raise NotFound if the caller may not use the named facility, and ValidationFailed if there are several and none is
    named.
    """
    own = principal.own_facility_id
    if own is not None and named in (None, own):
        return own
    if principal.facility_id is not None:
        raise NotFound
    return named_or_only_facility(named)


def named_or_only_facility(named: UUID | None) -> UUID:
    """Return the named facility, or the only one. Raise NotFound, or ValidationFailed if there are several."""
    facilities: Any = User._meta.get_field("facility").related_model
    ids = facilities.objects.order_by("id").values_list("pk", flat=True)
    if named is not None:
        if not ids.filter(pk=named).exists():
            raise NotFound
        return named
    found: list[UUID] = list(ids[:2])
    if len(found) != 1:
        raise ValidationFailed.of("facility", "required", "There are several facilities: name one of them.")
    return found[0]

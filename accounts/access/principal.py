"""The caller of a request as one immutable value: a user, an API key, a board, a kiosk or a tracking link."""

import uuid
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property
from typing import Any, Literal

from rest_framework.exceptions import NotAuthenticated

from accounts.access.roles import DESK, Role, Scope, with_included
from accounts.auth.admin_sessions import signed_in_at
from accounts.models import User


def actor_of(kind: str, holder_id: uuid.UUID) -> str:
    """Return the name of a caller in the event log: its kind and id, such as `user:<uuid>`."""
    return f"{kind}:{holder_id}"


@dataclass(frozen=True)
class Principal:
    """The caller: a signed-in user, a hospital system with an API key, or a device (`accounts.access.roles.Device`)."""

    kind: Literal["user", "key", "board", "kiosk", "link"]
    id: uuid.UUID
    role: Role | None = None
    scopes: frozenset[str] = field(default_factory=frozenset)
    doctor_id: uuid.UUID | None = None
    own_facility_id: uuid.UUID | None = None
    """The facility that the caller belongs to; None for a PATIENT."""
    is_superuser: bool = False
    second_factor: bool = False
    signed_in_at: datetime | None = None
    own_patients: frozenset[uuid.UUID] | None = None
    """The ids of a PATIENT's records, if the session query loaded them."""

    @property
    def actor(self) -> str:
        """Return the name of the caller in the event log, such as `user:<uuid>` or `kiosk:<uuid>`."""
        return actor_of(self.kind, self.id)

    @property
    def facility_id(self) -> uuid.UUID | None:
        """Return the only facility whose rows the caller may use; None for a PATIENT and a superuser: all of them."""
        return None if self.is_superuser else self.own_facility_id

    @property
    def is_desk(self) -> bool:
        """Return whether the caller is the front desk, an administrator or a key with the scope `operate`."""
        return self.role in DESK or Scope.OPERATE in self.scopes

    @cached_property
    def patient_ids(self) -> frozenset[uuid.UUID]:
        """Return the ids of this PATIENT's records (their own and their family's), queried if not loaded yet."""
        if self.own_patients is not None:
            return self.own_patients
        if self.kind != "user" or self.role != Role.PATIENT:
            return frozenset()
        links = User.patients.through.objects.filter(user_id=self.id)
        return frozenset(links.values_list("patient_id", flat=True))

    @classmethod
    def of_user(cls, user: User, *, second_factor: bool = False, signed_in_at: datetime | None = None) -> "Principal":
        """Return the principal of a signed-in user; `doctor_id` is set only for a DOCTOR."""
        role = Role(user.role)
        return cls(
            kind="user",
            id=user.pk,
            role=role,
            doctor_id=user.doctor_id if role == Role.DOCTOR else None,
            own_facility_id=user.facility_id,
            is_superuser=user.is_superuser,
            second_factor=second_factor,
            signed_in_at=signed_in_at,
        )

    @classmethod
    def of_key(cls, key: Any) -> "Principal":
        """Return the principal of an API key, with the scopes that its own scopes include."""
        return cls(kind="key", id=key.pk, scopes=with_included(key.scopes), own_facility_id=key.facility_id)


def roles_of(actors: Iterable[str]) -> dict[str, str]:
    """Return the kind of each actor, for responses that must not identify them.

    The kind is the role of a user, USER for a deleted user, KEY, KIOSK, LINK or SYSTEM.
    """
    kinds = {actor: actor.partition(":")[0] for actor in actors}
    ids = {actor: actor.partition(":")[2] for actor, kind in kinds.items() if kind == "user"}
    roles = {str(pk): role for pk, role in User.objects.filter(pk__in=ids.values()).values_list("pk", "role")}
    return {actor: roles.get(ids.get(actor, ""), kind.upper()) for actor, kind in kinds.items()}


def principal_of(request: Any) -> Principal:
    """Return the caller of this request; raise DRF's NotAuthenticated (401) without a signed-in caller."""
    known = getattr(request, "auth", None)  # requests of the admin site have no `auth`
    if isinstance(known, Principal):
        return known
    if isinstance(request.user, User):
        principal = Principal.of_user(request.user, signed_in_at=signed_in_at(request.session))
        request.auth = principal
        return principal
    raise NotAuthenticated

"""The caller of a request, whether a person or a machine, as one plain value."""

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
    """A caller's name in the event log: `user:<uuid>` or `key:<uuid>`."""
    return f"{kind}:{holder_id}"


@dataclass(frozen=True)
class Principal:
    """Who is asking: a signed-in user, or a hospital system with its key."""

    kind: Literal["user", "key"]
    id: uuid.UUID
    role: Role | None = None
    scopes: frozenset[str] = field(default_factory=frozenset)
    doctor_id: uuid.UUID | None = None
    second_factor: bool = False
    signed_in_at: datetime | None = None
    own_patients: frozenset[uuid.UUID] | None = None
    """The records of a PATIENT, where they were read with the session."""

    @property
    def actor(self) -> str:
        """The caller's name in the event log: `user:<uuid>` or `key:<uuid>`."""
        return actor_of(self.kind, self.id)

    @property
    def is_desk(self) -> bool:
        """True for the front desk, an administrator and a key with the scope `operate`."""
        return self.role in DESK or Scope.OPERATE in self.scopes

    @cached_property
    def patient_ids(self) -> frozenset[uuid.UUID]:
        """The records that belong to this user (a PATIENT's own and their family's); read if they are not known."""
        if self.own_patients is not None:
            return self.own_patients
        if self.kind != "user" or self.role != Role.PATIENT:
            return frozenset()
        links = User.patients.through.objects.filter(user_id=self.id)
        return frozenset(links.values_list("patient_id", flat=True))

    @classmethod
    def of_user(cls, user: User, *, second_factor: bool = False, signed_in_at: datetime | None = None) -> "Principal":
        """The principal of a signed-in user; only a DOCTOR has a doctor."""
        role = Role(user.role)
        return cls(
            kind="user",
            id=user.pk,
            role=role,
            doctor_id=user.doctor_id if role == Role.DOCTOR else None,
            second_factor=second_factor,
            signed_in_at=signed_in_at,
        )

    @classmethod
    def of_key(cls, key: Any) -> "Principal":
        """The principal of an API key, with all scopes that its own include."""
        return cls(kind="key", id=key.pk, scopes=with_included(key.scopes))


def roles_of(actors: Iterable[str]) -> dict[str, str]:
    """What each actor is, for callers who must not learn who they are.

    The role of a user, USER for one who was deleted, KEY, or SYSTEM.
    """
    kinds = {actor: actor.partition(":")[0] for actor in actors}
    ids = {actor: actor.partition(":")[2] for actor, kind in kinds.items() if kind == "user"}
    roles = {str(pk): role for pk, role in User.objects.filter(pk__in=ids.values()).values_list("pk", "role")}
    return {actor: roles.get(ids.get(actor, ""), kind.upper()) for actor, kind in kinds.items()}


def principal_of(request: Any) -> Principal:
    """The caller of this request; raises DRF's NotAuthenticated (401) when nobody has signed in."""
    known = getattr(request, "auth", None)  # Django's own requests, on the admin site, have none
    if isinstance(known, Principal):
        return known
    if isinstance(request.user, User):
        principal = Principal.of_user(request.user, signed_in_at=signed_in_at(request.session))
        request.auth = principal
        return principal
    raise NotAuthenticated

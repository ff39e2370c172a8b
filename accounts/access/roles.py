"""The roles of users and the scopes of API keys."""

from collections.abc import Iterable

from django.db import models


class Role(models.TextChoices):
    """The role of a user, which decides what they may do (see permission_table.py)."""

    ADMIN = "ADMIN", "Administrator"
    FRONT_DESK = "FRONT_DESK", "Front desk"
    DOCTOR = "DOCTOR", "Doctor"
    PATIENT = "PATIENT", "Patient"


class Scope(models.TextChoices):
    """The permissions of an API key; each scope includes the previous ones."""

    READ = "read", "Read"
    BOOK = "book", "Book, cancel and register patients"
    OPERATE = "operate", "All that the front desk may"


class Device(models.TextChoices):
    """The callers that are neither a user nor an API key (see the app `live`)."""

    BOARD = "board", "Board in a waiting room"
    KIOSK = "kiosk", "Kiosk for check-in"
    LINK = "link", "Holder of a tracking link"


STAFF = frozenset({Role.ADMIN, Role.FRONT_DESK, Role.DOCTOR})
DESK = frozenset({Role.ADMIN, Role.FRONT_DESK})

_INCLUDED: dict[str, frozenset[str]] = {
    Scope.READ: frozenset({Scope.READ}),
    Scope.BOOK: frozenset({Scope.READ, Scope.BOOK}),
    Scope.OPERATE: frozenset({Scope.READ, Scope.BOOK, Scope.OPERATE}),
}


def with_included(scopes: Iterable[str]) -> frozenset[str]:
    """Return the scopes and the scopes they include; unknown scopes are ignored."""
    return frozenset(str(each) for scope in scopes for each in _INCLUDED.get(scope, frozenset()))

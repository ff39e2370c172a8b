"""The four kinds of people and the three scopes of a machine's key: plain values, known to everybody."""

from collections.abc import Iterable

from django.db import models


class Role(models.TextChoices):
    """What a person is in the hospital; decides what they may do (see matrix.py)."""

    ADMIN = "ADMIN", "Administrator"
    FRONT_DESK = "FRONT_DESK", "Front desk"
    DOCTOR = "DOCTOR", "Doctor"
    PATIENT = "PATIENT", "Patient"


class Scope(models.TextChoices):
    """What an API key may do; each scope includes the ones before it."""

    READ = "read", "Read"
    BOOK = "book", "Book, cancel and register patients"
    OPERATE = "operate", "All that the front desk may"


STAFF = frozenset({Role.ADMIN, Role.FRONT_DESK, Role.DOCTOR})
DESK = frozenset({Role.ADMIN, Role.FRONT_DESK})

_INCLUDED: dict[str, frozenset[str]] = {
    Scope.READ: frozenset({Scope.READ}),
    Scope.BOOK: frozenset({Scope.READ, Scope.BOOK}),
    Scope.OPERATE: frozenset({Scope.READ, Scope.BOOK, Scope.OPERATE}),
}


def with_included(scopes: Iterable[str]) -> frozenset[str]:
    """The scopes and all that they include; a word that is no scope adds nothing."""
    return frozenset(str(each) for scope in scopes for each in _INCLUDED.get(scope, frozenset()))

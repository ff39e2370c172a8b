"""Who may do what: the one table from which permissions, the schema's notes and the tests are made.

Columns are the roles of people and the scopes of API keys. OWN means: only what belongs to the caller, that is a
doctor's own slots and the tokens in them, or a patient's own records and their tokens. What lies outside answers 404
like an unknown id; but everybody can read slots, so a doctor who acts on another's slot is refused with 403.
"""

from enum import IntEnum
from typing import Any

from accounts.access.roles import Role, Scope


class Reach(IntEnum):
    """How far a capability reaches for somebody."""

    NONE = 0
    OWN = 1
    ALL = 2


WHO: tuple[str, ...] = (
    Role.ADMIN,
    Role.FRONT_DESK,
    Role.DOCTOR,
    Role.PATIENT,
    Scope.READ,
    Scope.BOOK,
    Scope.OPERATE,
)

_MARKS = {"all": Reach.ALL, "own": Reach.OWN, "-": Reach.NONE}

# fmt: off
_TABLE = """
                      ADMIN  FRONT_DESK  DOCTOR  PATIENT  read  book  operate
facilities.read       all    all         all     all      all   all   all
facilities.write      all    -           -       -        -     -     -
doctors.read          all    all         all     all      all   all   all
doctors.write         all    -           -       -        -     -     -
patients.read         all    all         own     own      all   all   all
patients.register     all    all         -       own      -     all   all
patients.write        all    all         -       own      -     -     all
slots.read            all    all         all     all      all   all   all
slots.write           all    all         -       -        -     -     all
slots.run             all    all         own     -        -     -     all
slots.cancel          all    all         -       -        -     -     all
tokens.read           all    all         own     own      all   all   all
tokens.book           all    all         -       own      -     all   all
tokens.emergency      all    all         own     -        -     -     all
tokens.attend         all    all         own     -        -     -     all
queue.read            all    all         own     own      all   all   all
waiting_list.read     all    all         own     own      all   all   all
waiting_list.write    all    all         -       own      -     all   all
reports.read          all    all         own     -        all   all   all
events.read           all    all         own     -        all   all   all
users.manage          all    -           -       -        -     -     -
api_keys.manage       all    -           -       -        -     -     -
"""
# fmt: on


def _read_table(text: str) -> dict[str, dict[str, Reach]]:
    head, *rows = (line.split() for line in text.strip().splitlines())
    if tuple(head) != tuple(str(who) for who in WHO):
        raise ValueError("the head of the table must name WHO in order")
    return {capability: dict(zip(head, (_MARKS[mark] for mark in marks), strict=True)) for capability, *marks in rows}


MATRIX: dict[str, dict[str, Reach]] = _read_table(_TABLE)


def reach(principal: Any, capability: str) -> Reach:
    """How far the capability reaches for this caller; an unknown capability reaches nowhere."""
    row = MATRIX.get(capability)
    if row is None:
        return Reach.NONE
    names = principal.scopes if principal.role is None else (principal.role,)
    return max((row.get(str(name), Reach.NONE) for name in names), default=Reach.NONE)

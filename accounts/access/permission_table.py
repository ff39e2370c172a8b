"""The permission table: the single source of the permission checks, of the notes in the schema and of the tests.

The columns are the roles of users and the scopes of API keys. OWN limits a capability to the caller's own objects: a
doctor's slots and their tokens, or a patient's records and their tokens. Other objects answer 404, like an unknown id.
Slots are the exception: every caller can read them, so a doctor who changes another doctor's slot gets 403.

Boards, kiosks and tracking links have a table of their own: each has one capability, which no user and no key has.

Staff and keys use every capability only in their own facility; whatever lies in another one answers like an unknown id.
Superusers, who are ADMINs, use theirs in all facilities.
"""

from enum import IntEnum
from typing import Any

from accounts.access.roles import Device, Role, Scope


class Reach(IntEnum):
    """The objects on which a caller may use a capability."""

    NONE = 0
    OWN = 1
    ALL = 2


COLUMNS: tuple[str, ...] = (
    Role.ADMIN,
    Role.FRONT_DESK,
    Role.DOCTOR,
    Role.PATIENT,
    Scope.READ,
    Scope.BOOK,
    Scope.OPERATE,
)

_REACH_BY_WORD = {"all": Reach.ALL, "own": Reach.OWN, "-": Reach.NONE}

# fmt: off
_TABLE = """
                      ADMIN  FRONT_DESK  DOCTOR  PATIENT  read  book  operate
facilities.read       all    all         all     all      all   all   all
facilities.write      all    -           -       -        -     -     -
facilities.create     all    -           -       -        -     -     -
doctors.read          all    all         all     all      all   all   all
doctors.write         all    -           -       -        -     -     -
rooms.read            all    all         all     -        all   all   all
rooms.write           all    -           -       -        -     -     -
patients.read         all    all         own     own      all   all   all
patients.register     all    all         -       own      -     all   all
patients.write        all    all         -       own      -     -     all
patients.merge        all    all         -       -        -     -     all
slots.read            all    all         all     all      all   all   all
slots.write           all    all         -       -        -     -     all
slots.run             all    all         own     -        -     -     all
slots.cancel          all    all         -       -        -     -     all
tokens.read           all    all         own     own      all   all   all
tokens.book           all    all         -       own      -     all   all
tokens.emergency      all    all         own     -        -     -     all
tokens.attend         all    all         own     -        -     -     all
tokens.undo           all    all         own     own      -     all   all
tokens.move           all    all         -       own      -     -     all
tokens.reclassify     all    all         -       -        -     -     all
queue.read            all    all         own     own      all   all   all
waiting_list.read     all    all         own     own      all   all   all
waiting_list.write    all    all         -       own      -     all   all
waiting_list.seat     all    all         -       -        -     -     all
reports.read          all    all         own     -        all   all   all
events.read           all    all         own     -        all   all   all
devices.read          all    all         all     -        all   all   all
devices.write         all    -           -       -        -     -     -
users.manage          all    -           -       -        -     -     -
api_keys.manage       all    -           -       -        -     -     -
"""
# fmt: on

FOR_SUPERUSERS = frozenset({"facilities.create"})
"""The capabilities that an ADMIN has only as a superuser."""


def _read_table(text: str) -> dict[str, dict[str, Reach]]:
    head, *rows = (line.split() for line in text.strip().splitlines())
    if tuple(head) != tuple(str(who) for who in COLUMNS):
        raise ValueError("the first line of the table must list COLUMNS in order")
    return {
        capability: dict(zip(head, (_REACH_BY_WORD[mark] for mark in marks), strict=True))
        for capability, *marks in rows
    }


PERMISSIONS: dict[str, dict[str, Reach]] = _read_table(_TABLE)

DEVICE_PERMISSIONS: dict[str, Device] = {
    "board.show": Device.BOARD,
    "kiosk.check_in": Device.KIOSK,
    "token.follow": Device.LINK,
}
"""The only kind of caller with each of these capabilities."""


def reach(principal: Any, capability: str) -> Reach:
    """Return the caller's reach for the capability; NONE if the table has no such capability."""
    if capability in DEVICE_PERMISSIONS:
        return Reach.ALL if principal.kind == DEVICE_PERMISSIONS[capability] else Reach.NONE
    row = PERMISSIONS.get(capability)
    if row is None or (capability in FOR_SUPERUSERS and not principal.is_superuser):
        return Reach.NONE
    names = principal.scopes if principal.role is None else (principal.role,)
    return max((row.get(str(name), Reach.NONE) for name in names), default=Reach.NONE)

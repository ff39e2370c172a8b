"""From an id alone to the facility that it lies in.

Rows are found by their facility and their id, so that a database that is parted by facility looks in one part only. A
caller names no facility, just an id: what these few statements ask of every part, once for each id and process, all
others are told. The answers never change: no slot, token or entry moves to another facility, no token to another slot.
"""

from contextlib import suppress
from functools import lru_cache
from typing import Any, NamedTuple, TypeVar
from uuid import UUID

from django.db import connection
from django.db.models import Model, QuerySet

from clinics.models import Slot
from core.db.sql import Rows
from core.errors import NotFound
from tokens.models import Token
from waitlist.models import WaitlistEntry

KEPT = 16_384

FACILITY_OF_SLOT = f"SELECT facility_id FROM {Rows(Slot).table} WHERE id = %s"
PLACE_OF_TOKEN = f"SELECT facility_id, slot_id FROM {Rows(Token).table} WHERE id = %s"
PLACE_OF_ENTRY = f"SELECT facility_id, slot_id FROM {Rows(WaitlistEntry).table} WHERE id = %s"


class Place(NamedTuple):
    """Where a token or an entry lies."""

    facility_id: UUID
    slot_id: UUID


@lru_cache(maxsize=KEPT)
def facility_of_slot(slot_id: UUID) -> UUID:
    """The facility of a slot; NotFound if there is no such slot."""
    facility_id: UUID
    [facility_id] = _found(FACILITY_OF_SLOT, slot_id)
    return facility_id


@lru_cache(maxsize=KEPT)
def place_of_token(token_id: UUID) -> Place:
    """The facility and the slot of a token; NotFound if there is no such token."""
    return Place(*_found(PLACE_OF_TOKEN, token_id))


@lru_cache(maxsize=KEPT)
def place_of_entry(entry_id: UUID) -> Place:
    """The facility and the slot of a waiting-list entry; NotFound if there is no such entry."""
    return Place(*_found(PLACE_OF_ENTRY, entry_id))


R = TypeVar("R", bound=Model)


def of_slot(rows: QuerySet[R], *, slot_id: UUID) -> QuerySet[R]:
    """Those of the rows that belong to the slot, looked for in its facility; of a slot that is gone, everywhere."""
    with suppress(NotFound):
        rows = rows.filter(facility_id=facility_of_slot(slot_id))
    return rows.filter(slot_id=slot_id)


def of_token(rows: QuerySet[R], *, token_id: UUID) -> QuerySet[R]:
    """Those of the rows that belong to the token, looked for in its facility."""
    with suppress(NotFound):
        rows = rows.filter(facility_id=place_of_token(token_id).facility_id)
    return rows.filter(token_id=token_id)


def _found(statement: str, row_id: UUID) -> tuple[Any, ...]:
    with connection.cursor() as cursor:
        cursor.execute(statement, [row_id])
        row: tuple[Any, ...] | None = cursor.fetchone()
    if row is None:
        raise NotFound
    return row

"""Find the facility, and the slot, of an id.

All other statements select rows by facility and id, so that a database partitioned by facility reads one partition. The
API identifies rows by id alone, so the statements here read every partition, once for each id and process, and their
results are cached. The facility of a row never changes. A token may move to another slot, in any process: its cached
slot is only where to look first, and `in_slot_of` looks again if the token is not there.
"""

from collections.abc import Callable
from contextlib import suppress
from functools import lru_cache
from typing import Any, NamedTuple, TypeVar
from uuid import UUID

from django.db import connection
from django.db.models import Model, QuerySet

from clinics.models import Slot
from core.db.sql import Rows
from core.errors import NotFound, SlotBusy
from tokens.models import Token
from waitlist.models import WaitlistEntry

CACHE_SIZE = 16_384
MAX_MOVES = 5
"""How often a request follows a token that moves to another slot while the request waits for its lock."""

T = TypeVar("T")

FACILITY_OF_SLOT = f"SELECT facility_id FROM {Rows(Slot).table} WHERE id = %s"
PLACE_OF_TOKEN = f"SELECT facility_id, slot_id FROM {Rows(Token).table} WHERE id = %s"
PLACE_OF_ENTRY = f"SELECT facility_id, slot_id FROM {Rows(WaitlistEntry).table} WHERE id = %s"


class Place(NamedTuple):
    """The facility and the slot of a token or a waiting-list entry."""

    facility_id: UUID
    slot_id: UUID


@lru_cache(maxsize=CACHE_SIZE)
def facility_of_slot(slot_id: UUID) -> UUID:
    """Return the facility of a slot; raise NotFound if there is no such slot."""
    facility_id: UUID
    [facility_id] = _fetch_row(FACILITY_OF_SLOT, slot_id)
    return facility_id


@lru_cache(maxsize=CACHE_SIZE)
def _last_known_place(token_id: UUID) -> list[Place]:
    """Return the place of a token in a list of one, in which it can be replaced."""
    return [Place(*_fetch_row(PLACE_OF_TOKEN, token_id))]


def facility_of_token(token_id: UUID) -> UUID:
    """Return the facility of a token; raise NotFound if there is no such token."""
    return _last_known_place(token_id)[0].facility_id


def in_slot_of(token_id: UUID, attempt: Callable[[Place], T]) -> T:
    """Call `attempt` with the token's facility and slot, again if the token has moved meanwhile.

    `attempt` locks the slot and raises NotFound if the token is not in it. Raise NotFound if there is no such token,
    and SlotBusy if it keeps moving.
    """
    known = _last_known_place(token_id)
    for _ in range(MAX_MOVES):
        place = known[0]
        try:
            return attempt(place)
        except NotFound:
            known[0] = Place(*_fetch_row(PLACE_OF_TOKEN, token_id))
            if known[0] == place:
                raise
    raise SlotBusy


@lru_cache(maxsize=CACHE_SIZE)
def place_of_entry(entry_id: UUID) -> Place:
    """Return the facility and the slot of a waiting-list entry; raise NotFound if there is no such entry."""
    return Place(*_fetch_row(PLACE_OF_ENTRY, entry_id))


R = TypeVar("R", bound=Model)


def of_slot(rows: QuerySet[R], *, slot_id: UUID) -> QuerySet[R]:
    """Return the rows of the slot, filtered by its facility too; if the slot is deleted, by the slot alone."""
    with suppress(NotFound):
        rows = rows.filter(facility_id=facility_of_slot(slot_id))
    return rows.filter(slot_id=slot_id)


def of_token(rows: QuerySet[R], *, token_id: UUID) -> QuerySet[R]:
    """Return the rows of the token, filtered by its facility too."""
    with suppress(NotFound):
        rows = rows.filter(facility_id=facility_of_token(token_id))
    return rows.filter(token_id=token_id)


def _fetch_row(statement: str, row_id: UUID) -> tuple[Any, ...]:
    with connection.cursor() as cursor:
        cursor.execute(statement, [row_id])
        row: tuple[Any, ...] | None = cursor.fetchone()
    if row is None:
        raise NotFound
    return row

"""From an id alone to the facility that it lies in.

Rows are found by their facility and their id, so that a database that is parted by facility looks in one part only. A
caller names no facility, just an id: what these few statements ask of every part, once for each id and process, all
others are told. The answers never change: no slot, token or entry moves to another facility, no token to another slot.
"""

from functools import lru_cache
from typing import NamedTuple
from uuid import UUID

from clinics.models import Slot
from core.errors import NotFound
from tokens.models import Token
from waitlist.models import WaitlistEntry

KEPT = 16_384


class Place(NamedTuple):
    """Where a token or an entry lies."""

    facility_id: UUID
    slot_id: UUID


@lru_cache(maxsize=KEPT)
def facility_of_slot(slot_id: UUID) -> UUID:
    """The facility of a slot; NotFound if there never was one."""
    facility_id = Slot.objects.filter(id=slot_id).values_list("facility_id", flat=True).first()
    if facility_id is None:
        raise NotFound
    return facility_id


@lru_cache(maxsize=KEPT)
def place_of_token(token_id: UUID) -> Place:
    """The facility and the slot of a token; NotFound if there is none."""
    return _found(Token.objects.filter(id=token_id).values_list("facility_id", "slot_id").first())


@lru_cache(maxsize=KEPT)
def place_of_entry(entry_id: UUID) -> Place:
    """The facility and the slot of a waiting-list entry; NotFound if there is none."""
    return _found(WaitlistEntry.objects.filter(id=entry_id).values_list("facility_id", "slot_id").first())


def _found(row: tuple[UUID, UUID] | None) -> Place:
    if row is None:
        raise NotFound
    return Place(*row)

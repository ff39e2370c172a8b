"""The queue of a slot and the positions in it, derived from the order and from nothing else."""

from collections import defaultdict
from collections.abc import Iterable
from uuid import UUID

from django.db import connection
from django.db.models import Q, QuerySet
from django.db.models.functions import Length

from clinics.models import Slot
from tokens.models import IS_QUEUED, Token
from tokens.policy.lifecycle import QUEUED
from waitlist.models import WaitlistEntry
from waitlist.order import positions_of_entries

QUEUE_ORDER = ("priority", "rank_band", "rank_arrival")


def tokens_of(*, slot: Slot) -> QuerySet[Token]:
    """All tokens of the slot."""
    return Token.objects.filter(facility_id=slot.facility_id, slot_id=slot.id)


def queue_of(*, slot: Slot) -> QuerySet[Token]:
    """The tokens in the queue of the slot, first to be seen first."""
    return tokens_of(slot=slot).filter(IS_QUEUED).order_by(*QUEUE_ORDER)


def rest_of(*, slot: Slot) -> QuerySet[Token]:
    """The tokens of the slot that are not in its queue, by ticket."""
    return tokens_of(slot=slot).exclude(IS_QUEUED).order_by(Length("ticket"), "ticket")


def ahead_of(*, token: Token) -> QuerySet[Token]:
    """The tokens of the same queue that are seen before this one."""
    priority, band, arrival = token.order_key
    return Token.objects.filter(IS_QUEUED, facility_id=token.facility_id, slot_id=token.slot_id).filter(
        Q(priority__lt=priority)
        | Q(priority=priority, rank_band__lt=band)
        | Q(priority=priority, rank_band=band, rank_arrival__lt=arrival)
    )


def position_of(*, token: Token) -> int | None:
    """The live position in the queue, from 1; None for a token that is not in it."""
    if token.status not in QUEUED:
        return None
    return positions_of(tokens=[token]).get(token.id)


FEW = 3
ONE_BY_ONE = """
SELECT token.id, (
    SELECT count(*) + 1 FROM tokens_token AS ahead
    WHERE ahead.slot_id = token.slot_id AND ahead.facility_id = %(facility)s
      AND ahead.status IN ('CHECKED_IN', 'CONFIRMED', 'PENDING')
      AND (ahead.priority, ahead.rank_band, ahead.rank_arrival) < (token.priority, token.rank_band, token.rank_arrival)
)
FROM tokens_token AS token
WHERE token.facility_id = %(facility)s AND token.id = ANY(%(ids)s)
  AND token.status IN ('CHECKED_IN', 'CONFIRMED', 'PENDING')
"""


ALL_AT_ONCE = """
SELECT id, position FROM (
    SELECT id, row_number() OVER (PARTITION BY slot_id ORDER BY priority, rank_band, rank_arrival) AS position
    FROM tokens_token
    WHERE facility_id = %(facility)s AND status IN ('CHECKED_IN', 'CONFIRMED', 'PENDING') AND slot_id = ANY(ARRAY(
        SELECT DISTINCT slot_id FROM tokens_token WHERE facility_id = %(facility)s AND id = ANY(%(ids)s)
    ))
) AS queue
WHERE id = ANY(%(ids)s)
"""


def positions_of(*, tokens: Iterable[Token], queues: int = 1) -> dict[UUID, int]:
    """The live positions of tokens, in one statement for each facility; tokens that are in no queue are left out.

    Where they are a few in each of the `queues` that they stand in, the tokens ahead of each are counted; else every
    queue is numbered once.
    """
    ids: dict[UUID, list[UUID]] = defaultdict(list)
    for token in tokens:
        ids[token.facility_id].append(token.id)
    positions: dict[UUID, int] = {}
    for facility_id, of_facility in ids.items():
        statement = ONE_BY_ONE if len(of_facility) <= FEW * queues else ALL_AT_ONCE
        with connection.cursor() as cursor:
            cursor.execute(statement, {"facility": facility_id, "ids": of_facility})
            positions |= dict(cursor.fetchall())
    return positions


def note_positions(places: Iterable[Token | WaitlistEntry]) -> None:
    """Find the positions of places just taken, all at once, and note them on the rows for the answers to come."""
    rows = list(places)
    tokens = [row for row in rows if isinstance(row, Token)]
    queues = len({token.slot_id for token in tokens})
    positions = positions_of(tokens=tokens, queues=queues)
    positions |= positions_of_entries(entries=[row for row in rows if isinstance(row, WaitlistEntry)])
    for row in rows:
        row.noted_position = positions.get(row.id)

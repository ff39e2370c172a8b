"""The queue of a slot and the positions in it, which are always derived from the queue's order."""

from collections import defaultdict
from collections.abc import Iterable
from uuid import UUID

from django.db.models import Q, QuerySet

from clinics.models import Slot
from core.db.sql import Found, Statement, ask
from tokens.models import IS_QUEUED, QUEUE_ORDER, Token
from tokens.policy.lifecycle import QUEUED
from waitlist.models import WaitlistEntry
from waitlist.order import entry_position_queries


def in_order(alias: str) -> str:
    """Return the columns of the queue's order as SQL."""
    return ", ".join(f"{alias}.{column}" for column in QUEUE_ORDER)


def tokens_of(*, slot: Slot) -> QuerySet[Token]:
    """Return all tokens of the slot."""
    return Token.objects.filter(facility_id=slot.facility_id, slot_id=slot.id)


def ahead_of(*, token: Token) -> QuerySet[Token]:
    """Return the tokens of the same queue that are seen before this one."""
    before, same = Q(), Q()
    for column, value in zip(QUEUE_ORDER, token.order_key, strict=True):
        before |= same & Q(**{f"{column}__lt": value})
        same &= Q(**{column: value})
    return Token.objects.filter(before, IS_QUEUED, facility_id=token.facility_id, slot_id=token.slot_id)


def position_of(*, token: Token) -> int | None:
    """Return the token's current position in its queue, from 1; None for a token that is not in a queue."""
    if token.status not in QUEUED:
        return None
    return positions_of(tokens=[token]).get(token.id)


FEW = 3
ONE_BY_ONE = f"""
SELECT token.id, (
    SELECT count(*) + 1 FROM tokens_token AS ahead
    WHERE ahead.facility_id = %s AND ahead.slot_id = token.slot_id
      AND ahead.status IN ('CHECKED_IN', 'CONFIRMED', 'PENDING')
      AND ({in_order("ahead")}) < ({in_order("token")})
)
FROM tokens_token AS token
WHERE token.facility_id = %s AND token.id = ANY(%s) AND token.status IN ('CHECKED_IN', 'CONFIRMED', 'PENDING')
"""
ALL_AT_ONCE = f"""
SELECT id, position FROM (
    SELECT id, row_number() OVER (PARTITION BY slot_id ORDER BY {in_order("row")}) AS position
    FROM tokens_token AS row
    WHERE facility_id = %s AND slot_id = ANY(%s) AND status IN ('CHECKED_IN', 'CONFIRMED', 'PENDING')
) AS queue
WHERE id = ANY(%s)
"""


def token_position_queries(tokens: Iterable[Token]) -> list[Statement]:
    """Return the queries for (id, current position) of the tokens, one for each facility.

    Tokens that are not in a queue are left out. For at most FEW tokens per queue the query counts the tokens ahead of
    each; for more it numbers every queue once.
    """
    facilities: dict[UUID, list[Token]] = defaultdict(list)
    for token in tokens:
        facilities[token.facility_id].append(token)
    statements = []
    for facility_id, in_facility in facilities.items():
        ids, slot_ids = [token.id for token in in_facility], list({token.slot_id for token in in_facility})
        if len(ids) <= FEW * len(slot_ids):
            statements.append(Statement(ONE_BY_ONE, (facility_id, facility_id, ids)))
        else:
            statements.append(Statement(ALL_AT_ONCE, (facility_id, slot_ids, ids)))
    return statements


def positions_of(*, tokens: Iterable[Token]) -> dict[UUID, int]:
    """Return the current positions of those tokens that are in a queue."""
    return {token_id: position for found in ask(*token_position_queries(tokens)) for token_id, position in found}


def position_queries(rows: Iterable[Token | WaitlistEntry]) -> list[Statement]:
    """Return the queries for the positions of new tokens in their queues and of new entries on their waiting lists."""
    places = list(rows)
    tokens = [row for row in places if isinstance(row, Token)]
    return token_position_queries(tokens) + entry_position_queries(
        [row for row in places if isinstance(row, WaitlistEntry)]
    )


def set_positions(rows: Iterable[Token | WaitlistEntry], found: Iterable[Found]) -> None:
    """Set `computed_position` on the rows from the results of `position_queries`."""
    positions = {row_id: position for each in found for row_id, position in each}
    for row in rows:
        row.computed_position = positions.get(row.id)

"""Queries that an operation runs on a slot that it has locked.

The statements have a fixed text (see core.db.sql). Each filters by facility, by which the tables can be distributed.
"""

from collections.abc import Collection, Mapping
from decimal import Decimal
from typing import Any, NamedTuple
from uuid import UUID

from clinics.models import Slot
from core.db.sql import Found, Rows, Statement, ask
from patients.models import Patient
from tokens.models import QUEUE_ORDER, Token
from tokens.policy.lifecycle import LIVE, QUEUED, Status
from tokens.policy.ordering import OrderKey
from tokens.policy.priority import Category
from tokens.queries.queue import in_order

_tokens, _patients = Rows(Token), Rows(Patient)


def _listed(statuses: Collection[Status]) -> str:
    return ", ".join(f"'{status}'" for status in sorted(statuses))


IS_QUEUED = f"row.status IN ({_listed(QUEUED)})"
IS_LIVE = f"(row.status IN ({_listed(LIVE)}) OR row.status = '{Status.NO_SHOW}' AND row.due_at IS NOT NULL)"
IN_ORDER = f"ORDER BY {in_order('row')}"
OF_SLOT = "row.facility_id = %s AND row.slot_id = %s"
WITH_PATIENT = f"""
SELECT {_tokens.columns("row")}, {_patients.columns("patient")}
FROM {_tokens.table} AS row JOIN {_patients.table} AS patient ON patient.id = row.patient_id
"""
THESE = f"{WITH_PATIENT} WHERE row.facility_id = %s AND row.slot_id = ANY(%s) AND row.id = ANY(%s)"
# A promoted token keeps the time of the request that waited. The facility is a value, so that one partition is read.
REQUESTED_AT = """COALESCE((
    SELECT entry.created_at FROM waitlist_waitlistentry AS entry
    WHERE entry.facility_id = %s AND entry.token_id = {of}.id
), {of}.created_at)"""
FIRST_HERE = f"{WITH_PATIENT} WHERE {OF_SLOT} AND row.status = '{Status.CHECKED_IN}' {IN_ORDER} LIMIT 1"
LIVE_OF_PATIENTS = f"""
row.facility_id = %s AND row.doctor_id = %s AND row.local_date = %s AND row.patient_id = ANY(%s) AND {IS_LIVE}
"""
PUSHED_BACK = f"""
SELECT row.id, row.ticket FROM {_tokens.table} AS row WHERE {OF_SLOT} AND {IS_QUEUED} {IN_ORDER} OFFSET %s LIMIT %s
"""


# The last of the next tokens of a queue, and the next fraction that is taken behind it (see tokens.policy.ordering).
LAST_PASSED = f"""
SELECT {in_order("passed")}, (
    SELECT min(taken.rank_fraction) FROM {_tokens.table} AS taken
    WHERE taken.facility_id = %s AND taken.slot_id = %s AND taken.place_priority = passed.rank_priority
      AND taken.place_band = passed.rank_band AND taken.place_arrival = passed.rank_arrival
      AND taken.rank_fraction > passed.rank_fraction
)
FROM (SELECT {in_order("row")} FROM {_tokens.table} AS row WHERE {OF_SLOT} AND {IS_QUEUED} AND {{condition}}
    {IN_ORDER} LIMIT %s) AS passed
ORDER BY {", ".join(f"passed.{column} DESC" for column in QUEUE_ORDER)} LIMIT 1
"""


class Passed(NamedTuple):
    """The key of a token in the queue, and the next fraction that is taken behind it."""

    key: OrderKey
    next_fraction: Decimal | None


def passed_key(*, token: Token, places: int, after: OrderKey | None, emergencies_only: bool) -> Passed | None:
    """Return the last of the first `places` tokens of the queue, or of those after a key; None if there is none."""
    conditions, values = ["row.id <> %s"], list[Any]([token.id])
    if after is not None:
        conditions.append(f"({in_order('row')}) > (%s, %s, %s, %s)")
        values += after
    if emergencies_only:
        conditions.append(f"row.category = '{Category.EMERGENCY}'")
    text = LAST_PASSED.format(condition=" AND ".join(conditions))
    of_slot = (token.facility_id, token.slot_id)
    [rows] = ask(Statement(text, (*of_slot, *of_slot, *values, places)))
    return Passed(tuple(rows[0][:-1]), rows[0][-1]) if rows else None


# Of the tokens with this priority whose order is that of their requests: the first that was requested later.
LATER_REQUEST = f"""
SELECT {in_order("row")} FROM {_tokens.table} AS row
WHERE {OF_SLOT} AND row.priority = %s AND row.rank_priority = row.priority AND row.rank_band = 0
  AND row.category <> '{Category.EMERGENCY}' AND (row.place_priority IS NULL OR row.placed_by_request)
  AND {REQUESTED_AT.format(of="row")} > (
      SELECT {REQUESTED_AT.format(of="moved")} FROM {_tokens.table} AS moved
      WHERE moved.facility_id = %s AND moved.id = %s
  )
{IN_ORDER} LIMIT 1
"""
KEY_BEFORE = f"""
SELECT {in_order("row")} FROM {_tokens.table} AS row
WHERE {OF_SLOT} AND row.rank_priority = %s AND row.rank_band = %s AND (row.rank_arrival, row.rank_fraction) < (%s, %s)
ORDER BY row.rank_arrival DESC, row.rank_fraction DESC LIMIT 1
"""


def key_of_later_request(*, token: Token, slot: Slot) -> OrderKey | None:
    """Return the key of the first token of the same priority in another slot that was requested later than a token."""
    here, there = token.facility_id, slot.facility_id
    values = (there, slot.id, token.priority, there, here, here, token.id)
    [rows] = ask(Statement(LATER_REQUEST, values))
    return rows[0] if rows else None  # type: ignore[return-value]


def key_before(key: OrderKey, *, slot: Slot) -> OrderKey | None:
    """Return the greatest key below this one that a token of the slot has, in its queue or not, with its priority."""
    [rows] = ask(Statement(KEY_BEFORE, (slot.facility_id, slot.id, *key)))
    return rows[0] if rows else None  # type: ignore[return-value]


def tokens_query(*, facility_id: UUID, slot_ids: Collection[UUID], token_ids: Collection[UUID]) -> Statement:
    """Return the query for these tokens in slots of one facility, with their patients; `seated` reads its rows."""
    return Statement(THESE, (facility_id, list(slot_ids), list(token_ids)))


def first_here_query(*, facility_id: UUID, slot_id: UUID) -> Statement:
    """Return the query for the first CHECKED_IN token of the queue, which is called next; `seated` reads its rows."""
    return Statement(FIRST_HERE, (facility_id, slot_id))


def seated(rows: Found, slots: Mapping[UUID, Slot]) -> list[Token]:
    """Return the tokens in these rows, each with its patient and with its slot from `slots`."""
    tokens = []
    for row in rows:
        token = _tokens.take(row)
        token.patient = _patients.take(row, start=len(_tokens))
        token.slot = slots[token.slot_id]
        tokens.append(token)
    return tokens


def live_tokens(*, slot: Slot, patient_ids: Collection[UUID]) -> list[Token]:
    """Return the live tokens that the patients hold with the slot's doctor on the slot's day, in any slot."""
    return _tokens.select(LIVE_OF_PATIENTS, [slot.facility_id, slot.doctor_id, slot.local_date, list(patient_ids)])


def pushed_back(*, slot: Slot, after: int, count: int) -> list[tuple[UUID, str]]:
    """Return (id, ticket) of the `count` tokens of the queue that follow position `after`."""
    if count == 0:
        return []
    [rows] = ask(Statement(PUSHED_BACK, (slot.facility_id, slot.id, after, count)))
    return rows  # type: ignore[return-value]

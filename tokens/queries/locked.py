"""Queries that an operation runs on a slot that it has locked.

The statements have a fixed text (see core.db.sql). Each filters by facility, by which the tables can be distributed.
"""

from collections.abc import Collection, Mapping
from uuid import UUID

from clinics.models import Slot
from core.db.sql import Found, Rows, Statement, ask
from patients.models import Patient
from tokens.models import Token
from tokens.policy.lifecycle import LIVE, QUEUED, Status

_tokens, _patients = Rows(Token), Rows(Patient)


def _listed(statuses: Collection[Status]) -> str:
    return ", ".join(f"'{status}'" for status in sorted(statuses))


IS_QUEUED = f"row.status IN ({_listed(QUEUED)})"
IS_LIVE = f"(row.status IN ({_listed(LIVE)}) OR row.status = '{Status.NO_SHOW}' AND row.due_at IS NOT NULL)"
IN_ORDER = "ORDER BY row.priority, row.rank_band, row.rank_arrival"
OF_SLOT = "row.facility_id = %s AND row.slot_id = %s"
WITH_PATIENT = f"""
SELECT {_tokens.columns("row")}, {_patients.columns("patient")}
FROM {_tokens.table} AS row JOIN {_patients.table} AS patient ON patient.id = row.patient_id
"""
THESE = f"{WITH_PATIENT} WHERE row.facility_id = %s AND row.slot_id = ANY(%s) AND row.id = ANY(%s)"
FIRST_HERE = f"{WITH_PATIENT} WHERE {OF_SLOT} AND row.status = '{Status.CHECKED_IN}' {IN_ORDER} LIMIT 1"
LIVE_OF_PATIENTS = f"""
row.facility_id = %s AND row.doctor_id = %s AND row.local_date = %s AND row.patient_id = ANY(%s) AND {IS_LIVE}
"""
PUSHED_BACK = f"""
SELECT row.id, row.ticket FROM {_tokens.table} AS row WHERE {OF_SLOT} AND {IS_QUEUED} {IN_ORDER} OFFSET %s LIMIT %s
"""


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

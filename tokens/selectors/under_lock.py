"""What an operation reads of a slot that it has locked. The statements have a fixed text (see core.rows), and each
names the facility, by which the tables can be distributed.
"""

from collections.abc import Collection, Mapping, Sequence
from typing import Any
from uuid import UUID

from clinics.models import Slot
from core.errors import NotFound
from core.rows import Rows, Statement, ask
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


def token_of(*, slot: Slot, token_id: UUID) -> Token:
    """The fresh row of a token of the slot, with its patient; NotFound if the slot has no such token."""
    found = tokens_with_patients(slots={slot.id: slot}, token_ids=[token_id])
    if not found:
        raise NotFound
    return found[token_id]


def tokens_with_patients(*, slots: Mapping[UUID, Slot], token_ids: Collection[UUID]) -> dict[UUID, Token]:
    """The fresh rows of tokens of locked slots of one facility, with their patients, by their ids."""
    facility_id = next(slot.facility_id for slot in slots.values())
    return {token.id: token for token in _seated(THESE, [facility_id, list(slots), list(token_ids)], slots)}


def first_here(*, slot: Slot) -> Token | None:
    """The first patient of the queue who is here, that is who is to be called next."""
    return next(iter(_seated(FIRST_HERE, [slot.facility_id, slot.id], {slot.id: slot})), None)


def live_tokens(*, slot: Slot, patient_ids: Collection[UUID]) -> list[Token]:
    """The live tokens that patients hold with the slot's doctor on its day, in any slot."""
    return _tokens.select(LIVE_OF_PATIENTS, [slot.facility_id, slot.doctor_id, slot.local_date, list(patient_ids)])


def pushed_back(*, slot: Slot, after: int, count: int) -> list[tuple[UUID, str]]:
    """(id, ticket) of the `count` tokens of the queue that follow position `after`."""
    if count == 0:
        return []
    [rows] = ask(Statement(PUSHED_BACK, (slot.facility_id, slot.id, after, count)))
    return rows  # type: ignore[return-value]


def _seated(statement: str, parameters: Sequence[Any], slots: Mapping[UUID, Slot]) -> list[Token]:
    [rows] = ask(Statement(statement, tuple(parameters)))
    tokens = []
    for row in rows:
        token = _tokens.take(row)
        token.patient = _patients.take(row, start=len(_tokens))
        token.slot = slots[token.slot_id]
        tokens.append(token)
    return tokens

"""The list of a slot's tokens: a small query that shows whether the list has changed, and the query for the list.

The head is everything that a list shows except the tokens. Its `version` and `names` also cover the tokens: a change
of a token raises its slot's version, and a change of a patient's name replaces the stamp. Equal heads therefore mean
equal lists.
"""

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from datetime import datetime, timedelta
from decimal import Decimal
from operator import itemgetter
from types import MappingProxyType
from typing import NamedTuple
from uuid import UUID

from django.db import connection

from clinics.models import first_to_end
from core.db.shared_reads import Lookup, Row, Wanted, read
from core.db.sql import Statement
from core.errors import NotFound
from tokens.engine.locate import facility_of_slot
from tokens.queries.queue import in_order

# Subqueries take two thirds of the planning time of joins. `names` is NULL until the first change of a name. The hash
# of the slot's last event keeps a head from being equal to one that was read before a backup was restored.
_HEAD = """
SELECT id, facility_id, doctor_id, (SELECT name FROM clinics_doctor WHERE id = slot.doctor_id),
    (SELECT time_zone FROM clinics_facility WHERE id = slot.facility_id), start_time, end_time, delay_minutes,
    consultation_minutes, paused_until, first_called_at, in_consultation_since, cardinality(rooms), stepped_out,
    version, last_event_hash,
    (SELECT stamp FROM patients_namestamp)
FROM clinics_slot AS slot
WHERE facility_id = %s AND id = ANY(%s)
"""
# One statement, so that all tokens come from one snapshot; the first two columns identify it.
_LISTED = """
SELECT slot.version, (SELECT stamp FROM patients_namestamp),
    token.place, token.id::text, token.ticket, token.patient_id::text, patient.name, token.priority, token.category,
    token.acuity, token.status, token.last_estimate, token.arrived_at, token.called_at, token.times_called, token.skips,
    token.room::text, token.room_name, token.actual_time, token.completed_at, token.returns_by, token.undo_until,
    token.expires_at, token.grace_expires_at, token.created_at, token.updated_at
FROM clinics_slot AS slot
LEFT JOIN (
    SELECT row_number() OVER (ORDER BY {order}) AS place, *
    FROM tokens_token AS row
    WHERE slot_id = %(slot)s AND facility_id = %(facility)s AND status IN ('CHECKED_IN', 'CONFIRMED', 'PENDING')
    {rest}
) AS token ON {condition}
LEFT JOIN patients_patient AS patient ON patient.id = token.patient_id
WHERE slot.id = %(slot)s AND slot.facility_id = %(facility)s
ORDER BY token.place, length(token.ticket), token.ticket
"""
_REST = """
    UNION ALL
    SELECT NULL AS place, *
    FROM tokens_token
    WHERE slot_id = %(slot)s AND facility_id = %(facility)s AND status NOT IN ('CHECKED_IN', 'CONFIRMED', 'PENDING')
"""


class Head(NamedTuple):
    """Everything that a list of a slot's tokens shows except the tokens, and the versions that it belongs to."""

    id: UUID
    facility_id: UUID
    doctor_id: UUID
    doctor_name: str
    time_zone: str
    start_time: datetime
    end_time: datetime
    delay_minutes: int
    consultation_minutes: int
    paused_until: datetime | None
    first_called_at: datetime | None
    in_consultation_since: list[datetime]
    named_rooms: int
    stepped_out: int
    version: int
    last_event_hash: bytes
    names: UUID | None

    @property
    def delayed_start(self) -> datetime:
        """The planned start plus the delay in force."""
        return self.start_time + timedelta(minutes=self.delay_minutes)

    @property
    def room_count(self) -> int:
        """How many patients can be in consultation at once."""
        return self.named_rooms or 1

    @property
    def room_since(self) -> datetime | None:
        """When the consultation began that is expected to end first, if every room is occupied."""
        return first_to_end(self.in_consultation_since, self.room_count)


class Listed(NamedTuple):
    """A row of the list of a slot's tokens; `place` is the position in the queue, None for a token outside of it."""

    version: int
    names: UUID | None
    place: int | None
    id: str
    ticket: str
    patient_id: str
    patient_name: str
    priority: Decimal
    category: str
    acuity: int | None
    status: str
    last_estimate: datetime | None
    arrived_at: datetime | None
    called_at: datetime | None
    times_called: int
    skips: int
    room: str | None
    room_name: str | None
    actual_time: datetime | None
    completed_at: datetime | None
    returns_by: datetime | None
    undo_until: datetime | None
    expires_at: datetime | None
    grace_expires_at: datetime | None
    created_at: datetime
    updated_at: datetime


def _head_queries(keys: Sequence[tuple[UUID, UUID]]) -> list[Statement]:
    facilities: dict[UUID, list[UUID]] = defaultdict(list)
    for facility_id, slot_id in keys:
        facilities[facility_id].append(slot_id)
    return [Statement(_HEAD, each) for each in facilities.items()]


_HEADS = Lookup(queries=_head_queries, key_of=itemgetter(1, 0))


def head_row(*, slot_id: UUID) -> Wanted:
    """Return where to look up the head of a slot's list; raise NotFound if there was no such slot."""
    return _HEADS, (facility_of_slot(slot_id), slot_id)


def head_of(*, slot_id: UUID, rows: Mapping[Wanted, Row | None] = MappingProxyType({})) -> Head:
    """Return the head of a slot's list, from `rows` or the database; raise NotFound if the slot does not exist."""
    wanted = head_row(slot_id=slot_id)
    row = rows[wanted] if wanted in rows else read(wanted)[0]
    if row is None:
        raise NotFound
    return Head._make(row)


def listed(*, head: Head, in_queue: bool, patient_ids: Collection[UUID] | None) -> tuple[bool, list[Listed]]:
    """Return whether the list still belongs to `head`, and the list: the queue in order, then the rest by ticket.

    `in_queue`: list only the queue. `patient_ids`: list only the tokens of these patients, with their positions in the
    whole queue.
    """
    condition = "true" if patient_ids is None else "token.patient_id = ANY(%(patients)s)"
    text = _LISTED.format(order=in_order("row"), rest="" if in_queue else _REST, condition=condition)
    with connection.cursor() as cursor:
        cursor.execute(text, {"slot": head.id, "facility": head.facility_id, "patients": list(patient_ids or ())})
        rows = [Listed._make(row) for row in cursor]
    same = bool(rows) and (rows[0].version, rows[0].names) == (head.version, head.names)
    return same, [row for row in rows if row.id is not None]

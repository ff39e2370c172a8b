"""What a board shows: the calls, the patients who were missed, those who are next, and delays.

It contains tickets and rooms only: no name of a patient, no category and no id of a token.
"""

import math
import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from core import clock
from core.db.sql import Found, Statement, ask
from core.local_time import local_day
from live.models import Board
from live.rooms import joined_names
from tokens.models import QUEUE_ORDER

MAX_CALLS = 8
NEXT_TICKETS = 3
MAX_ROWS = 1000
_MINUTE = timedelta(minutes=1)
_NAME = re.compile(r"%\((\w+)\)s")

# The slots of the day, and those of the day before that are not over.
_SLOTS = """
FROM clinics_slot AS slot
WHERE slot.facility_id = %(facility)s AND slot.local_date = ANY(%(days)s) AND slot.status <> 'CANCELLED'
  AND (slot.local_date = %(today)s OR slot.end_time + slot.delay_minutes * interval '1 minute' > %(now)s)
  AND (cardinality(%(rooms)s::uuid[]) = 0 OR slot.rooms && %(rooms)s::uuid[])
"""
_ORDER = ", ".join(f"token.{column}" for column in QUEUE_ORDER)
_TOKENS = "tokens_token AS token WHERE token.facility_id = %(facility)s AND token.slot_id = shown.id"
_CALLS = f"""
SELECT event.seq, event.at, token.ticket, token.room_name, token.times_called, shown.id
FROM (SELECT slot.id {_SLOTS}) AS shown
JOIN LATERAL (
    SELECT token.id, token.ticket, token.room_name, token.times_called FROM {_TOKENS} AND token.status = 'CALLED'
      AND (cardinality(%(rooms)s::uuid[]) = 0 OR token.room = ANY(%(rooms)s::uuid[]))
) AS token ON true
JOIN LATERAL (
    SELECT event.seq, event.at FROM events_event AS event
    WHERE event.facility_id = %(facility)s AND event.token_id = token.id
      AND event.type IN ('token.called', 'token.recalled')
    ORDER BY event.seq DESC LIMIT 1
) AS event ON true
ORDER BY event.seq DESC LIMIT {MAX_CALLS}
"""
_MISSED = f"""
SELECT token.ticket
FROM (SELECT slot.id {_SLOTS}) AS shown
JOIN LATERAL (
    SELECT token.ticket, token.updated_at
    FROM {_TOKENS} AND token.status = 'NO_SHOW' AND token.due_at > %(now)s
) AS token ON true
ORDER BY token.updated_at DESC, token.ticket LIMIT {MAX_ROWS}
"""
_NEXT = f"""
SELECT shown.id, token.ticket
FROM (SELECT slot.id, slot.start_time {_SLOTS}) AS shown
JOIN LATERAL (
    SELECT token.ticket, row_number() OVER (ORDER BY {_ORDER}) AS place
    FROM {_TOKENS} AND token.status = 'CHECKED_IN'
    ORDER BY {_ORDER} LIMIT {NEXT_TICKETS}
) AS token ON true
ORDER BY shown.start_time, shown.id, token.place
"""
_SHOWN_SLOTS = f"""
SELECT slot.id, slot.rooms, (SELECT name FROM clinics_doctor WHERE id = slot.doctor_id),
    slot.delay_minutes, slot.end_time, slot.paused_since, slot.paused_until
{_SLOTS}
ORDER BY slot.start_time, slot.id
"""
_ROOMS = "SELECT id, name FROM clinics_room WHERE facility_id = %(facility)s"
_SEQ = "SELECT event_complete_until()"


@dataclass(frozen=True, slots=True)
class ShownSlot:
    """A slot as boards name it."""

    room_name: str | None
    doctor_name: str
    delay_minutes: int
    ends_at: datetime
    paused_since: datetime | None
    paused_until: datetime | None

    def notices(self, now: datetime) -> list[dict[str, Any]]:
        """Return the pause and the delay; the minutes of a pause are null if nobody knows its end."""
        notices: list[dict[str, Any]] = []
        if self.paused_since is not None:
            left = None if self.paused_until is None else max(0, math.ceil((self.paused_until - now) / _MINUTE))
            notices.append({"kind": "PAUSE", "minutes": left})
        if self.delay_minutes and now < self.ends_at:
            notices.append({"kind": "DELAY", "minutes": self.delay_minutes})
        return notices


def content_of(board: Board, *, now: datetime) -> dict[str, Any]:
    """Return what the board shows, without the time: `seq`, `calls`, `missed`, `next` and `notices`.

    All of it is read in one round trip.
    """
    today = local_day(now, board.facility.time_zone)
    parameters = {
        "facility": board.facility_id,
        "days": [today - timedelta(days=1), today],
        "today": today,
        "now": now,
        "rooms": list(board.rooms),
    }
    # The end of the log is read first: whatever happens after it, the board reads again.
    seq, slots, rooms, calls, missed, queue = ask(
        *(_statement(text, parameters) for text in (_SEQ, _SHOWN_SLOTS, _ROOMS, _CALLS, _MISSED, _NEXT))
    )
    shown = _shown_slots(slots, dict(rooms))
    named = _with_doctor if board.show_doctor_name else _without_doctor
    return {
        "seq": seq[0][0],
        "calls": [
            named(
                shown[slot_id],
                seq=number,
                ticket=ticket,
                room_name=room_name,
                kind="CALL" if times_called == 1 else "AGAIN",
                at=at,
            )
            for number, at, ticket, room_name, times_called, slot_id in calls
            if slot_id in shown  # a slot may be new since the slots were read
        ],
        "missed": [ticket for (ticket,) in missed],
        "next": [named(slot, room_name=slot.room_name, tickets=tickets) for slot, tickets in _next(queue, shown)],
        "notices": [
            named(slot, room_name=slot.room_name, **notice) for slot in shown.values() for notice in slot.notices(now)
        ],
    }


def record_health(board: Board, *, seq: int | None, audio: str, visible: bool) -> None:
    """Record what the screen of a board reports of itself."""
    rows = Board.objects.filter(pk=board.pk)
    rows.update(last_seen=clock.now(), shown_seq=seq, audio=audio, visible=visible)


def _shown_slots(rows: Found, names: dict[UUID, str]) -> dict[UUID, ShownSlot]:
    return {
        slot_id: ShownSlot(joined_names(rooms, names), doctor, delay, end + timedelta(minutes=delay), *pause)
        for slot_id, rooms, doctor, delay, end, *pause in rows
    }


def _next(rows: Found, shown: dict[UUID, ShownSlot]) -> Iterable[tuple[ShownSlot, list[str]]]:
    """Return the next tickets of each room, in order; slots of one room follow each other in it."""
    queues: dict[Any, tuple[ShownSlot, list[str]]] = {}
    for slot_id, ticket in rows:
        slot = shown.get(slot_id)
        if slot is None:
            continue
        _, tickets = queues.setdefault(slot.room_name or slot_id, (slot, []))
        if len(tickets) < NEXT_TICKETS:
            tickets.append(ticket)
    return queues.values()


def _with_doctor(slot: ShownSlot, **fields: Any) -> dict[str, Any]:
    return {**fields, "doctor_name": slot.doctor_name}


def _without_doctor(slot: ShownSlot, **fields: Any) -> dict[str, Any]:
    return fields


def _statement(text: str, parameters: dict[str, Any]) -> Statement:
    """Return the statement with its named parameters in the order in which the text uses them."""
    names = _NAME.findall(text)
    return Statement(_NAME.sub("%s", text), tuple(parameters[name] for name in names))

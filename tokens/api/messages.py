"""Render slots, tokens, waiting-list entries and events (section 1 of the contract)."""

from collections.abc import Collection, Iterable
from datetime import datetime
from decimal import Decimal
from typing import Any, Protocol
from uuid import UUID

from clinics.models import Slot
from core.api.renderers import to_json
from core.local_time import zone_info
from events.models import Event
from tokens.models import Token
from tokens.policy.estimates import estimated_time
from tokens.policy.lifecycle import QUEUED
from tokens.queries.estimates import expected_end, start_of_queue
from tokens.queries.queue import positions_of
from tokens.queries.queue_list import Head, Listed
from waitlist.models import WaitlistEntry
from waitlist.order import positions_of_entries


def slot_body(slot: Slot, *, now: datetime) -> dict[str, Any]:
    """Render a slot, with times in the facility's zone."""
    zone = slot.facility.time_zone
    return {
        "id": str(slot.id),
        "doctor": str(slot.doctor_id),
        "doctor_name": slot.doctor.name,
        "start_time": moment(slot.start_time, zone),
        "end_time": moment(slot.end_time, zone),
        "expected_end": moment(expected_end(slot=slot, now=now), zone),
        "max_capacity": slot.max_capacity,
        "current_capacity": slot.current_capacity,
        "available_capacity": slot.available_capacity,
        "waiting_count": slot.waiting_count,
        "status": slot.status,
        "delay_minutes": slot.delay_minutes,
        "cascaded_minutes": slot.cascaded_minutes,
        "consultation_minutes": slot.consultation_minutes,
        "version": slot.version,
        "created_at": moment(slot.created_at, zone),
    }


class TokenFacts(Protocol):
    """The fields of a token that are rendered; Token and Listed have them."""

    @property
    def id(self) -> UUID | str: ...
    @property
    def ticket(self) -> str: ...
    @property
    def patient_id(self) -> UUID | str: ...
    @property
    def priority(self) -> Decimal: ...
    @property
    def category(self) -> str: ...
    @property
    def acuity(self) -> int | None: ...
    @property
    def status(self) -> str: ...
    @property
    def last_estimate(self) -> datetime | None: ...
    @property
    def arrived_at(self) -> datetime | None: ...
    @property
    def called_at(self) -> datetime | None: ...
    @property
    def times_called(self) -> int: ...
    @property
    def skips(self) -> int: ...
    @property
    def actual_time(self) -> datetime | None: ...
    @property
    def completed_at(self) -> datetime | None: ...
    @property
    def returns_by(self) -> datetime | None: ...
    @property
    def expires_at(self) -> datetime | None: ...
    @property
    def grace_expires_at(self) -> datetime | None: ...
    @property
    def created_at(self) -> datetime: ...
    @property
    def updated_at(self) -> datetime: ...


class TokensOfSlot:
    """Render tokens of one slot at one moment; what they have in common is computed once."""

    def __init__(
        self,
        *,
        slot_id: UUID,
        doctor_name: str,
        start_time: datetime,
        end_time: datetime,
        zone: str,
        queue_start: datetime,
        consultation_minutes: int,
        now: datetime,
    ) -> None:
        self._slot_id = str(slot_id)
        self._zone = zone
        self._info = {"doctor": doctor_name, "start_time": moment(start_time, zone), "end_time": moment(end_time, zone)}
        self._queue_start = queue_start
        self._minutes = consultation_minutes
        self._now = now

    @classmethod
    def of(cls, slot: Slot, *, now: datetime) -> "TokensOfSlot":
        """Return the renderer for the tokens of a slot."""
        return cls(
            slot_id=slot.id,
            doctor_name=slot.doctor.name,
            start_time=slot.start_time,
            end_time=slot.end_time,
            zone=slot.facility.time_zone,
            queue_start=start_of_queue(slot=slot, now=now),
            consultation_minutes=slot.consultation_minutes,
            now=now,
        )

    def body(self, token: TokenFacts, *, patient_name: str, position: int | None) -> dict[str, Any]:
        """Render a token at its position; outside the queue (None) it keeps its last estimate."""
        zone = self._zone
        estimate = token.last_estimate
        if position is not None:
            estimate = estimated_time(
                start_of_queue=self._queue_start, consultation_minutes=self._minutes, ahead=position - 1
            )
        return {
            "id": str(token.id),
            "ticket": token.ticket,
            "slot": self._slot_id,
            "slot_info": self._info,
            "patient": str(token.patient_id),
            "patient_name": patient_name,
            "token_number": position,
            "priority": float(token.priority),
            "category": token.category,
            "acuity": token.acuity,
            "status": token.status,
            "estimated_time": moment(estimate, zone),
            "arrived_at": moment(token.arrived_at, zone),
            "called_at": moment(token.called_at, zone),
            "times_called": token.times_called,
            "skips": token.skips,
            "actual_time": moment(token.actual_time, zone),
            "completed_at": moment(token.completed_at, zone),
            "returns_by": moment(token.returns_by, zone),
            "overdue": token.returns_by is not None and token.returns_by < self._now,
            "expires_at": moment(token.expires_at, zone),
            "grace_expires_at": moment(token.grace_expires_at, zone),
            "created_at": moment(token.created_at, zone),
            "updated_at": moment(token.updated_at, zone),
        }


def token_body(token: Token, *, position: int | None, now: datetime) -> dict[str, Any]:
    """Render a token of `token.slot` at its position; None: it is not in the queue."""
    return TokensOfSlot.of(token.slot, now=now).body(token, patient_name=token.patient.name, position=position)


def token_bodies(tokens: Collection[Token], *, now: datetime) -> list[dict[str, Any]]:
    """Render tokens of any slots. One query finds the positions; none is needed if no token is in a queue."""
    positions = positions_of(tokens=[token for token in tokens if token.status in QUEUED])
    return [token_body(token, position=positions.get(token.id), now=now) for token in tokens]


def slot_token_bodies(*, queue: Iterable[Token], rest: Iterable[Token], now: datetime) -> list[dict[str, Any]]:
    """Render the whole queue of a slot in order, numbered from 1, and then the rest."""
    queued = [token_body(token, position=place, now=now) for place, token in enumerate(queue, start=1)]
    return queued + [token_body(token, position=None, now=now) for token in rest]


def list_bytes(head: Head, tokens: Iterable[Listed], *, now: datetime) -> bytes:
    """Render the tokens of a slot as a JSON list, one at a time, so that a long list takes little memory."""
    slot = TokensOfSlot(
        slot_id=head.id,
        doctor_name=head.doctor_name,
        start_time=head.start_time,
        end_time=head.end_time,
        zone=head.time_zone,
        queue_start=start_of_queue(slot=head, now=now),
        consultation_minutes=head.consultation_minutes,
        now=now,
    )
    texts = (to_json(slot.body(each, patient_name=each.patient_name, position=each.place)) for each in tokens)
    return b"[" + b",".join(texts) + b"]"


def entry_bodies(entries: Collection[WaitlistEntry]) -> list[dict[str, Any]]:
    """Render waiting-list entries of any slots; one query finds the positions."""
    positions = positions_of_entries(entries=entries)
    return [entry_body(entry, position=positions.get(entry.id)) for entry in entries]


def entry_body(entry: WaitlistEntry, *, position: int | None) -> dict[str, Any]:
    """Render a waiting-list entry at its position; None: it is no longer waiting."""
    return {
        "id": str(entry.id),
        "slot": str(entry.slot_id),
        "patient": str(entry.patient_id),
        "patient_name": entry.patient.name,
        "category": entry.category,
        "priority": float(entry.priority),
        "position": position,
        "status": entry.status,
        "token": _id(entry.token_id),
        "created_at": moment(entry.created_at, entry.slot.facility.time_zone),
    }


def event_body(event: Event) -> dict[str, Any]:
    """Render an event of the log."""
    return {
        "id": str(event.id),
        "type": event.type,
        "slot": str(event.slot_id),
        "token": _id(event.token_id),
        "at": event.at.isoformat(),
        "actor": event.actor,
        "data": event.data,
    }


def moment(value: datetime | None, zone: str) -> Any:
    """Return a time as ISO 8601 with the offset of the zone, or None for None."""
    return None if value is None else value.astimezone(zone_info(zone)).isoformat()


def _id(value: UUID | None) -> str | None:
    return None if value is None else str(value)

"""Slots, tokens, waiting-list entries and events as they stand on the wire (section 1 of the contract)."""

from collections.abc import Collection, Iterable
from datetime import datetime
from typing import Any
from uuid import UUID

from clinics.models import Slot
from core.local_time import zone_info
from events.models import Event
from tokens.models import Token
from tokens.policy.lifecycle import QUEUED
from tokens.selectors.estimates import estimate_at, expected_end
from tokens.selectors.queue import positions_of
from waitlist.models import WaitlistEntry
from waitlist.order import positions_of_entries


def slot_body(slot: Slot, *, now: datetime) -> dict[str, Any]:
    """A slot; times in the facility's zone."""
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


def token_body(token: Token, *, position: int | None, now: datetime) -> dict[str, Any]:
    """A token of `token.slot` at its live position; outside the queue it keeps the estimate that it left with."""
    slot = token.slot
    zone = slot.facility.time_zone
    estimate = token.last_estimate if position is None else estimate_at(slot=slot, position=position, now=now)
    return {
        "id": str(token.id),
        "ticket": token.ticket,
        "slot": str(token.slot_id),
        "slot_info": {
            "doctor": slot.doctor.name,
            "start_time": moment(slot.start_time, zone),
            "end_time": moment(slot.end_time, zone),
        },
        "patient": str(token.patient_id),
        "patient_name": token.patient.name,
        "token_number": position,
        "priority": float(token.priority),
        "category": token.category,
        "acuity": token.acuity,
        "status": token.status,
        "estimated_time": moment(estimate, zone),
        "actual_time": moment(token.actual_time, zone),
        "expires_at": moment(token.expires_at, zone),
        "grace_expires_at": moment(token.grace_expires_at, zone),
        "created_at": moment(token.created_at, zone),
        "updated_at": moment(token.updated_at, zone),
    }


def token_bodies(tokens: Collection[Token], *, now: datetime) -> list[dict[str, Any]]:
    """Tokens of any slots, their positions found in one statement; in none if none of them is in a queue."""
    positions = positions_of(tokens=[token for token in tokens if token.status in QUEUED])
    return [token_body(token, position=positions.get(token.id), now=now) for token in tokens]


def slot_token_bodies(*, queue: Iterable[Token], rest: Iterable[Token], now: datetime) -> list[dict[str, Any]]:
    """The whole queue of a slot in order, where a token's position is its place in the list, then the rest."""
    queued = [token_body(token, position=place, now=now) for place, token in enumerate(queue, start=1)]
    return queued + [token_body(token, position=None, now=now) for token in rest]


def entry_bodies(entries: Collection[WaitlistEntry]) -> list[dict[str, Any]]:
    """Waiting-list entries of any slots, their positions found in one statement."""
    positions = positions_of_entries(entries=entries)
    return [entry_body(entry, position=positions.get(entry.id)) for entry in entries]


def entry_body(entry: WaitlistEntry, *, position: int | None) -> dict[str, Any]:
    """A waiting-list entry at its position; None: it no longer waits."""
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
    """An event of the log."""
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
    """A moment as ISO 8601 with the offset of the zone; None stays None."""
    return None if value is None else value.astimezone(zone_info(zone)).isoformat()


def _id(value: UUID | None) -> str | None:
    return None if value is None else str(value)

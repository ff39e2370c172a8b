"""Slots, tokens, waiting-list entries and events as the API sends them (section 1 of the contract).

Each message is declared once: its fields describe it in the OpenAPI document, and it is written by them.
"""

from collections.abc import Collection, Iterable
from datetime import datetime
from typing import Any
from uuid import UUID

from rest_framework import serializers

from clinics.models import Slot, SlotStatus
from core.api.renderers import to_json
from core.api.serializers import OutputSerializer, write_time, writer_of
from core.local_time import zone_info
from events.models import Event
from tokens.api import examples
from tokens.models import Token
from tokens.policy.estimates import estimated_time
from tokens.policy.lifecycle import QUEUED, Status
from tokens.policy.priority import Category
from tokens.queries.estimates import expected_end, start_of_queue
from tokens.queries.queue import positions_of
from tokens.queries.queue_list import Head, Listed
from waitlist.models import EntryStatus, WaitlistEntry
from waitlist.order import positions_of_entries

CATEGORIES = [category.value for category in Category]


class SlotMessage(OutputSerializer):
    """A slot."""

    id = serializers.UUIDField()
    doctor = serializers.UUIDField(source="doctor_id")
    doctor_name = serializers.CharField()
    start_time = serializers.DateTimeField()
    end_time = serializers.DateTimeField()
    expected_end = serializers.DateTimeField()
    max_capacity = serializers.IntegerField()
    current_capacity = serializers.IntegerField(help_text="Seats held, emergencies included.")
    available_capacity = serializers.IntegerField()
    waiting_count = serializers.IntegerField()
    status = serializers.ChoiceField(choices=SlotStatus.choices)
    delay_minutes = serializers.IntegerField()
    cascaded_minutes = serializers.IntegerField()
    consultation_minutes = serializers.IntegerField()
    rooms = serializers.ListField(child=serializers.UUIDField())
    began_at = serializers.DateTimeField(allow_null=True, help_text="When the doctor arrived.")
    paused_since = serializers.DateTimeField(allow_null=True)
    paused_until = serializers.DateTimeField(allow_null=True, help_text="When the pause is expected to end.")
    finished_at = serializers.DateTimeField(allow_null=True)
    version = serializers.IntegerField()
    created_at = serializers.DateTimeField()

    class Meta:
        example = examples.SLOT


def slot_body(slot: Slot, *, now: datetime) -> dict[str, Any]:
    """Render a slot, with times in the facility's zone."""
    zone = zone_info(slot.facility.time_zone)
    end = write_time(expected_end(slot=slot, now=now), zone)
    return SlotMessage.write(slot, zone=zone, doctor_name=slot.doctor.name, expected_end=end)


class SlotInfoMessage(OutputSerializer):
    """The slot as printed on a patient's slip."""

    doctor = serializers.CharField(help_text="The doctor's name.")
    start_time = serializers.DateTimeField()
    end_time = serializers.DateTimeField()


class TokenMessage(OutputSerializer):
    """A token."""

    id = serializers.UUIDField()
    ticket = serializers.RegexField(r"^[A-Z0-9]{2,8}-[0-9]{3,}$")
    slot = serializers.UUIDField()
    slot_info = SlotInfoMessage()
    patient = serializers.UUIDField(source="patient_id")
    patient_name = serializers.CharField()
    token_number = serializers.IntegerField(allow_null=True, help_text="The live position; null outside the queue.")
    priority = serializers.FloatField()
    category = serializers.ChoiceField(choices=CATEGORIES)
    acuity = serializers.IntegerField(allow_null=True)
    status = serializers.ChoiceField(choices=[status.value for status in Status])
    estimated_time = serializers.DateTimeField(allow_null=True)
    arrived_at = serializers.DateTimeField(allow_null=True)
    called_at = serializers.DateTimeField(allow_null=True, help_text="The last call, without recalls.")
    times_called = serializers.IntegerField(help_text="Calls and recalls.")
    skips = serializers.IntegerField()
    room = serializers.UUIDField(allow_null=True, help_text="Where the patient was called to.")
    room_name = serializers.CharField(allow_null=True, help_text="The name of the room at the time of the call.")
    actual_time = serializers.DateTimeField(allow_null=True, help_text="When the consultation began.")
    completed_at = serializers.DateTimeField(allow_null=True)
    returns_by = serializers.DateTimeField(allow_null=True, help_text="Of a patient who has stepped out.")
    overdue = serializers.BooleanField(help_text="`returns_by` has passed.")
    undo_until = serializers.DateTimeField(allow_null=True, help_text="Until when the last action can be undone.")
    expires_at = serializers.DateTimeField(allow_null=True)
    grace_expires_at = serializers.DateTimeField(allow_null=True)
    created_at = serializers.DateTimeField()
    updated_at = serializers.DateTimeField()

    class Meta:
        example = examples.TOKEN


Row = Token | Listed
"""A token as it is rendered: a model instance, or a row of the list of a slot."""


_write_token = writer_of(
    TokenMessage, ("slot", "slot_info", "patient_name", "token_number", "estimated_time", "overdue")
)


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
        room_count: int,
    ) -> None:
        self._slot_id = str(slot_id)
        self._zone = zone_info(zone)
        self._info = {
            "doctor": doctor_name,
            "start_time": write_time(start_time, self._zone),
            "end_time": write_time(end_time, self._zone),
        }
        self._queue_start = queue_start
        self._minutes = consultation_minutes
        self._now = now
        self._room_count = room_count

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
            room_count=slot.room_count,
        )

    def body(self, token: Row, *, patient_name: str, position: int | None) -> dict[str, Any]:
        """Render a token at its position; outside the queue (None) it keeps its last estimate."""
        estimate = token.last_estimate
        if position is not None:
            estimate = estimated_time(
                start_of_queue=self._queue_start,
                consultation_minutes=self._minutes,
                ahead=position - 1,
                rooms=self._room_count,
            )
        return _write_token(
            token,
            self._zone,
            {
                "slot": self._slot_id,
                "slot_info": self._info,
                "patient_name": patient_name,
                "token_number": position,
                "estimated_time": None if estimate is None else estimate.astimezone(self._zone).isoformat(),
                "overdue": token.returns_by is not None and token.returns_by < self._now,
            },
        )


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
        room_count=head.room_count,
    )
    texts = (to_json(slot.body(each, patient_name=each.patient_name, position=each.place)) for each in tokens)
    return b"[" + b",".join(texts) + b"]"


class WaitingListEntryMessage(OutputSerializer):
    """A waiting-list entry."""

    id = serializers.UUIDField()
    slot = serializers.UUIDField(source="slot_id")
    patient = serializers.UUIDField(source="patient_id")
    patient_name = serializers.CharField()
    category = serializers.ChoiceField(choices=CATEGORIES)
    priority = serializers.FloatField()
    position = serializers.IntegerField(allow_null=True)
    status = serializers.ChoiceField(choices=EntryStatus.choices)
    token = serializers.UUIDField(source="token_id", allow_null=True)
    created_at = serializers.DateTimeField()

    class Meta:
        example = examples.WAITING_LIST_ENTRY


def entry_bodies(entries: Collection[WaitlistEntry]) -> list[dict[str, Any]]:
    """Render waiting-list entries of any slots; one query finds the positions."""
    positions = positions_of_entries(entries=entries)
    return [entry_body(entry, position=positions.get(entry.id)) for entry in entries]


def entry_body(entry: WaitlistEntry, *, position: int | None) -> dict[str, Any]:
    """Render a waiting-list entry at its position; None: it is no longer waiting."""
    zone = zone_info(entry.slot.facility.time_zone)
    return WaitingListEntryMessage.write(entry, zone=zone, patient_name=entry.patient.name, position=position)


class EventMessage(OutputSerializer):
    """An event of the log."""

    id = serializers.UUIDField()
    type = serializers.CharField()
    slot = serializers.UUIDField(source="slot_id")
    token = serializers.UUIDField(source="token_id", allow_null=True)
    at = serializers.DateTimeField()
    actor = serializers.CharField(allow_null=True, help_text="Patients see the role instead.")
    data = serializers.DictField()  # type: ignore[assignment]

    class Meta:
        example = examples.EVENT


def event_body(event: Event) -> dict[str, Any]:
    """Render an event of the log, with its time in UTC."""
    return EventMessage.write(event)

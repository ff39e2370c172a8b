"""Serializers of the requests to slots, tokens, waiting lists and events."""

from datetime import datetime
from typing import Any
from uuid import UUID

from django.core.exceptions import ValidationError as DjangoValidationError
from drf_spectacular.utils import extend_schema_serializer
from rest_framework import serializers
from rest_framework.exceptions import ErrorDetail

from accounts.access.scoping import in_facility
from clinics.facilities import default_facility
from clinics.models import Doctor, SlotStatus
from clinics.timetables import EVERY_DAY, MAX_WEEKS, WORKING_DAYS
from core.api.fields import ReasonField
from core.api.filters import PagedQuerySerializer, QuerySerializer
from core.api.serializers import (
    ClockTimeField,
    LocalDateTimeField,
    LocalDayOrMomentField,
    StrictBooleanField,
    StrictIntegerField,
    StrictSerializer,
    StrictUUIDField,
)
from tokens.api.examples import OTHER_SLOT_ID, ROOM_ID
from tokens.planning import SlotRange
from tokens.policy.lifecycle import Status, StepOutReason
from tokens.policy.priority import Category
from waitlist.models import EntryStatus

BOOKABLE = [category.value for category in Category if category is not Category.EMERGENCY]
MAX_SEATS = 10_000
MAX_ROOMS = 20
DAY_MINUTES = 24 * 60
ROOM_HELP = "Required for a slot with several rooms."


class CommaSeparated(serializers.CharField):
    """A comma-separated list of allowed words."""

    def __init__(self, words: list[str], **kwargs: Any) -> None:
        self.words = words
        super().__init__(max_length=200, **kwargs)

    def to_internal_value(self, data: Any) -> Any:
        chosen = [word.strip() for word in super().to_internal_value(data).split(",")]
        if unknown := [word for word in chosen if word not in self.words]:
            raise serializers.ValidationError(
                f"Not one of {', '.join(self.words)}: {unknown[0][:40]}", code="invalid_choice"
            )
        return chosen


def zone_of_doctor(doctor_id: Any, *, within: UUID | None = None) -> str:
    """Return the time zone of the doctor's facility, or of the default facility for an unknown doctor.

    `within`: the only facility whose doctors the caller knows; None for all.
    """
    try:
        zone = (
            in_facility(Doctor.objects.filter(id=doctor_id), within)
            .values_list("facility__time_zone", flat=True)
            .first()
        )
    except (ValueError, TypeError, DjangoValidationError):
        zone = None
    return zone or default_facility().time_zone


class RoomsField(serializers.ListField):
    """The ids of the rooms of a slot."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(child=StrictUUIDField(), required=False, max_length=MAX_ROOMS, **kwargs)

    def to_internal_value(self, data: Any) -> Any:
        rooms = super().to_internal_value(data)
        if len(rooms) != len(set(rooms)):
            raise serializers.ValidationError("Each room can be named once.", code="repeated")
        return rooms


@extend_schema_serializer(component_name="SlotInput")
class SlotRequest(StrictSerializer):
    """The plan of a slot. The other fields of a slot are read-only and ignored."""

    READ_ONLY = (
        "id", "doctor_name", "expected_end", "current_capacity", "available_capacity", "waiting_count", "status",
        "delay_minutes", "cascaded_minutes", "began_at", "paused_since", "paused_until", "finished_at", "version",
        "created_at",
    )  # fmt: skip

    doctor = StrictUUIDField(source="doctor_id")
    start_time = LocalDateTimeField()
    end_time = LocalDateTimeField()
    max_capacity = StrictIntegerField(min_value=1, max_value=MAX_SEATS)
    consultation_minutes = StrictIntegerField(min_value=1, max_value=DAY_MINUTES, required=False)
    rooms = RoomsField(help_text="The rooms in which patients are seen; without any there is one room without a name.")

    def to_internal_value(self, data: Any) -> Any:
        if isinstance(data, dict):
            data = {name: value for name, value in data.items() if name not in self.READ_ONLY}
        return super().to_internal_value(data)

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        """Check that a slot ends after it starts, and within a day."""
        start, end = attrs.get("start_time"), attrs.get("end_time")
        if start and end:
            if end <= start:
                raise serializers.ValidationError({"end_time": ErrorDetail("A slot ends after it starts.", "invalid")})
            if (end - start).total_seconds() > DAY_MINUTES * 60:
                raise serializers.ValidationError({"end_time": ErrorDetail("A slot lasts a day at most.", "invalid")})
        return attrs


class BulkSlotsRequest(StrictSerializer):
    """A timetable: whole slots of `duration_minutes` between two clock times on each day of a range."""

    doctor_id = StrictUUIDField()
    start_date = serializers.DateField()
    end_date = serializers.DateField()
    start_time = ClockTimeField()
    end_time = ClockTimeField()
    duration_minutes = StrictIntegerField(min_value=1, max_value=DAY_MINUTES)
    max_capacity = StrictIntegerField(min_value=1, max_value=MAX_SEATS, default=1)
    exclude_weekends = StrictBooleanField(default=False)
    weekdays = serializers.ListField(
        child=StrictIntegerField(min_value=1, max_value=7),
        required=False,
        min_length=1,
        max_length=7,
        help_text="On these days of the week only, 1 (Monday) to 7 (Sunday).",
    )
    week_interval = StrictIntegerField(
        min_value=1,
        max_value=MAX_WEEKS,
        default=1,
        help_text="Every so many weeks, counted from the Monday of the week of start_date.",
    )
    rooms = RoomsField()

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        """Apply `exclude_weekends` to the weekdays."""
        allowed = WORKING_DAYS if attrs.pop("exclude_weekends") else EVERY_DAY
        attrs["weekdays"] = [day for day in allowed if day in attrs.get("weekdays", allowed)]
        return attrs


class DelayRequest(StrictSerializer):
    """The doctor's own delay of a slot; 0 for none."""

    delay_minutes = StrictIntegerField(min_value=0, max_value=DAY_MINUTES)


class CancelSlotsRequest(StrictSerializer):
    """Which slots of a doctor are cancelled, and why: those that start at `from` or later and before `to`."""

    doctor = StrictUUIDField(source="doctor_id")
    reason = ReasonField()

    def get_fields(self) -> dict[str, Any]:
        """Add `from`, which is a keyword of Python, and `to`."""
        first = LocalDayOrMomentField(source="start", help_text="A date (that local day on) or a time.")
        last = LocalDayOrMomentField(source="end", help_text="A date (to the end of that local day) or a time.")
        return {**super().get_fields(), "from": first, "to": last}

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        """Check that the range does not end before it starts."""
        start, end = attrs["start"], attrs["end"]
        times = isinstance(start, datetime) and isinstance(end, datetime)
        first, last = SlotRange(start, end).days(self.context["zone"]())
        if end <= start if times else last < first:
            raise serializers.ValidationError({"to": ErrorDetail("The range ends before it starts.", "invalid")})
        return attrs


class CancelSlotRequest(StrictSerializer):
    """Why a slot is cancelled."""

    reason = ReasonField()


class SeatRequest(StrictSerializer):
    """Why an entry of the waiting list gets a seat out of order."""

    reason = ReasonField(required=True, allow_blank=False, default=serializers.empty)

    class Meta:
        example = {"reason": "Came from far away"}


class CompleteCurrentRequest(StrictSerializer):
    """Whether to complete the current consultation."""

    complete_current = StrictBooleanField(required=False, default=False)

    class Meta:
        example = {"complete_current": True}


class CallRequest(StrictSerializer):
    """The room to call the patient to."""

    room = StrictUUIDField(required=False, allow_null=True, help_text=ROOM_HELP)

    class Meta:
        example = {"room": ROOM_ID}


class CallNextRequest(CompleteCurrentRequest):
    """The room to call the next patient to, and whether to complete the consultation in it."""

    room = StrictUUIDField(required=False, allow_null=True, help_text=ROOM_HELP)


class NothingRequest(StrictSerializer):
    """A request without fields: an empty body or {}."""


class BookingBody(StrictSerializer):
    """A booking."""

    slot_id = StrictUUIDField()
    patient_id = StrictUUIDField()
    category = serializers.ChoiceField(choices=BOOKABLE)
    hold = StrictBooleanField(required=False, default=False)
    arrived = StrictBooleanField(required=False, default=False)
    join_waiting_list = StrictBooleanField(required=False, default=True)

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        """Refuse a hold for a patient who has arrived."""
        if attrs["hold"] and attrs["arrived"]:
            raise serializers.ValidationError(
                {"hold": ErrorDetail("A patient who has arrived needs no hold.", "invalid")}
            )
        return attrs


class EmergencyRequest(StrictSerializer):
    """An emergency; `acuity` from 1 (immediate) to 5."""

    slot_id = StrictUUIDField()
    patient_id = StrictUUIDField()
    acuity = StrictIntegerField(min_value=1, max_value=5, required=False, allow_null=True, default=None)
    reason = ReasonField()


class TriageRequest(StrictSerializer):
    """An emergency's acuity, 1 (immediate) to 5."""

    acuity = StrictIntegerField(min_value=1, max_value=5)

    class Meta:
        example = {"acuity": 2}


class ReclassifyRequest(StrictSerializer):
    """The new category of a token, and why it changes."""

    category = serializers.ChoiceField(choices=BOOKABLE)
    reason = ReasonField(required=True, default=serializers.empty, allow_blank=False)

    class Meta:
        example = {"category": "FOLLOWUP", "reason": "Came back within a week"}

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        """Return the category as the engine knows it."""
        return attrs | {"category": Category(attrs["category"])}


class MoveRequest(StrictSerializer):
    """The slot to which a token moves, and why."""

    slot_id = StrictUUIDField()
    reason = ReasonField()

    class Meta:
        example = {"slot_id": OTHER_SLOT_ID, "reason": "The doctor was called to theatre"}


class StepOutRequest(StrictSerializer):
    """Why a patient steps out, and in how many minutes they are expected back."""

    reason = serializers.ChoiceField(choices=[reason.value for reason in StepOutReason])
    minutes = StrictIntegerField(min_value=1, max_value=240, default=30)

    class Meta:
        example = {"reason": "LAB", "minutes": 20}


class SlotFilters(PagedQuerySerializer):
    """Which slots to list."""

    facility = serializers.UUIDField(required=False, help_text="Only slots of this facility.")
    doctor = serializers.UUIDField(required=False)
    date = serializers.DateField(required=False, help_text="The local day.")
    status = CommaSeparated([status.value for status in SlotStatus], required=False)
    available = serializers.BooleanField(required=False, help_text="true: only those where a seat can be booked now.")


class TokenFilters(PagedQuerySerializer):
    """Which tokens to list."""

    slot = serializers.UUIDField(required=False)
    patient = serializers.UUIDField(required=False)
    doctor = serializers.UUIDField(required=False)
    date = serializers.DateField(required=False, help_text="The local day of the slot.")
    status = CommaSeparated(
        [status.value for status in Status], required=False, help_text="One or more, comma-separated."
    )
    category = CommaSeparated([c.value for c in Category], required=False, help_text="One or more, comma-separated.")


class WaitingListFilters(PagedQuerySerializer):
    """Which waiting-list entries to list."""

    slot = serializers.UUIDField(required=False)
    patient = serializers.UUIDField(required=False)
    status = CommaSeparated([status.value for status in EntryStatus], required=False, help_text="WAITING unless given.")


class EventFilters(PagedQuerySerializer):
    """Which events to read."""

    after = serializers.UUIDField(required=False, help_text="Only events after the one with this id.")
    slot = serializers.UUIDField(required=False)
    token = serializers.UUIDField(required=False)


class QueueFilters(QuerySerializer):
    """Which tokens of a slot to list."""

    in_queue = serializers.BooleanField(required=False, help_text="Only the queue.")
    as_of = LocalDateTimeField(
        required=False,
        help_text="The queue as it was at this moment, from the log; without an offset in the facility's time zone.",
    )


class BySlotFilters(QuerySerializer):
    """Whose waiting list."""

    slot_id = serializers.UUIDField()


class DryRunFilters(QuerySerializer):
    """Whether to change anything."""

    dry_run = serializers.BooleanField(required=False, help_text="true: answer the same and change nothing.")


class BufferFilters(QuerySerializer):
    """Whether the desk keeps the seat."""

    buffer = serializers.BooleanField(required=False, help_text="true (desk): keep the seat for the desk for a while.")

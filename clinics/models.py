"""The tables of facilities, their doctors and the doctors' slots. The engine updates the counters of a slot under the
lock of its row.
"""

from datetime import datetime, timedelta

import pghistory
from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import F, Q
from django.db.models.functions import Lower

from core.ids import new_id


class Facility(models.Model):
    """A hospital or clinic, with its time zone. All large tables can be distributed by facility."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    name = models.CharField(max_length=200)
    code = models.CharField(max_length=16, unique=True)
    time_zone = models.CharField(max_length=64)
    # What patients read instead of `name`, and the colour of the facility's screens and slips, `#rrggbb`.
    display_name = models.CharField(max_length=200, null=True, blank=True)
    colour = models.CharField(max_length=7, null=True, blank=True)
    # The overrides of the server's rules (`clinics.rules`), by name.
    rules = models.JSONField(default=dict, blank=True, editable=False)
    # The last number given to a doctor: each doctor of the facility has ticket letters of their own.
    doctors_numbered = models.PositiveIntegerField(default=0, editable=False)

    class Meta:
        verbose_name_plural = "facilities"
        ordering = ["id"]

    def __str__(self) -> str:
        return self.code

    @property
    def shown_name(self) -> str:
        """The name on screens, slips, e-mails and files."""
        return self.display_name or self.name


class FacilityLogo(models.Model):
    """The logo of a facility, a PNG file as `clinics.logos` encodes it.

    A table of its own: the row of a facility is read with every locked slot.
    """

    facility = models.OneToOneField(Facility, on_delete=models.CASCADE, primary_key=True, related_name="logo")
    content = models.BinaryField()
    digest = models.CharField(max_length=64)
    set_at = models.DateTimeField()

    def __str__(self) -> str:
        return self.digest


@pghistory.track(pghistory.InsertEvent(), pghistory.UpdateEvent(), pghistory.DeleteEvent())
class Doctor(models.Model):
    """A doctor of one facility; `ticket_letters` start every ticket of the doctor's slots."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    facility = models.ForeignKey(Facility, on_delete=models.PROTECT, related_name="doctors")
    name = models.CharField(max_length=200)
    specialization = models.CharField(max_length=100)
    email = models.EmailField(null=True, blank=True)
    phone = models.CharField(max_length=32, null=True, blank=True)
    experience_years = models.PositiveSmallIntegerField(null=True, blank=True)
    consultation_minutes = models.PositiveSmallIntegerField(default=10)
    is_active = models.BooleanField(default=True)
    ticket_letters = models.CharField(max_length=4, editable=False)
    created_at = models.DateTimeField(editable=False)

    class Meta:
        ordering = ["name", "id"]
        constraints = [
            # No two doctors of a facility have the same ticket letters.
            models.UniqueConstraint(fields=["facility", "ticket_letters"], name="doctor_ticket_letters_unique"),
            models.CheckConstraint(
                condition=Q(consultation_minutes__gte=1), name="doctor_consultation_minutes_positive"
            ),
        ]

    def __str__(self) -> str:
        return self.name


class Room(models.Model):
    """A consulting room of a facility; `code` is its short name on boards."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    facility = models.ForeignKey(Facility, on_delete=models.PROTECT, related_name="rooms", db_index=False)
    name = models.CharField(max_length=100)
    code = models.CharField(max_length=16)
    is_active = models.BooleanField(default=True)

    class Meta:
        ordering = ["code", "id"]
        constraints = [
            # No two rooms of a facility have the same code, in any letter case.
            models.UniqueConstraint("facility", Lower("code"), name="room_code_unique"),
        ]

    def __str__(self) -> str:
        return self.code


class SlotStatus(models.TextChoices):
    ACTIVE = "ACTIVE"
    DELAYED = "DELAYED"
    CANCELLED = "CANCELLED"
    CLOSED = "CLOSED"


# The history covers what users plan and decide. The event log covers the counters, which change with every booking.
@pghistory.track(
    pghistory.UpdateEvent(),
    pghistory.DeleteEvent(),
    fields=["facility", "doctor", "start_time", "end_time", "max_capacity", "consultation_minutes", "status"],
    model_name="SlotHistory",
    obj_field=pghistory.ObjForeignKey(related_name="history"),
)
class Slot(models.Model):
    """A part of a doctor's day with a limited number of seats.

    The counters follow from the tokens and entries of the slot (`manage.py check_invariants` checks this). They change
    only by increments, under the lock of this row, in the transaction that changes the tokens and entries.
    """

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    # The foreign keys need no indexes of their own: each column leads one of the indexes below.
    facility = models.ForeignKey(Facility, on_delete=models.PROTECT, related_name="slots", db_index=False)
    doctor = models.ForeignKey(Doctor, on_delete=models.PROTECT, related_name="slots", db_index=False)
    local_date = models.DateField(editable=False)
    start_time = models.DateTimeField()
    end_time = models.DateTimeField()
    max_capacity = models.PositiveIntegerField()
    consultation_minutes = models.PositiveSmallIntegerField()
    status = models.CharField(max_length=10, choices=SlotStatus, default=SlotStatus.ACTIVE, editable=False)
    own_delay_minutes = models.PositiveIntegerField(default=0, editable=False)
    delay_minutes = models.PositiveIntegerField(default=0, editable=False)
    # The ids of the rooms in which the doctor sees the patients of the slot; empty: one room without a name. An array,
    # so that the row that is locked for every change has all of them.
    rooms = ArrayField(models.UUIDField(), default=list, db_default=[], blank=True)
    cancel_reason = models.CharField(max_length=500, blank=True, editable=False)

    ticket_prefix = models.CharField(max_length=8, editable=False)
    last_ticket = models.PositiveIntegerField(default=0, editable=False)
    last_arrival = models.PositiveIntegerField(default=0, editable=False)
    regular_seats = models.IntegerField(default=0, editable=False)
    emergency_seats = models.IntegerField(default=0, editable=False)
    queue_length = models.IntegerField(default=0, editable=False)
    stepped_out = models.IntegerField(default=0, editable=False)
    waiting_count = models.IntegerField(default=0, editable=False)
    # When the first hold, grace or buffer of this slot ends; null if there is none.
    next_due_at = models.DateTimeField(null=True, editable=False)
    first_called_at = models.DateTimeField(null=True, editable=False)
    # When the doctor arrived, since when calling is paused and until when that is expected, and when the doctor left.
    began_at = models.DateTimeField(null=True, editable=False)
    paused_since = models.DateTimeField(null=True, editable=False)
    paused_until = models.DateTimeField(null=True, editable=False)
    pause_reason = models.CharField(max_length=500, blank=True, default="", db_default="", editable=False)
    finished_at = models.DateTimeField(null=True, editable=False)
    # When each consultation in progress began, in order.
    in_consultation_since = ArrayField(models.DateTimeField(), default=list, db_default=[], editable=False)
    last_event = models.PositiveIntegerField(default=0, editable=False)
    last_event_hash = models.BinaryField(default=bytes, editable=False)
    version = models.PositiveIntegerField(default=1, editable=False)
    created_at = models.DateTimeField(editable=False)

    class Meta:
        ordering = ["start_time", "id"]
        constraints = [
            # The seats held without emergencies never exceed the capacity, even if a lock fails.
            models.CheckConstraint(condition=Q(regular_seats__lte=F("max_capacity")), name="slot_never_oversold"),
            # No counter is ever negative.
            models.CheckConstraint(
                condition=Q(
                    regular_seats__gte=0,
                    emergency_seats__gte=0,
                    queue_length__gte=0,
                    stepped_out__gte=0,
                    waiting_count__gte=0,
                ),
                name="slot_counters_not_negative",
            ),
            models.CheckConstraint(
                condition=Q(max_capacity__gte=1, max_capacity__lte=10_000), name="slot_capacity_in_range"
            ),
            models.CheckConstraint(condition=Q(end_time__gt=F("start_time")), name="slot_ends_after_it_starts"),
            models.CheckConstraint(condition=Q(consultation_minutes__gte=1), name="slot_consultation_minutes_positive"),
            # Every slot of a day has its own ticket prefix, so that a ticket is unique in the facility on that day.
            models.UniqueConstraint(
                fields=["facility", "local_date", "ticket_prefix"], name="slot_ticket_prefix_unique"
            ),
            # The first migration creates "slot_no_overlap", an EXCLUDE constraint on the doctor and the planned times.
        ]
        indexes = [
            models.Index(fields=["doctor", "local_date", "start_time"], name="slot_doctor_day"),
            models.Index(fields=["facility", "local_date"], name="slot_facility_day"),
            models.Index(fields=["next_due_at"], condition=Q(next_due_at__isnull=False), name="slot_next_due"),
            models.Index(fields=["end_time"], condition=Q(waiting_count__gt=0), name="slot_with_waiting_list"),
        ]

    def __str__(self) -> str:
        return f"{self.ticket_prefix} {self.local_date}"

    @property
    def current_capacity(self) -> int:
        """The seats held now, including those of emergencies."""
        return self.regular_seats + self.emergency_seats

    @property
    def available_capacity(self) -> int:
        """The seats that can still be booked, never below 0."""
        return max(0, self.max_capacity - self.current_capacity)

    @property
    def cascaded_minutes(self) -> int:
        """The part of the delay that slots before this one force on it, in minutes."""
        return self.delay_minutes - self.own_delay_minutes

    @property
    def room_count(self) -> int:
        """How many patients can be in consultation at once."""
        return len(self.rooms) or 1

    @property
    def room_since(self) -> datetime | None:
        """When the consultation began that is expected to end first, if every room is occupied."""
        return first_to_end(self.in_consultation_since, self.room_count)

    @property
    def delayed_start(self) -> datetime:
        return self.start_time + timedelta(minutes=self.delay_minutes)

    @property
    def delayed_end(self) -> datetime:
        """When the slot ends: the planned end plus the delay in force."""
        return self.end_time + timedelta(minutes=self.delay_minutes)

    def is_bookable(self, *, now: datetime) -> bool:
        """Return whether seats can be booked or promoted at `now`."""
        return self.status in (SlotStatus.ACTIVE, SlotStatus.DELAYED) and now < self.delayed_end


def first_to_end(in_consultation_since: list[datetime], room_count: int) -> datetime | None:
    """Return when the earliest of the consultations in progress began, or None while a room is free."""
    return min(in_consultation_since) if len(in_consultation_since) >= room_count else None

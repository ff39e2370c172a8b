"""The table of tokens."""

from typing import Any

from django.db import models
from django.db.models import Case, F, Q, Value, When
from django.db.models.functions import Coalesce

from clinics.models import Doctor, Facility, Slot
from core.ids import new_id
from patients.models import Patient
from tokens.policy.lifecycle import LIVE, QUEUED, Status
from tokens.policy.ordering import AT_ARRIVAL, RETURN_BAND, OrderKey, order_key
from tokens.policy.priority import Category

IS_LIVE = Q(status__in=sorted(LIVE)) | Q(status=Status.NO_SHOW, due_at__isnull=False)
IS_QUEUED = Q(status__in=sorted(QUEUED))

QUEUE_ORDER = ("rank_priority", "rank_band", "rank_arrival", "rank_fraction")
"""The columns by which a queue is sorted; their values are the token's `order_key`."""


def columns_of_place(place: OrderKey | None) -> dict[str, Any]:
    """Return the columns in which a place is stored."""
    priority, band, arrival, fraction = place or (None, None, None, AT_ARRIVAL)
    return {"place_priority": priority, "place_band": band, "place_arrival": arrival, "rank_fraction": fraction}


class FractionField(models.DecimalField):  # type: ignore[type-arg]
    """A decimal number with as many decimals as it needs; between any two of them there is another."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**{"max_digits": 1000, "decimal_places": 999, **kwargs})

    def db_type(self, connection: Any) -> str:
        return "numeric"


class Token(models.Model):
    """A patient's place in a slot, from the booking to its end.

    The position is never stored; it follows from the queue's order (QUEUE_ORDER). The database computes the ranks from
    the place, which is stored only for a token that is not where its request would put it, or else from priority,
    category, acuity and arrival, so that all code uses the same order. `arrival` numbers the requests of a slot.
    `due_at` is when the hold, grace or buffer ends by itself; null: none is running (for a NO_SHOW: its grace is over).
    """

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    # The foreign keys need no indexes of their own: each column leads one of the indexes or constraints below.
    facility = models.ForeignKey(Facility, on_delete=models.PROTECT, related_name="+", db_index=False)
    slot = models.ForeignKey(Slot, on_delete=models.PROTECT, related_name="tokens", db_index=False)
    doctor = models.ForeignKey(Doctor, on_delete=models.PROTECT, related_name="+", db_index=False)
    local_date = models.DateField()
    patient = models.ForeignKey(Patient, on_delete=models.PROTECT, related_name="tokens", db_index=False)
    ticket = models.CharField(max_length=20)
    category = models.CharField(max_length=16, choices=[(c.value, c.value) for c in Category])
    priority = models.DecimalField(max_digits=4, decimal_places=2)
    time_bonus = models.DecimalField(max_digits=4, decimal_places=2)
    care_bonus = models.DecimalField(max_digits=4, decimal_places=2)
    acuity = models.PositiveSmallIntegerField(null=True)
    arrival = models.PositiveIntegerField()
    place_priority = models.DecimalField(max_digits=4, decimal_places=2, null=True)
    place_band = models.SmallIntegerField(null=True)
    place_arrival = models.IntegerField(null=True)
    # The place follows from the time of the request: the token has moved to a slot where later requests came first.
    placed_by_request = models.BooleanField(default=False)
    rank_priority = models.GeneratedField(
        expression=Coalesce(F("place_priority"), F("priority")),
        output_field=models.DecimalField(max_digits=4, decimal_places=2),
        db_persist=True,
    )
    rank_band = models.GeneratedField(
        expression=Coalesce(F("place_band"), F("acuity"), Value(0)),
        output_field=models.SmallIntegerField(),
        db_persist=True,
    )
    rank_arrival = models.GeneratedField(
        expression=Coalesce(
            F("place_arrival"),
            Case(
                When(category="EMERGENCY", acuity__isnull=True, then=-F("arrival")),
                default=F("arrival"),
                output_field=models.IntegerField(),
            ),
        ),
        output_field=models.IntegerField(),
        db_persist=True,
    )
    rank_fraction = FractionField(default=AT_ARRIVAL)
    status = models.CharField(max_length=16, choices=[(s.value, s.value) for s in Status])
    # The estimate when the token left the queue; while the token is in the queue, the estimate is computed.
    last_estimate = models.DateTimeField(null=True)
    # The room to which the patient was called, and its name at that time; null unless called, in it or seen in it.
    room = models.UUIDField(null=True)
    room_name = models.CharField(max_length=100, null=True)
    actual_time = models.DateTimeField(null=True)
    expires_at = models.DateTimeField(null=True)
    grace_expires_at = models.DateTimeField(null=True)
    due_at = models.DateTimeField(null=True)
    arrived_at = models.DateTimeField(null=True)
    # When the patient was last called in, and how often, recalls included.
    called_at = models.DateTimeField(null=True)
    times_called = models.PositiveSmallIntegerField(default=0)
    skips = models.PositiveSmallIntegerField(default=0)
    completed_at = models.DateTimeField(null=True)
    # When a patient who has stepped out is expected back.
    returns_by = models.DateTimeField(null=True)
    # Until when the last action can be undone; null if it cannot.
    undo_until = models.DateTimeField(null=True)
    emergency_reason = models.CharField(max_length=500, blank=True)
    created_at = models.DateTimeField()
    updated_at = models.DateTimeField()

    class Meta:
        ordering = ["id"]
        constraints = [
            # A ticket is used once in a facility on a day.
            models.UniqueConstraint(fields=["facility", "local_date", "ticket"], name="token_ticket_unique"),
            # A patient holds at most one live token per doctor and local day; the slot locks do not ensure that.
            models.UniqueConstraint(
                fields=["facility", "patient", "doctor", "local_date"],
                condition=IS_LIVE,
                name="token_one_live_per_patient",
            ),
            # A room of a slot, or its one room without a name, has at most one patient in it.
            models.UniqueConstraint(
                fields=["facility", "slot", "room"],
                condition=Q(status=Status.IN_CONSULTATION),
                nulls_distinct=False,
                name="token_one_in_the_room",
            ),
            # No two requests of a slot have the same arrival, so the order is total.
            models.UniqueConstraint(fields=["facility", "slot", "arrival"], name="token_arrival_unique"),
            # An emergency has exactly priority 1.00, and every other token has more: tiers never cross.
            models.CheckConstraint(
                condition=Q(category=Category.EMERGENCY, priority=1)
                | (~Q(category=Category.EMERGENCY) & Q(priority__gt=1)),
                name="token_tiers_never_cross",
            ),
            models.CheckConstraint(
                condition=Q(acuity__isnull=True) | Q(category=Category.EMERGENCY, acuity__gte=1, acuity__lte=5),
                name="token_acuity_of_emergencies",
            ),
            # No two tokens of a slot have the same place.
            models.UniqueConstraint(
                fields=["facility", "slot", "place_priority", "place_band", "place_arrival", "rank_fraction"],
                condition=Q(place_priority__isnull=False),
                name="token_place_unique",
            ),
            # A place is stored as a whole, and puts nobody ahead of the emergencies.
            models.CheckConstraint(
                condition=Q(
                    place_priority__isnull=True, place_band__isnull=True, place_arrival__isnull=True, rank_fraction=0
                )
                | (
                    Q(
                        place_priority__isnull=False,
                        place_band__isnull=False,
                        place_arrival__isnull=False,
                        rank_fraction__gte=0,
                    )
                    & (
                        Q(category=Category.EMERGENCY, place_priority=1, place_band__lt=RETURN_BAND)
                        | ~Q(category=Category.EMERGENCY)
                        & (Q(place_priority=1, place_band=RETURN_BAND) | Q(place_priority__gt=1))
                    )
                ),
                name="token_place_behind_emergencies",
            ),
        ]
        indexes = [
            models.Index(fields=["slot", *QUEUE_ORDER], condition=IS_QUEUED, name="token_queue"),
            models.Index(fields=["slot", "due_at"], condition=Q(due_at__isnull=False), name="token_due"),
            models.Index(fields=["slot", "ticket"], name="token_slot"),
            models.Index(fields=["patient"], name="token_patient"),
            models.Index(fields=["doctor", "local_date"], name="token_doctor_day"),
        ]

    # The position that was read under the slot's lock by the request that made this instance; not a column.
    computed_position: int | None = None

    def __str__(self) -> str:
        return self.ticket

    @property
    def in_grace(self) -> bool:
        return self.status == Status.NO_SHOW and self.due_at is not None

    @property
    def place(self) -> OrderKey | None:
        """The stored key of a token that is not where its request would put it, or None."""
        if self.place_priority is None or self.place_band is None or self.place_arrival is None:
            return None
        return (self.place_priority, self.place_band, self.place_arrival, self.rank_fraction)

    @place.setter
    def place(self, place: OrderKey | None) -> None:
        for name, value in columns_of_place(place).items():
            setattr(self, name, value)

    @property
    def order_key(self) -> OrderKey:
        """The sort key in the queue: the token with the lower key is seen first."""
        return order_key(
            category=self.category,
            priority=self.priority,
            acuity=self.acuity,
            arrival=self.arrival,
            place=self.place,
        )

"""The table of waiting-list entries."""

from django.db import models
from django.db.models import Q

from clinics.models import Doctor, Facility, Slot
from core.ids import new_id
from patients.models import Patient


class EntryStatus(models.TextChoices):
    WAITING = "WAITING"
    PROMOTED = "PROMOTED"
    WITHDRAWN = "WITHDRAWN"
    EXPIRED = "EXPIRED"


class WaitlistEntry(models.Model):
    """A request of a patient for a full slot; it keeps its priority and arrival when it is promoted to a token."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    facility = models.ForeignKey(Facility, on_delete=models.PROTECT, related_name="+")
    slot = models.ForeignKey(Slot, on_delete=models.PROTECT, related_name="waitlist_entries")
    doctor = models.ForeignKey(Doctor, on_delete=models.PROTECT, related_name="+")
    local_date = models.DateField()
    patient = models.ForeignKey(Patient, on_delete=models.PROTECT, related_name="waitlist_entries", db_index=False)
    category = models.CharField(max_length=16)
    priority = models.DecimalField(max_digits=4, decimal_places=2)
    time_bonus = models.DecimalField(max_digits=4, decimal_places=2)
    care_bonus = models.DecimalField(max_digits=4, decimal_places=2)
    # The number of the request in the slot; tokens and entries share the numbers.
    arrival = models.PositiveIntegerField()
    status = models.CharField(max_length=10, choices=EntryStatus, default=EntryStatus.WAITING)
    token = models.OneToOneField("tokens.Token", null=True, on_delete=models.PROTECT, related_name="waitlist_entry")
    # Why the desk gave this entry a seat out of order.
    seat_reason = models.CharField(max_length=500, blank=True, default="", db_default="")
    created_at = models.DateTimeField()
    updated_at = models.DateTimeField()

    class Meta:
        verbose_name_plural = "waitlist entries"
        ordering = ["slot_id", "priority", "arrival"]
        constraints = [
            # A patient has at most one WAITING entry for a slot.
            models.UniqueConstraint(
                fields=["facility", "slot", "patient"],
                condition=Q(status="WAITING"),
                name="waitlist_one_waiting_per_patient",
            ),
            # A promoted entry refers to its token, and no other entry refers to a token.
            models.CheckConstraint(
                condition=Q(status="PROMOTED", token__isnull=False) | (~Q(status="PROMOTED") & Q(token__isnull=True)),
                name="waitlist_token_only_when_promoted",
            ),
        ]
        indexes = [
            models.Index(fields=["slot", "priority", "arrival"], condition=Q(status="WAITING"), name="waitlist_next"),
            models.Index(fields=["patient"], name="waitlist_patient"),
        ]

    # Not a column: the position, read under the slot's lock by the request that created this instance.
    computed_position: int | None = None

    def __str__(self) -> str:
        return str(self.id)

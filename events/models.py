"""The append-only log of everything that changed the state of a slot, its tokens or its waiting list."""

from django.db import models

from core.ids import new_id


class Event(models.Model):
    """One thing that happened, written in the transaction that made it happen; never updated, never deleted.

    `seq` is drawn by the database and orders the log; events become visible when their transaction commits, which may
    be in another order, so a poller reads the complete part only (see readers). `number` counts within the slot and
    `hash` chains each event to the one before it in the slot, so that tampering shows.
    """

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    seq = models.BigIntegerField(unique=True, editable=False)
    # Plain ids: the log outlives the rows that it speaks of.
    facility_id = models.UUIDField()
    slot_id = models.UUIDField()
    token_id = models.UUIDField(null=True)
    number = models.PositiveIntegerField()
    type = models.CharField(max_length=40)
    at = models.DateTimeField()
    actor = models.CharField(max_length=60)
    data = models.JSONField(default=dict)
    hash = models.BinaryField()

    class Meta:
        ordering = ["seq"]
        constraints = [
            # The events of a slot are counted without gap or repetition.
            models.UniqueConstraint(fields=["facility_id", "slot_id", "number"], name="event_numbered_once"),
        ]
        indexes = [models.Index(fields=["token_id", "seq"], name="event_token")]

    def __str__(self) -> str:
        return f"{self.type} {self.id}"


class Subscription(models.Model):
    """How far a consumer of the log has got: every event up to `seq` is handled."""

    name = models.CharField(primary_key=True, max_length=60)
    seq = models.BigIntegerField()
    moved_at = models.DateTimeField()

    def __str__(self) -> str:
        return f"{self.name} at {self.seq}"

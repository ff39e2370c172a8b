"""The append-only log of all changes of slots, their tokens and their waiting lists."""

from django.db import models

from core.ids import new_id


class Event(models.Model):
    """A change, written in the transaction that made it; never updated and never deleted.

    The database assigns `seq`, which orders the log. Transactions may commit in another order, so a poller reads only
    the complete part of the log (see readers). `number` counts the events of the slot, and `hash` chains each event to
    the one before it in the slot, so that tampering can be detected.
    """

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    seq = models.BigIntegerField(unique=True, editable=False)
    # Plain ids, not foreign keys: events remain when the rows that they refer to are deleted.
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
            # No two events of a slot have the same number.
            models.UniqueConstraint(fields=["facility_id", "slot_id", "number"], name="event_numbered_once"),
        ]
        indexes = [models.Index(fields=["token_id", "seq"], name="event_token")]

    def __str__(self) -> str:
        return f"{self.type} {self.id}"


class Subscription(models.Model):
    """The cursor of a consumer of the log: every event up to `seq` is handled."""

    name = models.CharField(primary_key=True, max_length=60)
    seq = models.BigIntegerField()
    moved_at = models.DateTimeField()

    def __str__(self) -> str:
        return f"{self.name} at {self.seq}"

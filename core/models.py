"""The table of answers stored for an Idempotency-Key."""

import uuid

from django.db import models
from django.db.models import Q

from core.ids import new_id


class IdempotencyRecord(models.Model):
    """The answer to one request of one caller, stored under its key in the transaction that makes the change."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    facility_id = models.UUIDField(default=uuid.UUID(int=0), editable=False)
    actor = models.CharField(max_length=64, editable=False)
    key = models.CharField(max_length=255, editable=False)
    fingerprint = models.CharField(max_length=64, editable=False)
    stored_at = models.DateTimeField(editable=False)
    status = models.PositiveSmallIntegerField(editable=False)
    headers = models.JSONField(default=dict, editable=False)
    body = models.BinaryField(default=b"", editable=False)

    class Meta:
        constraints = [
            # A key belongs to one request of one caller.
            models.UniqueConstraint(fields=["facility_id", "actor", "key"], name="idempotency_one_record_per_key"),
            # Only successful answers are stored.
            models.CheckConstraint(
                condition=Q(status__gte=200, status__lt=300),
                name="idempotency_keeps_successes",
            ),
        ]
        indexes = [models.Index(fields=["stored_at"], name="idempotency_by_age")]

    def __str__(self) -> str:
        return f"{self.actor} {self.id}"

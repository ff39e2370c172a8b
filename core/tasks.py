"""Housekeeping of core."""

from celery import shared_task

from core import clock
from core.api import idempotency


@shared_task(name="core.tasks.prune_idempotency_records")
def prune_idempotency_records() -> None:
    """Remove idempotency records that are older than a day."""
    idempotency.prune(clock.now())

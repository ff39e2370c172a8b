"""Celery's way in: ids only, no logic."""

from celery import shared_task

from tokens.services import TokenAllocationService


@shared_task(name="tokens.tasks.sweep", ignore_result=True)
def sweep() -> int:
    """End the holds, graces, buffers and waiting lists that are due; twice at once has the effect of one."""
    return TokenAllocationService().sweep()

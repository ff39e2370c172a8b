"""The Celery tasks of the engine; the service does their work."""

from celery import shared_task

from tokens.services import TokenAllocationService


@shared_task(name="tokens.tasks.sweep", ignore_result=True)
def sweep() -> int:
    """End the holds, graces, buffers and waiting lists that are due; two runs at once do no harm."""
    return TokenAllocationService().sweep()

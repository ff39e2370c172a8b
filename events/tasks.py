"""What the scheduler runs of the event log."""

from celery import shared_task

from events.subscriptions import consume_all


@shared_task(name="events.tasks.consume")
def consume() -> int:
    """Hand new events to their consumers."""
    return consume_all()

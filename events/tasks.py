"""The Celery tasks of the event log."""

from celery import shared_task

from events.subscriptions import consume_all


@shared_task(name="events.tasks.consume")
def consume() -> int:
    """Pass new events to the consumers."""
    return consume_all()

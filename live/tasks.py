"""The background tasks of this app; idempotent and without arguments."""

from celery import shared_task

from live import devices, links


@shared_task(name="live.tasks.tidy")
def tidy() -> None:
    """Delete expired links and pairings."""
    links.delete_expired_links()
    devices.delete_expired_pairings()

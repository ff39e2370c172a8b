"""The Celery tasks of the reports."""

from celery import shared_task

from core import clock
from reports.closing import store_closed_days


@shared_task
def store_daily_reports() -> int:
    """Store the daily report of each closed day; repeated and concurrent runs do no harm."""
    return store_closed_days(now=clock.now())

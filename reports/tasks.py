"""What the scheduler asks of the reports."""

from celery import shared_task

from core import clock
from reports.closing import store_closed_days


@shared_task
def store_daily_reports() -> int:
    """Store the daily report of each day that is over; as often as one likes, by as many as one likes."""
    return store_closed_days(now=clock.now())

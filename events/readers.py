"""Reading the log without gaps."""

from django.db import connection
from django.db.models import QuerySet

from events.models import Event


def complete_until() -> int:
    """The number up to which nothing can join the log any more: every transaction that drew a lower one has ended."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT event_complete_until()")
        [number] = cursor.fetchone()
    return int(number)


def complete_part(events: QuerySet[Event]) -> QuerySet[Event]:
    """The events up to the point before which nothing is missing, however late a transaction commits.

    The point is taken first and the events are read afterwards: what ends in between can only add to them.
    """
    return events.filter(seq__lte=complete_until())


def after_event(events: QuerySet[Event], *, last: Event) -> QuerySet[Event]:
    """The events that follow one that was read."""
    return events.filter(seq__gt=last.seq)

"""Reading the event log without gaps."""

from django.db import connection
from django.db.models import QuerySet

from events.models import Event


def complete_until() -> int:
    """Return the `seq` up to which the log is complete: every transaction that drew a lower one has ended."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT event_complete_until()")
        [number] = cursor.fetchone()
    return int(number)


def complete_part(events: QuerySet[Event]) -> QuerySet[Event]:
    """Filter the events to the complete part of the log, to which no transaction can add an event any more.

    The limit is read before the events, so a transaction that ends in between cannot leave a gap.
    """
    return events.filter(seq__lte=complete_until())


def after_event(events: QuerySet[Event], *, last: Event) -> QuerySet[Event]:
    """Filter the events to those after `last`."""
    return events.filter(seq__gt=last.seq)

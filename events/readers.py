"""Reading the log without gaps."""

from django.db.models import QuerySet
from django.db.models.expressions import RawSQL

from events.models import Event

# The highest number below which no event can appear any more: all transactions that could hold a lower one have ended.
LAST_COMPLETE = """
COALESCE((
    SELECT seq FROM events_event
    WHERE horizon <= pg_snapshot_xmin(pg_current_snapshot())::text::bigint
    ORDER BY seq DESC LIMIT 1
), 0)
"""


def complete_part(events: QuerySet[Event]) -> QuerySet[Event]:
    """The events up to the point before which nothing is missing, however late a transaction commits."""
    return events.filter(seq__lte=RawSQL(LAST_COMPLETE, []))


def after_event(events: QuerySet[Event], *, last: Event) -> QuerySet[Event]:
    """The events that follow one that was read."""
    return events.filter(seq__gt=last.seq)

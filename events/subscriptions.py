"""Consumers of the event log, each with a durable cursor.

A consumer gets the events in the order of the log, in batches. Each batch runs in a transaction that also moves the
cursor: writes to the database in that transaction happen exactly once, any other effect at least once. A process that
is killed does not move the cursor. If two processes run the same consumer at the same time, the second does nothing.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from django.db import connection

from core import clock
from core.db.transactions import atomic
from events.models import Event, Subscription
from events.readers import complete_until

BATCH = 500
MAX_LAG = 100_000
_LAGS = """
SELECT name, (
    SELECT count(*) FROM (SELECT FROM events_event WHERE events_event.seq > events_subscription.seq LIMIT %s) AS later
)
FROM events_subscription WHERE name = ANY(%s) ORDER BY name
"""

Handler = Callable[[Sequence[Event]], None]
handlers: dict[str, Handler] = {}


@dataclass(frozen=True, slots=True)
class Lag:
    """The number of events that a consumer has not handled, including those that it may not read yet."""

    consumer: str
    events: int


def consumer(name: str) -> Callable[[Handler], Handler]:
    """Register a function as the consumer of this name.

    It starts with the events that are written after its first run.
    """

    def register(handler: Handler) -> Handler:
        handlers[name] = handler
        return handler

    return register


def consume_all() -> int:
    """Run every consumer up to the end of the log; return the number of events that were handled.

    A consumer that fails does not stop the others; the first error is raised at the end.
    """
    handled, errors = 0, []
    for name in sorted(handlers):
        try:
            while count := consume(name):
                handled += count
        except Exception as error:
            errors.append(error)
    if errors:
        raise errors[0]
    return handled


def consume(name: str, *, batch: int = BATCH) -> int:
    """Hand the next events to a consumer and move its cursor behind them; return the number of events.

    Return 0 if there are none, or if another process is running this consumer.
    """
    with atomic(durable=True):
        cursor = Subscription.objects.select_for_update(skip_locked=True).filter(name=name).first()
        if cursor is None:
            _begin(name)
            return 0
        # The end of the log is read first: events up to there are all visible, however late their transactions commit.
        end = complete_until()
        events = list(Event.objects.filter(seq__gt=cursor.seq, seq__lte=end).order_by("seq")[:batch])
        if events:
            handlers[name](events)
            Subscription.objects.filter(name=name).update(seq=events[-1].seq, moved_at=clock.now())
        return len(events)


def _begin(name: str) -> None:
    """Create the cursor of a new consumer at the end of the log; do nothing if it exists."""
    row = Subscription(name=name, seq=complete_until(), moved_at=clock.now())
    Subscription.objects.bulk_create([row], ignore_conflicts=True)


def lags() -> list[Lag]:
    """Return how far each registered consumer is behind the log, up to MAX_LAG."""
    with connection.cursor() as cursor:
        cursor.execute(_LAGS, [MAX_LAG, sorted(handlers)])
        return [Lag(name, count) for name, count in cursor.fetchall()]

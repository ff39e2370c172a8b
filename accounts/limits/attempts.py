"""Limits on attempts, counted in the database: failed sign-ins, requested codes, registrations.

These limits must hold while Redis is down and after it was flushed. The key of a count (the column is called `door`)
is a keyed hash, so the rows contain neither names nor addresses.
"""

import math
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from django.db import connection

from accounts.audit.security_log import digest
from accounts.models import AttemptCount
from core import clock

# One statement, so that concurrent attempts are all counted. A count older than the window starts again at 1. The
# attempt that reaches the limit restarts the window, so that the key stays locked for a whole window.
_COUNT = """
INSERT INTO accounts_attemptcount AS stored (door, count, since) VALUES (%(key)s, 1, %(now)s)
ON CONFLICT (door) DO UPDATE SET
  count = CASE WHEN stored.since > %(window_start)s THEN stored.count + 1 ELSE 1 END,
  since = CASE WHEN stored.since > %(window_start)s AND stored.count + 1 <> %(limit)s THEN stored.since ELSE %(now)s END
RETURNING count
"""


@dataclass(frozen=True)
class Limit:
    """A limit of `max_attempts` within `window`. The attempt that reaches it locks the key for another window."""

    name: str
    max_attempts: int
    window: timedelta = timedelta(minutes=15)

    def key(self, *parts: str) -> str:
        """Return the key under which these attempts are counted."""
        return digest(self.name, *parts)

    def seconds_locked(self, *parts: str) -> int:
        """Return the seconds until the lock of this key ends; 0 if it is not locked."""
        now = clock.now()
        row = AttemptCount.objects.filter(
            key=self.key(*parts), count__gte=self.max_attempts, since__gt=now - self.window
        ).first()
        return max(1, math.ceil((row.since + self.window - now).total_seconds())) if row else 0

    def count(self, *parts: str) -> int:
        """Count one attempt and return the new count."""
        now = clock.now()
        parameters: dict[str, Any] = {
            "key": self.key(*parts),
            "now": now,
            "window_start": now - self.window,
            "limit": self.max_attempts,
        }
        with connection.cursor() as cursor:
            cursor.execute(_COUNT, parameters)
            return int(cursor.fetchone()[0])

    def clear(self, *parts: str) -> None:
        """Delete the count, which also ends a lock."""
        AttemptCount.objects.filter(key=self.key(*parts)).delete()


def delete_old_counts() -> int:
    """Delete counts older than a day (no window is longer); return the number of rows."""
    return AttemptCount.objects.filter(since__lte=clock.now() - timedelta(days=1)).delete()[0]

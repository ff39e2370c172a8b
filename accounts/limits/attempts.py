"""Counting what may be tried only so often: failed sign-ins, codes asked for, registrations.

Kept in the database: these limits must hold when Redis is away or was flushed. A door is a keyed hash, so the rows tell
neither names nor addresses.
"""

import math
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from django.db import connection

from accounts.audit.security_log import digest
from accounts.models import AttemptCount
from core import clock

# One statement, so that tries made at the same moment are all counted. A count older than the window starts afresh; the
# try that reaches the limit starts the window anew, so that the door stays closed for all of it.
_COUNT = """
INSERT INTO accounts_attemptcount AS kept (door, count, since) VALUES (%(door)s, 1, %(now)s)
ON CONFLICT (door) DO UPDATE SET
  count = CASE WHEN kept.since > %(window_start)s THEN kept.count + 1 ELSE 1 END,
  since = CASE WHEN kept.since > %(window_start)s AND kept.count + 1 <> %(limit)s THEN kept.since ELSE %(now)s END
RETURNING count
"""


@dataclass(frozen=True)
class Limit:
    """So many tries within the window, then the door is closed until a window after the last one that counted."""

    name: str
    tries: int
    window: timedelta = timedelta(minutes=15)

    def door(self, *who: str) -> str:
        """The name under which the tries of this somebody are counted."""
        return digest(self.name, *who)

    def seconds_closed(self, *who: str) -> int:
        """For how long this somebody must wait; 0 while the door is open."""
        now = clock.now()
        row = AttemptCount.objects.filter(
            door=self.door(*who), count__gte=self.tries, since__gt=now - self.window
        ).first()
        return max(1, math.ceil((row.since + self.window - now).total_seconds())) if row else 0

    def count(self, *who: str) -> int:
        """Count one try; returns how many there are now."""
        now = clock.now()
        facts: dict[str, Any] = {
            "door": self.door(*who),
            "now": now,
            "window_start": now - self.window,
            "limit": self.tries,
        }
        with connection.cursor() as cursor:
            cursor.execute(_COUNT, facts)
            return int(cursor.fetchone()[0])

    def forget(self, *who: str) -> None:
        """Open the door again."""
        AttemptCount.objects.filter(door=self.door(*who)).delete()


def delete_old_counts() -> int:
    """Remove counts that no longer matter (no window is longer than a day); returns how many."""
    return AttemptCount.objects.filter(since__lte=clock.now() - timedelta(days=1)).delete()[0]

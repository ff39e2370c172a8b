"""References between tables, checked at the statement that writes them."""

from typing import Any

from django.db import connections

# Django makes every reference DEFERRABLE INITIALLY DEFERRED. Those of a partition follow the whole's (conparentid).
_DEFERRABLE = """
SELECT format('ALTER TABLE %s ALTER CONSTRAINT %I NOT DEFERRABLE', conrelid::regclass, conname) FROM pg_constraint
WHERE contype = 'f' AND condeferrable AND conparentid = 0 AND connamespace = current_schema()::regnamespace
"""


def check_at_once(*, using: str, **facts: Any) -> None:
    """Make every reference NOT DEFERRABLE; does nothing where that was done before.

    A breach is reported by the statement that commits it, with its SQLSTATE, and not by COMMIT, where a distributed
    database loses it. Nothing in the engine needs the delay. Runs after every `migrate`.
    """
    with connections[using].cursor() as cursor:
        cursor.execute(_DEFERRABLE)
        for (change,) in cursor.fetchall():
            cursor.execute(change)

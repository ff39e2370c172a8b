"""Make foreign keys be checked by the statement that writes them, not at COMMIT."""

from typing import Any

from django.db import connections

# Django makes every foreign key DEFERRABLE INITIALLY DEFERRED. Those of a partition follow its parent (conparentid).
_DEFERRABLE = """
SELECT format('ALTER TABLE %s ALTER CONSTRAINT %I NOT DEFERRABLE', conrelid::regclass, conname) FROM pg_constraint
WHERE contype = 'f' AND condeferrable AND conparentid = 0 AND connamespace = current_schema()::regnamespace
"""


def check_at_once(*, using: str, **facts: Any) -> None:
    """Make every foreign key NOT DEFERRABLE, unless it is already.

    The statement that violates a foreign key then reports it with its SQLSTATE. A deferred check reports it at COMMIT,
    where a distributed database loses the SQLSTATE. Nothing in the engine needs deferred checks. Runs after every
    `migrate`.
    """
    with connections[using].cursor() as cursor:
        cursor.execute(_DEFERRABLE)
        for (change,) in cursor.fetchall():
            cursor.execute(change)

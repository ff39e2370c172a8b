"""Foreign keys that are checked by the statement that writes them, and the facility of rows that had none."""

from typing import Any

from django.db import connection, connections

from core.ids import new_id

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


def facility_of_existing_rows() -> Any:
    """Return the id of the oldest facility, or a new id if there is none and so no row. For migrations."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT id FROM clinics_facility ORDER BY id LIMIT 1")
        row = cursor.fetchone()
    return row[0] if row else new_id()

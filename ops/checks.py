"""What `manage.py check --deploy` says about the set-up of a hospital."""

from typing import Any

from django.core.checks import CheckMessage, Warning
from django.db import DatabaseError

from ops.database_roles import owns_its_tables


def application_role_owns_nothing(**_: Any) -> list[CheckMessage]:
    """Warn when the role of the running engine owns the tables, so that it could change the log, trail and history."""
    try:
        owns = owns_its_tables()
    except DatabaseError:  # no database to ask: that is another check's subject
        return []
    if not owns:
        return []
    return [
        Warning(
            "The database role in DATABASE_URL owns the engine's tables.",
            hint="Use two roles: DATABASE_OWNER_URL for migrations, DATABASE_URL for the engine (DEPLOYMENT.md).",
            id="opd.W001",
        )
    ]

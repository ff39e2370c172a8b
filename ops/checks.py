"""Checks of `manage.py check --deploy`."""

from typing import Any

from django.core.checks import CheckMessage, Warning
from django.db import DatabaseError

from ops.database_roles import owns_its_tables


def application_role_owns_nothing(**_: Any) -> list[CheckMessage]:
    """Warn if the engine's database role owns the tables, because it could then change the log, trail and history."""
    try:
        owns = owns_its_tables()
    except DatabaseError:  # another check reports an unreachable database
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

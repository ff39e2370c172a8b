"""The rights of the application's database role: read and write rows, but only add to the log, trail and history.

`DATABASE_URL` names the application role and `DATABASE_OWNER_URL` the role that owns the tables. If only `DATABASE_URL`
is set, one role does everything, and this module grants nothing.
"""

from collections.abc import Iterator

import pghistory.models
from django.apps import apps
from django.conf import settings
from django.db import connection, models
from psycopg import sql

from core.db.transactions import atomic

# Rows of these tables, and of every history table, are inserted and read, never changed. Only the columns named here
# are updated later: rows of the read trail get a seal, and the context of a change gets the request that made it.
_APPEND_ONLY: dict[str, tuple[str, ...]] = {
    "events.Event": (),
    "accounts.ReadList": (),
    "accounts.ReadSeal": (),
    "accounts.ReadTrail": ("seal_id", "hash"),
    "pghistory.Context": ("metadata", "updated_at"),
}
_MIGRATIONS = "django_migrations"


def grant_application_role() -> None:
    """Grant the application role exactly its rights on every table; run as the owner, may be repeated."""
    role = settings.OPD_APPLICATION_ROLE
    if role is None:
        return
    name = sql.Identifier(role)
    with atomic(), connection.cursor() as cursor:
        for statement in _RIGHTS:
            cursor.execute(sql.SQL(statement).format(role=name))
        for table, columns in _append_only_tables():
            identifier = sql.Identifier(table)
            cursor.execute(sql.SQL("REVOKE UPDATE, DELETE ON {} FROM {}").format(identifier, name))
            if columns:
                listed = sql.SQL(", ").join(map(sql.Identifier, columns))
                cursor.execute(sql.SQL("GRANT UPDATE ({}) ON {} TO {}").format(listed, identifier, name))
        cursor.execute(sql.SQL("REVOKE INSERT, UPDATE, DELETE ON {} FROM {}").format(sql.Identifier(_MIGRATIONS), name))


# The default privileges let the role read and insert into tables of a later migration at once; the other rights follow
# after that migration.
_RIGHTS = (
    "GRANT USAGE ON SCHEMA public TO {role}",
    "REVOKE ALL ON ALL TABLES IN SCHEMA public FROM {role}",
    "GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA public TO {role}",
    "GRANT USAGE, SELECT ON ALL SEQUENCES IN SCHEMA public TO {role}",
    "ALTER DEFAULT PRIVILEGES IN SCHEMA public GRANT SELECT, INSERT ON TABLES TO {role}",
    "ALTER DEFAULT PRIVILEGES IN SCHEMA public GRANT USAGE, SELECT ON SEQUENCES TO {role}",
)


def _append_only_tables() -> Iterator[tuple[str, tuple[str, ...]]]:
    """Return the tables whose rows must not change, each with the columns that may still be updated."""
    present = set(connection.introspection.table_names())
    for model in apps.get_models():
        if _is_append_only(model) and model._meta.db_table in present:
            yield model._meta.db_table, _APPEND_ONLY.get(model._meta.label, ())


def _is_append_only(model: type[models.Model]) -> bool:
    return model._meta.label in _APPEND_ONLY or issubclass(model, pghistory.models.Event)


def keep_triggers_on() -> None:
    """Let nobody but the owner have triggers ignored; run as the owner, may be repeated.

    pgtrigger's triggers ask a function whether the session has switched them off with the setting `pgtrigger.ignore`,
    which every role may set. Each migration that makes a trigger brings pgtrigger's own function back.
    """
    with connection.cursor() as cursor:
        cursor.execute(_SHOULD_IGNORE)


# Bound to its objects when it is made, so that the search path of a session changes nothing.
_SHOULD_IGNORE = """
CREATE OR REPLACE FUNCTION public._pgtrigger_should_ignore(trigger_name name) RETURNS boolean LANGUAGE sql STABLE
RETURN coalesce(trigger_name = ANY (nullif(current_setting('pgtrigger.ignore', true), '')::text[]), false)
AND (SELECT pg_has_role(current_user, proowner, 'USAGE') FROM pg_proc
     WHERE proname = '_pgtrigger_should_ignore' AND pronamespace = 'public'::regnamespace)
"""


def owns_its_tables() -> bool:
    """Return whether the connected role could alter the event log or disable its protection."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT pg_has_role(current_user, relowner, 'USAGE') FROM pg_class WHERE oid = to_regclass('events_event')"
        )
        row = cursor.fetchone()
    return bool(row and row[0])

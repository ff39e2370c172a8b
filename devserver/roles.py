"""SQL for the engine's two database roles: an owner for migrations and an application role that owns nothing.

A superuser runs the statements once. After every migration the owner grants the application role its rights on each
table (ops/database_roles.py).
"""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Login:
    """A database role and its password."""

    name: str
    password: str


def role_statements(*, owner: Login, application: Login, database: str) -> list[str]:
    """Return statements that create or update both roles and make the owner own the database and everything in it.

    Run them in that database; they may be repeated. The owner may create databases (backups are restored into one) and
    is a member of the application role, so that it may end the application's connections.
    """
    names = {"owner": _name(owner.name), "application": _name(application.name), "database": _name(database)}
    return [
        *(_CREATE.format(text=_text(role.name), name=_name(role.name)) for role in (owner, application)),
        f"ALTER ROLE {names['owner']} {_LIMITS} CREATEDB PASSWORD {_text(owner.password)}",
        f"ALTER ROLE {names['application']} {_LIMITS} NOCREATEDB PASSWORD {_text(application.password)}",
        *(each.format(**names) for each in _GIVE),
        _TRANSFER.format(text=_text(owner.name), **names),
    ]


def _name(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


def _text(value: str) -> str:
    return "'" + value.replace("'", "''") + "'"


# Each statement is one line: PostgreSQL's single-user mode ends a statement at the end of the line.
_LIMITS = "LOGIN NOSUPERUSER NOCREATEROLE NOREPLICATION NOBYPASSRLS"
_CREATE = (
    "DO $do$ BEGIN IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = {text}) THEN CREATE ROLE {name}; END IF; "
    "END $do$"
)
_GIVE = (
    "GRANT {application} TO {owner}",
    "ALTER DATABASE {database} OWNER TO {owner}",
    "ALTER SCHEMA public OWNER TO {owner}",
    "REVOKE CREATE ON SCHEMA public FROM PUBLIC",
    "REVOKE ALL ON ALL TABLES IN SCHEMA public FROM {application}",
)
# Not REASSIGN OWNED: PostgreSQL refuses it for the superuser that initdb made. A column's sequence follows its table.
_TRANSFER = (
    "DO $do$ DECLARE each record; BEGIN "
    "FOR each IN SELECT format('SCHEMA %I', nspname) AS thing FROM pg_namespace "
    "WHERE nspname ~ '^part_[0-9]+$' AND nspowner <> {text}::regrole "
    "UNION ALL SELECT format('TABLE %s', pg_class.oid::regclass) FROM pg_class "
    "JOIN pg_namespace ON pg_namespace.oid = relnamespace "
    "WHERE nspname ~ '^(public|part_[0-9]+)$' AND relkind IN ('r', 'p', 'v', 'm', 'S') AND relowner <> {text}::regrole "
    "AND NOT EXISTS (SELECT FROM pg_depend WHERE classid = 'pg_class'::regclass AND objid = pg_class.oid "
    "AND (deptype = 'e' OR relkind = 'S' AND deptype IN ('a', 'i') AND refclassid = 'pg_class'::regclass)) "
    "UNION ALL SELECT format('ROUTINE %s', pg_proc.oid::regprocedure) FROM pg_proc "
    "JOIN pg_namespace ON pg_namespace.oid = pronamespace WHERE nspname = 'public' AND proowner <> {text}::regrole "
    "AND NOT EXISTS (SELECT FROM pg_depend WHERE classid = 'pg_proc'::regclass AND objid = pg_proc.oid "
    "AND deptype = 'e') "
    "LOOP EXECUTE format('ALTER %s OWNER TO %I', each.thing, {text}); END LOOP; END $do$"
)

"""The application's database role owns nothing and can only append to the event log, read trail and history."""

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
from psycopg import errors, sql

from devserver import EmbeddedPostgres, project
from devserver.postgres import APPLICATION, OWNER
from devserver.throwaway import throwaway
from tests.support.engine import running_engine

ROOT = Path(__file__).resolve().parents[2]
KEPT = (
    "events_event",
    "accounts_readtrail",
    "accounts_readseal",
    "accounts_userevent",
    "accounts_apikeyevent",
    "clinics_slothistory",
    "clinics_doctorevent",
    "patients_patientevent",
)
SMOKE = [f"tests/contract/test_0{name}.py" for name in ("3_seats_and_capacity", "5_waiting_list", "7_token_endpoints")]


@pytest.fixture(scope="module")
def engine() -> Iterator[dict[str, str]]:
    """A running engine with its own embedded servers, and the addresses of both roles."""
    with throwaway() as folder, running_engine(data=folder / "data") as made:
        yield {**made, **EmbeddedPostgres(folder / "data").urls, "OPD_DATA_DIR": str(folder / "data")}


@pytest.fixture
def application(engine: dict[str, str]) -> Iterator[psycopg.Connection]:
    with psycopg.connect(engine["DATABASE_URL"], autocommit=True) as connection:
        yield connection


def test_everything_in_the_contract_works_with_the_application_role(engine: dict[str, str]) -> None:
    own = {name: engine[name] for name in ("OPD_USERNAME", "OPD_PASSWORD")}
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", *SMOKE],
        cwd=ROOT,
        env={**os.environ, **own, "OPD_CONTRACT_URL": engine["OPD_URL"], "PYTEST_ADDOPTS": ""},
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert done.returncode == 0, done.stdout[-5000:]
    with psycopg.connect(engine["DATABASE_URL"]) as connection:
        users = "SELECT DISTINCT usename FROM pg_stat_activity WHERE datname = 'opd' AND application_name = 'opd'"
        assert connection.execute(users).fetchall() == [(APPLICATION,)]
        rows = connection.execute("SELECT count(*) FROM events_event").fetchone()
    assert rows is not None
    assert rows[0] > 20


def test_the_roles_have_no_more_rights_than_they_need(application: psycopg.Connection) -> None:
    limits = "SELECT rolname, rolsuper, rolcreaterole, rolcreatedb, rolbypassrls FROM pg_roles WHERE rolname = ANY(%s)"
    rows = application.execute(limits, [[OWNER, APPLICATION]]).fetchall()
    assert sorted(rows) == [(APPLICATION, False, False, False, False), (OWNER, False, False, True, False)]
    owned = "SELECT count(*) FROM pg_class WHERE relowner = current_user::regrole"
    assert application.execute(owned).fetchone() == (0,)
    others = """SELECT relname FROM pg_class WHERE relnamespace = 'public'::regnamespace
                AND relkind IN ('r', 'S') AND relowner <> %s::regrole"""
    assert application.execute(others, [OWNER]).fetchall() == []


@pytest.mark.parametrize("table", KEPT)
@pytest.mark.parametrize(
    "statement",
    [
        "TRUNCATE {} CASCADE",
        "DELETE FROM {}",
        "UPDATE {0} SET {1} = {1}",
        "ALTER TABLE {} DISABLE TRIGGER USER",
        "ALTER TABLE {} ADD COLUMN more int",
        "CREATE TRIGGER other BEFORE INSERT ON {} EXECUTE FUNCTION event_append_only()",
        "DROP TABLE {}",
    ],
)
def test_what_is_kept_can_only_be_added_to(application: psycopg.Connection, table: str, statement: str) -> None:
    first = "SELECT attname FROM pg_attribute WHERE attrelid = %s::regclass AND attnum > 0 ORDER BY attnum LIMIT 1"
    column = application.execute(first, [table]).fetchone()
    assert column is not None
    with pytest.raises(errors.InsufficientPrivilege):
        application.execute(sql.SQL(statement).format(sql.Identifier(table), sql.Identifier(column[0])))


def test_no_table_can_be_emptied_and_nothing_defined(application: psycopg.Connection) -> None:
    tables = "SELECT relname FROM pg_class WHERE relnamespace = 'public'::regnamespace AND relkind = 'r'"
    names = [name for (name,) in application.execute(tables)]
    assert len(names) > 30
    statements = [sql.SQL("TRUNCATE {} CASCADE").format(sql.Identifier(name)) for name in names]
    statements += map(
        sql.SQL,
        (
            "CREATE TABLE mine (id int)",
            "CREATE SCHEMA mine",
            "CREATE OR REPLACE FUNCTION event_append_only() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN END'",
            "SET session_replication_role = replica",
            "SELECT setval('event_seq', 1)",
            "DELETE FROM django_migrations",
            f"SET ROLE {OWNER}",
        ),
    )
    for statement in statements:
        with pytest.raises(errors.InsufficientPrivilege):
            application.execute(statement)


TRIGGERS = "SELECT array_agg(DISTINCT tgname::text) FROM pg_trigger WHERE NOT tgisinternal"


@pytest.fixture
def ignoring(application: psycopg.Connection) -> psycopg.Connection:
    """Connect as the application role with the setting by which pgtrigger ignores triggers."""
    application.execute(f"SELECT set_config('pgtrigger.ignore', ({TRIGGERS})::text, false)")
    return application


def test_a_change_without_a_row_of_history_is_not_possible(ignoring: psycopg.Connection) -> None:
    count = "SELECT count(*) FROM accounts_userevent"
    with ignoring.transaction(force_rollback=True):
        before = ignoring.execute(count).fetchone()
        changed = ignoring.execute("UPDATE accounts_user SET email = 'x' || email WHERE email IS NOT NULL").rowcount
        assert before is not None
        assert changed > 0
        assert ignoring.execute(count).fetchone() == (before[0] + changed,)


def test_a_sealed_row_of_the_read_trail_stays_sealed(ignoring: psycopg.Connection) -> None:
    with ignoring.transaction(force_rollback=True):
        ignoring.execute("INSERT INTO accounts_readseal VALUES (1000000, 1, '', now())")
        ignoring.execute(
            """INSERT INTO accounts_readtrail (id, actor, patient_ids, what, request_id, at, seal_id, hash)
               VALUES (gen_random_uuid(), 'user:a', '{}', 'x', 'r', now(), 1000000, '')"""
        )
        with pytest.raises(errors.RaiseException, match="Cannot update"):
            ignoring.execute("UPDATE accounts_readtrail SET hash = NULL, seal_id = NULL WHERE seal_id = 1000000")


def test_the_owner_may_erase_what_the_triggers_protect(engine: dict[str, str]) -> None:
    with psycopg.connect(engine["DATABASE_OWNER_URL"]) as owner:
        owner.execute(f"SELECT set_config('pgtrigger.ignore', ({TRIGGERS})::text, false)")
        owner.execute("UPDATE accounts_userevent SET username = username")
        owner.rollback()
        with pytest.raises(errors.RaiseException):
            owner.execute("UPDATE accounts_userevent SET username = username")
        owner.rollback()


def test_a_row_of_the_read_trail_is_sealed_and_nothing_else(application: psycopg.Connection) -> None:
    granted = """SELECT column_name FROM information_schema.column_privileges
                 WHERE grantee = current_user AND table_name = 'accounts_readtrail' AND privilege_type = 'UPDATE'"""
    assert sorted(application.execute(granted).fetchall()) == [("hash",), ("seal_id",)]


def test_the_address_of_the_owner_is_not_in_the_environment_of_what_serves(engine: dict[str, str]) -> None:
    mark = f"{project.MARK}={engine['OPD_DATA_DIR']}".encode()
    seen = 0
    for entry in Path("/proc").glob("[0-9]*"):
        try:
            environ = (entry / "environ").read_bytes().split(b"\0")
        except OSError:
            continue
        if mark in environ:
            seen += 1
            assert not [each for each in environ if each.startswith((b"DATABASE_OWNER_URL", b"DATABASE_ADMIN_URL"))]
    assert seen >= 3 or not Path("/proc/self").exists()

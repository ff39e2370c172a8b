"""Set-up of the two database roles, and the checks that report a missing role or an emptied log."""

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
from django.core.management import CommandError, call_command
from django.db import connection
from psycopg import errors

from accounts.audit import read_trail
from accounts.models import ReadTrail
from core import clock as core_clock
from devserver import EmbeddedPostgres
from devserver.postgres import APPLICATION, OWNER
from devserver.throwaway import throwaway
from ops.checks import application_role_owns_nothing
from tests.races.builders import a_slot, book
from tokens.audit.verify import bad_rows

ROOT = Path(__file__).resolve().parents[2]


def manage(*words: str, **urls: str) -> subprocess.CompletedProcess[str]:
    known = {name: value for name, value in os.environ.items() if not name.startswith("DATABASE_")}
    environ = {**known, **urls, "DJANGO_SETTINGS_MODULE": "config.settings.local"}
    command = [sys.executable, str(ROOT / "manage.py"), *words]
    return subprocess.run(command, env=environ, cwd=ROOT, capture_output=True, text=True, timeout=120)


def done(*words: str, **urls: str) -> str:
    finished = manage(*words, **urls)
    assert finished.returncode == 0, finished.stdout[-2000:] + finished.stderr[-4000:]
    return finished.stdout + finished.stderr


@pytest.fixture(scope="module")
def server() -> Iterator[EmbeddedPostgres]:
    with throwaway() as folder:
        postgres = EmbeddedPostgres(folder, fsync=False)
        postgres.start()
        try:
            yield postgres
        finally:
            postgres.stop()


def owners(url: str) -> set[str]:
    """Return the owners of the engine's tables, sequences and functions."""
    with psycopg.connect(url) as link:
        rows = link.execute(
            """SELECT relowner::regrole::text FROM pg_class
               WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'S')
               UNION SELECT proowner::regrole::text FROM pg_proc WHERE pronamespace = 'public'::regnamespace"""
        )
        return {owner for (owner,) in rows}


def test_a_database_that_one_superuser_owned_is_brought_to_two_roles(server: EmbeddedPostgres) -> None:
    """By make_roles, as in Compose, and at start-up of the embedded server for an older data directory."""
    done("migrate", "--verbosity", "0", DATABASE_URL=server.url)
    done("ensure_staff", "--credentials", str(server.data_dir / "credentials"), DATABASE_URL=server.url)
    assert owners(server.url) == {"opd"}
    base = server.url.split("@")[1]
    urls = {
        "DATABASE_OWNER_URL": f"postgres://the_owner:p-wort@{base}",
        "DATABASE_URL": f"postgres://the_app:p'%25@{base}",
    }
    for _ in range(2):
        done("make_roles", DATABASE_ADMIN_URL=server.url, **urls)
    done("migrate", "--verbosity", "0", **urls)
    assert owners(server.url) == {"the_owner"}
    with psycopg.connect(urls["DATABASE_URL"]) as link:
        assert link.execute("SELECT count(*) FROM accounts_user").fetchone() == (2,)
        with pytest.raises(errors.InsufficientPrivilege):
            link.execute("TRUNCATE events_event")

    server.stop()
    server.state.put(server.name, roles=None)  # as a folder of an older version
    server.start()
    done("migrate", "--verbosity", "0", **server.urls)
    assert owners(server.url) == {OWNER}
    assert "opd.W001" not in done("check", "--deploy", **server.urls)
    with psycopg.connect(server.urls["DATABASE_URL"]) as link:
        assert link.info.user == APPLICATION
        assert link.execute("SELECT count(*) FROM accounts_user").fetchone() == (2,)


def test_a_table_of_a_later_migration_is_not_forgotten(server: EmbeddedPostgres) -> None:
    with psycopg.connect(server.urls["DATABASE_OWNER_URL"]) as owner:
        owner.execute("CREATE TABLE later (id int)")
    with psycopg.connect(server.urls["DATABASE_URL"], autocommit=True) as link:
        link.execute("INSERT INTO later VALUES (1)")
        with pytest.raises(errors.InsufficientPrivilege):
            link.execute("DELETE FROM later")


def test_partitioned_tables_keep_their_rights(server: EmbeddedPostgres) -> None:
    done("migrate", "--verbosity", "0", **server.urls)
    done("partition_tables", "--partitions", "2", **server.urls)
    allowed = "SELECT has_table_privilege(%s, %s)"
    with psycopg.connect(server.urls["DATABASE_URL"], autocommit=True) as link:
        for table, right, granted in (
            ("events_event", "INSERT", True),
            ("events_event", "UPDATE", False),
            ("events_event", "DELETE", False),
            ("events_event", "TRUNCATE", False),
            ("tokens_token", "UPDATE", True),
            ("tokens_token", "TRUNCATE", False),
        ):
            assert link.execute(allowed, [table, right]).fetchone() == (granted,), (table, right)
        with pytest.raises(errors.InsufficientPrivilege):
            link.execute("TRUNCATE part_00.events_event")


@pytest.mark.parametrize("missing", ["DATABASE_ADMIN_URL", "DATABASE_OWNER_URL", "DATABASE_URL"])
def test_make_roles_reports_missing_settings(missing: str, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("DATABASE_ADMIN_URL", "DATABASE_OWNER_URL", "DATABASE_URL"):
        monkeypatch.setenv(name, f"postgres://{name}@127.0.0.1/opd")
    monkeypatch.delenv(missing)
    with pytest.raises(CommandError, match=f"^{missing} must be set."):
        call_command("make_roles")


def test_one_role_for_everything_is_not_accepted_by_make_roles(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("DATABASE_ADMIN_URL", "DATABASE_OWNER_URL", "DATABASE_URL"):
        monkeypatch.setenv(name, "postgres://opd:p@127.0.0.1/opd")
    with pytest.raises(CommandError, match="three different roles"):
        call_command("make_roles")


@pytest.mark.django_db
def test_one_role_works_and_is_warned_of() -> None:
    assert [each.id for each in application_role_owns_nothing()] == ["opd.W001"]


def read_and_seal() -> None:
    ReadTrail.objects.create(actor="user:a", patient_ids=[], what="x", request_id="r", at=core_clock.now())
    read_trail.seal_reads()


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize(
    ("emptied", "told"),
    [
        ("TRUNCATE accounts_readseal CASCADE", "the seals after 0 were removed (2 were made)"),
        ("TRUNCATE accounts_readtrail", "seal 1 was altered, or its last rows were removed"),
        ("TRUNCATE accounts_readtrailend", "the note of its last seal was removed"),
        ("UPDATE accounts_readtrailend SET number = 1", "the note of its last seal (1) was altered"),
    ],
)
def test_an_emptied_read_trail_is_noticed(emptied: str, told: str) -> None:
    read_and_seal()
    read_and_seal()
    assert read_trail.verify_read_trail() is None
    with connection.cursor() as cursor:
        cursor.execute(emptied)
    assert told in (read_trail.verify_read_trail() or "")


@pytest.mark.django_db(transaction=True)
def test_an_emptied_event_log_is_noticed() -> None:
    slot = a_slot()
    book(slot)
    assert list(bad_rows()) == []
    with connection.cursor() as cursor:
        cursor.execute("TRUNCATE events_event")
    assert [bad.slot_id for bad in bad_rows()] == [slot.id]

"""A backup is verified before it is reported as complete, and restoring keeps the existing database."""

import io
import secrets
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.db import connection

from clinics.models import Slot
from ops.backup import on_database
from tests.races.builders import a_slot, book
from tokens.models import Token

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def inside() -> Iterator[Callable[[Callable[[], Any]], Any]]:
    """Run a step on a separate database, a copy of the empty test database."""
    empty, name = connection.settings_dict["NAME"], f"opd_backup_{secrets.token_hex(4)}"

    def administer(statement: str) -> None:
        def run() -> None:
            with connection.cursor() as cursor:
                cursor.execute(statement)

        on_database("postgres", run)

    connection.close()
    administer(f"CREATE DATABASE {name} TEMPLATE {empty}")
    yield lambda step: on_database(name, step)
    for database in databases(name):
        administer(f"DROP DATABASE {database} WITH (FORCE)")


def databases(name: str) -> list[str]:
    """Return the databases whose name has this prefix."""

    def read() -> list[str]:
        with connection.cursor() as cursor:
            cursor.execute("SELECT datname FROM pg_database WHERE starts_with(datname, %s) ORDER BY 1", [name])
            return [row[0] for row in cursor.fetchall()]

    return list(on_database("postgres", read))


def run(*words: str) -> str:
    out = io.StringIO()
    call_command(*words, stdout=out)
    return out.getvalue()


def test_restore_brings_the_backup_back_and_keeps_the_existing_database(inside: Any, tmp_path: Path) -> None:
    file = tmp_path / "opd.dump"
    name = inside(lambda: connection.settings_dict["NAME"])

    def morning() -> tuple[Slot, Token]:
        slot = a_slot(capacity=3)
        return slot, book(slot)

    slot, early = inside(morning)
    assert "check_invariants, verify_log" in inside(lambda: run("backup", str(file)))
    assert file.stat().st_mode & 0o777 == 0o600
    assert [path.name for path in tmp_path.iterdir()] == ["opd.dump"]
    inside(lambda: book(slot))
    with pytest.raises(CommandError, match="not empty"):
        inside(lambda: run("restore", str(file)))
    inside(lambda: run("restore", str(file), "--replace"))
    assert inside(lambda: [token.id for token in Token.objects.all()]) == [early.id]
    own, before = databases(name)
    assert own == name
    assert on_database(before, Token.objects.count) == 2
    inside(lambda: book(slot))  # changes after the backup


def test_a_backup_that_breaks_an_invariant_is_none(inside: Any, tmp_path: Path) -> None:
    file = tmp_path / "opd.dump"
    file.write_text("the good one of yesterday")

    def spoil() -> None:
        slot = a_slot(capacity=3)
        Token.objects.filter(id=book(slot).id).update(status="COMPLETED")

    inside(spoil)
    with pytest.raises(CommandError, match="not sound"):
        inside(lambda: run("backup", str(file)))
    assert file.read_text() == "the good one of yesterday"
    assert [path.name for path in tmp_path.iterdir()] == ["opd.dump"]
    inside(lambda: run("backup", str(file), "--no-check"))
    with pytest.raises(CommandError, match="not sound"):
        inside(lambda: run("restore", str(file), "--replace"))
    assert inside(lambda: Token.objects.get().status) == "COMPLETED"


def test_a_file_that_is_no_backup_changes_nothing(inside: Any, tmp_path: Path) -> None:
    file = tmp_path / "opd.dump"
    name = inside(lambda: connection.settings_dict["NAME"])
    inside(lambda: book(a_slot()))
    inside(lambda: run("backup", str(file), "--no-check"))
    file.write_bytes(file.read_bytes()[: file.stat().st_size // 2])
    with pytest.raises(CommandError, match="pg_restore"):
        inside(lambda: run("restore", str(file), "--replace"))
    with pytest.raises(CommandError, match="no file"):
        inside(lambda: run("restore", str(tmp_path / "other"), "--replace"))
    assert inside(Token.objects.count) == 1
    assert databases(name) == [name]

"""Back the database up and restore it.

This module runs the machine's pg_dump and pg_restore. It unpacks a new backup, and a file to be restored, into a
scratch database on the same server first, where the engine's own checks read every row.
"""

import contextlib
import os
import secrets
import subprocess
import tempfile
import threading
from collections.abc import Callable, Iterator
from operator import attrgetter
from pathlib import Path
from typing import Any, TypeVar

from django.core.management import CommandError, call_command
from django.db import connection, connections
from django.db.backends.postgresql.client import DatabaseClient
from django.db.utils import load_backend
from psycopg import sql

from core import clock
from core.db.transactions import atomic
from devserver.binaries import client_programs
from ops.database_roles import grant_application_role

T = TypeVar("T")
CHECKS = ("check_invariants", "verify_log")
MAINTENANCE = "postgres"


class BackupError(Exception):
    """The backup or the restore failed; all data that existed before are still there."""


def back_up(file: Path, *, check: bool = True, say: Callable[[str], None] = print) -> None:
    """Write a backup of the whole database.

    The file gets its final name only when it is complete and, with `check`, was restored into a scratch database where
    every invariant holds.
    """
    file = file.absolute()
    handle, name = tempfile.mkstemp(prefix=f".{file.name}.", dir=file.parent)  # readable by its owner only
    os.close(handle)
    draft = Path(name)
    try:
        say(f"Writing {file}")
        _run("pg_dump", "--format=custom", "--no-owner", "--no-privileges", f"--file={draft}", database=_own_name())
        if check:
            with _unpacked(draft, say=say) as scratch:
                _check(scratch, say=say)
        draft.replace(file)
    finally:
        draft.unlink(missing_ok=True)
    say(f"Done: {file.stat().st_size:,} bytes.")


def restore(file: Path, *, replace: bool = False, check: bool = True, say: Callable[[str], None] = print) -> str | None:
    """Replace the database by a backup; return the name under which the previous one is kept, None if it was empty.

    Raises BackupError for a file that cannot be unpacked or breaks an invariant, and for a database that is not empty
    unless `replace`.
    """
    has_tables = bool(connection.introspection.table_names())
    if has_tables and not replace:
        raise BackupError("The database is not empty. With --replace it is kept under another name.")
    if not file.is_file():
        raise BackupError(f"There is no file {file}.")
    own = _own_name()
    with _unpacked(file, say=say, keep=True) as scratch:
        if check:
            _check(scratch, say=say)
        on_database(scratch, grant_application_role)
        before = f"{own}_before_{clock.now():%Y%m%d%H%M%S}"
        say(f"Replacing {own} with it")
        connection.close()
        _swap(own=own, scratch=scratch, before=before)
    if has_tables:
        say(f"What was there before is kept as the database {before}.")
        return before
    _administer(sql.SQL("DROP DATABASE {}").format(sql.Identifier(before)))
    return None


@contextlib.contextmanager
def _unpacked(file: Path, *, say: Callable[[str], None], keep: bool = False) -> Iterator[str]:
    """Yield the name of a scratch database with the file's contents; drop it afterwards, unless it was renamed."""
    scratch = f"{_own_name()}_scratch_{secrets.token_hex(4)}"
    say(f"Unpacking it into the scratch database {scratch}")
    _administer(sql.SQL("CREATE DATABASE {} TEMPLATE template0").format(sql.Identifier(scratch)))
    try:
        options = ("--no-owner", "--no-privileges", "--exit-on-error", "--single-transaction")
        _run("pg_restore", *options, str(file), database=scratch)
        yield scratch
    finally:
        _administer(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(scratch)))


def _swap(*, own: str, scratch: str, before: str) -> None:
    """Rename both databases in one transaction; clients of the old database are disconnected and must reconnect."""
    terminate = sql.SQL("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = {}")
    rename = sql.SQL("ALTER DATABASE {} RENAME TO {}")
    renames = [
        rename.format(sql.Identifier(own), sql.Identifier(before)),
        rename.format(sql.Identifier(scratch), sql.Identifier(own)),
    ]
    allow = sql.SQL("ALTER DATABASE {} WITH ALLOW_CONNECTIONS {}")
    _administer(allow.format(sql.Identifier(own), sql.SQL("false")), terminate.format(sql.Literal(own)))
    try:
        _administer(*renames, one_transaction=True)
    except BaseException:
        _administer(allow.format(sql.Identifier(own), sql.SQL("true")))
        raise
    _administer(allow.format(sql.Identifier(before), sql.SQL("true")))


def _administer(*statements: sql.Composed, one_transaction: bool = False) -> None:
    """Run statements that create, rename or drop databases, from the maintenance database of the same server."""

    def run() -> None:
        with atomic() if one_transaction else contextlib.nullcontext(), connection.cursor() as cursor:
            for statement in statements:
                cursor.execute(statement)

    on_database(MAINTENANCE, run)


def on_database(name: str, step: Callable[[], T]) -> T:
    """Run a function of the engine on another database of the same server, without time-outs; return its result."""
    results: list[T] = []
    errors: list[BaseException] = []

    def run() -> None:
        settings: dict[str, Any] = {**connections.settings["default"], "NAME": name, "CONN_MAX_AGE": 0}
        without = {"options", "pool"}
        settings["OPTIONS"] = {each: value for each, value in settings["OPTIONS"].items() if each not in without}
        connections["default"] = load_backend(settings["ENGINE"]).DatabaseWrapper(settings, "default")
        try:
            results.append(step())
        except BaseException as error:
            errors.append(error)
        finally:
            connections["default"].close()

    thread = threading.Thread(target=run)  # each thread has its own connections
    thread.start()
    thread.join()
    if errors:
        raise errors[0]
    return results[0]


def _check(scratch: str, *, say: Callable[[str], None]) -> None:
    say(f"Checking it: {', '.join(CHECKS)}")

    def check() -> None:
        for command in CHECKS:
            call_command(command)

    try:
        on_database(scratch, check)
    except CommandError as error:
        raise BackupError(f"The data in it are not sound: {error}") from error


def _run(program: str, *arguments: str, database: str) -> None:
    words, extra = DatabaseClient.settings_to_cmd_args_env({**connection.settings_dict, "NAME": database}, [])
    done = subprocess.run(
        [_program(program), *words[1:-1], "--no-password", f"--dbname={database}", *arguments],
        env={"PATH": os.environ.get("PATH", os.defpath), "LC_ALL": "C", **(extra or {})},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
    )
    if done.returncode:
        raise BackupError(f"{program}: {done.stderr.strip() or f'ended with code {done.returncode}'}")


def _program(name: str) -> str:
    """Return the program of the lowest version that supports the server; newer ones may send settings that it lacks."""
    with connection.cursor() as cursor:
        cursor.execute("SHOW server_version_num")
        server = int(cursor.fetchone()[0]) // 10_000
    fitting = [client for client in client_programs(name=name) if client.major >= server]
    if not fitting:
        raise BackupError(f"No {name} of version {server} or later was found. Install PostgreSQL's client programs.")
    return min(fitting, key=attrgetter("major")).program(name)


def _own_name() -> str:
    return str(connection.settings_dict["NAME"])

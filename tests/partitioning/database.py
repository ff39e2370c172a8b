"""A separate partitioned database, beside the one that the other tests use."""

import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit, urlunsplit

from django.core.management import CommandError, call_command
from django.db import connection
from psycopg import sql

from ops.backup import on_database
from ops.management.commands.partition_tables import PARTED
from tests.factories import stored_slot
from tokens.models import Token
from tokens.services import TokenAllocationService

PARTS = 3


@dataclass(frozen=True)
class PartitionedDatabase:
    """The database's URL (for a run with --reuse-db), and its contents before and after partitioning."""

    address: str
    before: dict[str, Any]
    after: dict[str, Any]
    second_time: str


@contextmanager
def partitioned_database() -> Iterator[PartitionedDatabase]:
    """Yield a migrated database with some rows, partitioned by the command; drop it afterwards."""
    base = f"parted_{secrets.token_hex(4)}"
    name = f"test_{base}"
    _administer("CREATE DATABASE {}", name)
    try:
        before, after, second_time = on_database(name, _lay_out)
        address = urlunsplit(urlsplit(os.environ["DATABASE_URL"])._replace(path=f"/{base}"))
        yield PartitionedDatabase(address, before, after, second_time)
    finally:
        _administer("DROP DATABASE {} WITH (FORCE)", name)


def _lay_out() -> tuple[dict[str, Any], dict[str, Any], str]:
    call_command("migrate", verbosity=0)
    slot = stored_slot(queue=4, waiting=2)
    for token in Token.objects.filter(slot=slot)[:2]:
        TokenAllocationService().check_in(token_id=token.id, actor="user:test")
    before = _contents()
    call_command("partition_tables", partitions=PARTS, verbosity=0)
    call_command("verify_log")
    after, second_time = _contents(), ""
    try:
        call_command("partition_tables", partitions=PARTS)
    except CommandError as refusal:
        second_time = str(refusal)
    call_command("flush", interactive=False, verbosity=0)
    return before, after, second_time


def _contents() -> dict[str, Any]:
    """Return the number of rows of each table, and a digest of them."""
    with connection.cursor() as cursor:
        found = {}
        for table in PARTED:
            cursor.execute(f"SELECT count(*), md5(string_agg(row::text, '|' ORDER BY id)) FROM {table} AS row")
            found[table] = cursor.fetchone()
    return found


def _administer(statement: str, name: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute(sql.SQL(statement).format(sql.Identifier(name)))

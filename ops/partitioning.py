"""Tables that carry the facility, laid out as native hash partitions by it.

Each part is a schema (`part_00`, `part_01`, ...) in which every table, constraint and index bears the name that it has
in the whole: what the database refuses is known by its name, whichever part refused it.

A part knows nothing of the others, so what must be unique contains the facility, and a reference leads to a row of the
same facility. Ids are unique everywhere by how they are made.
"""

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from django.db import connection

from core.db.transactions import atomic
from ops.database_roles import grant_application_role

KEY = "facility_id"
SCHEMA = "part_{:02d}"
_WHOLE = "opd_whole"  # where the tables wait, with the names of their indexes, while their parts are made
_REFERENCE = re.compile(r"FOREIGN KEY \((?P<own>[^)]+)\) REFERENCES (?P<table>[^(]+)\((?P<far>[^)]+)\)")


class PartitionError(Exception):
    """The tables can't be parted as they are; nothing was changed."""


@dataclass(frozen=True, slots=True)
class _Constraint:
    name: str
    kind: str  # as in pg_constraint: p, u, f, x
    text: str
    has_key: bool
    far_table: str | None
    far_has_key: bool


@dataclass(frozen=True, slots=True)
class _Table:
    """A table as the catalog describes it."""

    name: str
    columns: list[str]
    options: str
    constraints: list[_Constraint]
    indexes: list[str]
    triggers: list[tuple[str, str, str | None]]


def partition_tables(tables: Sequence[str], *, parts: int, say: Callable[[str], None] = print) -> None:
    """Turn the tables, with their rows, into hash partitions by facility, in one transaction that locks them.

    Raises PartitionError for tables that are parted already, have no facility or are referred to by a table that is
    not parted.
    """
    with atomic(durable=True):
        _do(f"LOCK TABLE {', '.join(map(_quoted, tables))} IN ACCESS EXCLUSIVE MODE")
        _do("SET LOCAL statement_timeout = 0")
        found = [_describe(name) for name in tables]
        _refuse_strangers(tables)
        _do(f"CREATE SCHEMA {_WHOLE}")
        for part in range(parts):
            _do(f"CREATE SCHEMA {SCHEMA.format(part)}")
        for table in found:
            _do(f"ALTER TABLE {_quoted(table.name)} SET SCHEMA {_WHOLE}")
        for table in found:
            _lay_out(table, parts)
            say(f"{table.name}: {parts} parts")
        for table in found:
            _make_unique(table, parts, say)
        for table in found:
            _refer(table, say)
            _set_triggers(table)
        _do(f"DROP SCHEMA {_WHOLE} CASCADE")
        grant_application_role()


def name_alike() -> None:
    """Give every index of a part the name that it has in the whole; what a migration adds gets another one at first.

    Does nothing on tables that are not parted.
    """
    for schema, index, whole in _rows(_NAMED_OTHERWISE, []):
        _do(f"ALTER INDEX {_quoted(schema)}.{_quoted(index)} RENAME TO {_quoted(whole)}")


def _lay_out(table: _Table, parts: int) -> None:
    """The table without indexes, its parts, and its rows in them."""
    name, whole = _quoted(table.name), f"{_WHOLE}.{_quoted(table.name)}"
    like = "INCLUDING DEFAULTS INCLUDING GENERATED INCLUDING CONSTRAINTS INCLUDING STORAGE INCLUDING COMMENTS"
    _do(f"CREATE TABLE {name} (LIKE {whole} {like}) PARTITION BY HASH ({KEY})")
    for part in range(parts):
        here = f"{SCHEMA.format(part)}.{name}"
        values = f"WITH (MODULUS {parts}, REMAINDER {part}) {table.options}"
        _do(f"CREATE TABLE {here} PARTITION OF {name} FOR VALUES {values}")
    columns = ", ".join(map(_quoted, table.columns))
    _do(f"INSERT INTO {name} ({columns}) SELECT {columns} FROM {whole}")


def _make_unique(table: _Table, parts: int, say: Callable[[str], None]) -> None:
    """Indexes and constraints, with the key in all that is unique, and with their own names in every part."""
    name = _quoted(table.name)
    for constraint in table.constraints:
        text = constraint.text
        if constraint.kind in "pu":
            if not constraint.has_key:
                text = text.replace(")", f", {KEY})", 1)
                say(f"{table.name}: {constraint.name} is unique within a facility")
            _do(f"ALTER TABLE {name} ADD CONSTRAINT {_quoted(constraint.name)} {text}")
        elif constraint.kind == "x":  # what it compares belongs to one facility, so it lies in one part
            for part in range(parts):
                _do(f"ALTER TABLE {SCHEMA.format(part)}.{name} ADD CONSTRAINT {_quoted(constraint.name)} {text}")
    for text in table.indexes:
        _do(text)
    name_alike()


def _refer(table: _Table, say: Callable[[str], None]) -> None:
    """References; to what has a facility by facility and id."""
    for constraint in table.constraints:
        if constraint.kind != "f":
            continue
        text = constraint.text
        if constraint.far_has_key:
            _make_referable(str(constraint.far_table), say)
            text = _REFERENCE.sub(rf"FOREIGN KEY ({KEY}, \g<own>) REFERENCES \g<table>({KEY}, \g<far>)", text)
        _do(f"ALTER TABLE {_quoted(table.name)} ADD CONSTRAINT {_quoted(constraint.name)} {text}")


def _make_referable(table: str, say: Callable[[str], None]) -> None:
    """A reference by facility and id needs both to be unique together, which the id alone makes them."""
    if _rows(_IS_UNIQUE, [table, KEY]):
        return
    _do(f"ALTER TABLE {_quoted(table)} ADD CONSTRAINT {_quoted(f'{table}_of_facility')} UNIQUE (id, {KEY})")
    say(f"{table}: is referred to by facility and id")


def _set_triggers(table: _Table) -> None:
    for name, text, comment in table.triggers:
        _do(text)
        if comment is not None:
            _do(f"COMMENT ON TRIGGER {_quoted(name)} ON {_quoted(table.name)} IS %s", [comment])


# What the catalog says


def _describe(name: str) -> _Table:
    [(kind, has_key, options)] = _rows(_TABLE, [KEY, name])
    if kind == "p":
        raise PartitionError(f"{name} is parted already.")
    if not has_key:
        raise PartitionError(f"{name} has no {KEY}.")
    return _Table(
        name=name,
        columns=[column for (column,) in _rows(_COLUMNS, [name])],
        options=f"WITH ({', '.join(options)})" if options else "",
        constraints=[_Constraint(*row) for row in _rows(_CONSTRAINTS, [KEY, KEY, name])],
        indexes=list(_indexes(name)),
        triggers=_rows(_TRIGGERS, [name]),
    )


def _indexes(name: str) -> Iterator[str]:
    for index, text, is_unique, has_key in _rows(_INDEXES, [KEY, name]):
        if is_unique and not has_key:
            raise PartitionError(f"{index} of {name} is unique over all facilities.")
        yield text


def _refuse_strangers(tables: Sequence[str]) -> None:
    strangers = _rows(_STRANGERS, [list(tables), list(tables)])
    if strangers:
        raise PartitionError(f"Not parted, but refers to a table that is to be: {strangers}")


_TABLE = """
SELECT relkind::text,
       EXISTS (SELECT FROM pg_attribute WHERE attrelid = pg_class.oid AND attname = %s AND attnotnull), reloptions
FROM pg_class WHERE oid = %s::regclass
"""
_COLUMNS = """
SELECT attname FROM pg_attribute
WHERE attrelid = %s::regclass AND attnum > 0 AND NOT attisdropped AND attgenerated = '' ORDER BY attnum
"""
_CONSTRAINTS = """
SELECT conname, contype::text, pg_get_constraintdef(oid),
       EXISTS (SELECT FROM pg_attribute WHERE attrelid = conrelid AND attname = %s AND attnum = ANY(conkey)),
       nullif(confrelid, 0)::regclass::text,
       EXISTS (SELECT FROM pg_attribute WHERE attrelid = confrelid AND attname = %s AND NOT attisdropped)
FROM pg_constraint WHERE conrelid = %s::regclass AND contype IN ('p', 'u', 'x', 'f') ORDER BY contype <> 'p', conname
"""
_INDEXES = """
SELECT indexrelid::regclass::text, pg_get_indexdef(indexrelid), indisunique,
       EXISTS (SELECT FROM pg_attribute WHERE attrelid = indrelid AND attname = %s AND attnum = ANY(indkey))
FROM pg_index
WHERE indrelid = %s::regclass
  AND NOT EXISTS (SELECT FROM pg_constraint WHERE conindid = indexrelid AND contype IN ('p', 'u', 'x'))
ORDER BY 1
"""
_TRIGGERS = """
SELECT tgname, pg_get_triggerdef(oid), obj_description(oid, 'pg_trigger')
FROM pg_trigger WHERE tgrelid = %s::regclass AND NOT tgisinternal ORDER BY tgname
"""
_NAMED_OTHERWISE = """
SELECT part.relnamespace::regnamespace::text, part.relname, whole.relname
FROM pg_inherits
JOIN pg_class AS part ON part.oid = inhrelid
JOIN pg_class AS whole ON whole.oid = inhparent
WHERE whole.relkind = 'I' AND part.relname <> whole.relname
"""
_IS_UNIQUE = """
SELECT 1 FROM pg_index
WHERE indrelid = %s::regclass AND indisunique AND indpred IS NULL AND indnkeyatts = 2
  AND (SELECT array_agg(attname::text ORDER BY attname) FROM pg_attribute
       WHERE attrelid = indrelid AND attnum = ANY(indkey)) = ARRAY[%s, 'id']
"""
_STRANGERS = """
SELECT conrelid::regclass::text || ' ' || conname FROM pg_constraint
WHERE contype = 'f' AND confrelid = ANY(%s::text[]::regclass[]) AND conrelid <> ALL(%s::text[]::regclass[])
"""


def _rows(statement: str, parameters: Sequence[Any]) -> list[Any]:
    with connection.cursor() as cursor:
        cursor.execute(statement, parameters)
        return cursor.fetchall()


def _do(statement: str, parameters: Sequence[Any] | None = None) -> None:
    with connection.cursor() as cursor:
        cursor.execute(statement, parameters)


def _quoted(name: str) -> str:
    return connection.ops.quote_name(name)

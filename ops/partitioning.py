"""Turn tables with a facility into native hash partitions by facility.

The partitions with the same remainder form a schema (`part_00`, `part_01`, ...). In it every table, constraint and
index has the name of its parent, so an error names the same constraint whichever partition raised it.

A partition cannot see the others. So every unique constraint contains the facility, and every foreign key references a
row of the same facility. Ids are generated so that they are unique in all partitions.
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
_OLD = "opd_whole"  # schema of the original tables and their indexes while the partitioned ones are created
_REFERENCE = re.compile(r"FOREIGN KEY \((?P<own>[^)]+)\) REFERENCES (?P<table>[^(]+)\((?P<far>[^)]+)\)")


class PartitionError(Exception):
    """The tables cannot be partitioned as they are; nothing was changed."""


@dataclass(frozen=True, slots=True)
class _Constraint:
    name: str
    kind: str  # pg_constraint.contype: p, u, f or x
    text: str
    has_key: bool
    far_table: str | None
    far_has_key: bool


@dataclass(frozen=True, slots=True)
class _Table:
    """A table as described by the catalog."""

    name: str
    columns: list[str]
    options: str
    constraints: list[_Constraint]
    indexes: list[str]
    triggers: list[tuple[str, str, str | None]]


def partition_tables(tables: Sequence[str], *, parts: int, say: Callable[[str], None] = print) -> None:
    """Turn the tables, with their rows, into hash partitions by facility, in one transaction that locks them.

    Raises PartitionError for tables that are already partitioned, have no facility or are referenced by a table that is
    not to be partitioned.
    """
    with atomic(durable=True):
        _do(f"LOCK TABLE {', '.join(map(_quoted, tables))} IN ACCESS EXCLUSIVE MODE")
        _do("SET LOCAL statement_timeout = 0")
        found = [_describe(name) for name in tables]
        _refuse_foreign_references(tables)
        _do(f"CREATE SCHEMA {_OLD}")
        for part in range(parts):
            _do(f"CREATE SCHEMA {SCHEMA.format(part)}")
        for table in found:
            _do(f"ALTER TABLE {_quoted(table.name)} SET SCHEMA {_OLD}")
        for table in found:
            _lay_out(table, parts)
            say(f"{table.name}: {parts} partitions")
        for table in found:
            _make_unique(table, parts, say)
        for table in found:
            _refer(table, say)
            _set_triggers(table)
        _do(f"DROP SCHEMA {_OLD} CASCADE")
        grant_application_role()


def name_alike() -> None:
    """Give every index of a partition the name of its parent; PostgreSQL generates another name for a new index.

    Does nothing for tables that are not partitioned.
    """
    for schema, index, parent in _rows(_DIFFERENTLY_NAMED, []):
        _do(f"ALTER INDEX {_quoted(schema)}.{_quoted(index)} RENAME TO {_quoted(parent)}")


def _lay_out(table: _Table, parts: int) -> None:
    """Create the partitioned table without indexes, create its partitions, and copy the rows."""
    name, old = _quoted(table.name), f"{_OLD}.{_quoted(table.name)}"
    like = "INCLUDING DEFAULTS INCLUDING GENERATED INCLUDING CONSTRAINTS INCLUDING STORAGE INCLUDING COMMENTS"
    _do(f"CREATE TABLE {name} (LIKE {old} {like}) PARTITION BY HASH ({KEY})")
    for part in range(parts):
        partition = f"{SCHEMA.format(part)}.{name}"
        values = f"WITH (MODULUS {parts}, REMAINDER {part}) {table.options}"
        _do(f"CREATE TABLE {partition} PARTITION OF {name} FOR VALUES {values}")
    columns = ", ".join(map(_quoted, table.columns))
    _do(f"INSERT INTO {name} ({columns}) SELECT {columns} FROM {old}")


def _make_unique(table: _Table, parts: int, say: Callable[[str], None]) -> None:
    """Create indexes and constraints with their original names; add the partition key to unique constraints."""
    name = _quoted(table.name)
    for constraint in table.constraints:
        text = constraint.text
        if constraint.kind in "pu":
            if not constraint.has_key:
                text = text.replace(")", f", {KEY})", 1)
                say(f"{table.name}: {constraint.name} is unique within a facility")
            _do(f"ALTER TABLE {name} ADD CONSTRAINT {_quoted(constraint.name)} {text}")
        elif constraint.kind == "x":  # the rows it compares are of one facility, so they are in one partition
            for part in range(parts):
                _do(f"ALTER TABLE {SCHEMA.format(part)}.{name} ADD CONSTRAINT {_quoted(constraint.name)} {text}")
    for text in table.indexes:
        _do(text)
    name_alike()


def _refer(table: _Table, say: Callable[[str], None]) -> None:
    """Create the foreign keys; those to tables with a facility reference facility and id."""
    for constraint in table.constraints:
        if constraint.kind != "f":
            continue
        text = constraint.text
        if constraint.far_has_key:
            _make_referable(str(constraint.far_table), say)
            text = _REFERENCE.sub(rf"FOREIGN KEY ({KEY}, \g<own>) REFERENCES \g<table>({KEY}, \g<far>)", text)
        _do(f"ALTER TABLE {_quoted(table.name)} ADD CONSTRAINT {_quoted(constraint.name)} {text}")


def _make_referable(table: str, say: Callable[[str], None]) -> None:
    """Add a unique constraint on facility and id, which the foreign keys need, unless the table has one."""
    if _rows(_IS_UNIQUE, [table, KEY]):
        return
    _do(f"ALTER TABLE {_quoted(table)} ADD CONSTRAINT {_quoted(f'{table}_of_facility')} UNIQUE (id, {KEY})")
    say(f"{table}: is referenced by facility and id")


def _set_triggers(table: _Table) -> None:
    for name, text, comment in table.triggers:
        _do(text)
        if comment is not None:
            _do(f"COMMENT ON TRIGGER {_quoted(name)} ON {_quoted(table.name)} IS %s", [comment])


# Reading the catalog


def _describe(name: str) -> _Table:
    [(kind, has_key, options)] = _rows(_TABLE, [KEY, name])
    if kind == "p":
        raise PartitionError(f"{name} is already partitioned.")
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
            raise PartitionError(f"{index} of {name} is unique across all facilities.")
        yield text


def _refuse_foreign_references(tables: Sequence[str]) -> None:
    references = _rows(_FOREIGN_REFERENCES, [list(tables), list(tables)])
    if references:
        raise PartitionError(f"Tables that are not to be partitioned reference one that is: {references}")


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
_DIFFERENTLY_NAMED = """
SELECT child.relnamespace::regnamespace::text, child.relname, parent.relname
FROM pg_inherits
JOIN pg_class AS child ON child.oid = inhrelid
JOIN pg_class AS parent ON parent.oid = inhparent
WHERE parent.relkind = 'I' AND child.relname <> parent.relname
"""
_IS_UNIQUE = """
SELECT 1 FROM pg_index
WHERE indrelid = %s::regclass AND indisunique AND indpred IS NULL AND indnkeyatts = 2
  AND (SELECT array_agg(attname::text ORDER BY attname) FROM pg_attribute
       WHERE attrelid = indrelid AND attnum = ANY(indkey)) = ARRAY[%s, 'id']
"""
_FOREIGN_REFERENCES = """
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

"""Statements of fixed text for the way that every booking takes: there the ORM's compiling of them anew was most of the
cost (measured: 5 of 8 ms). Rows still come and go as model instances.
"""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Generic, TypeVar

from django.db import connection
from django.db.models import Field, Model

M = TypeVar("M", bound=Model)


@dataclass(frozen=True, slots=True)
class Change:
    """A change of the row that `where` names: fields `to` values, and counters `by` differences."""

    where: dict[str, Any]
    to: dict[str, Any]
    by: dict[str, int]

    def values(self) -> Iterator[tuple[str, Any]]:
        """All names with their values, in the order of the statement."""
        for part in (self.where, self.to, self.by):
            yield from part.items()


class Rows(Generic[M]):
    """The stored columns of a model: for reading its rows out of statements of one's own, and for writing new ones."""

    def __init__(self, model: type[M]) -> None:
        self._model = model
        self._fields: list[Field[Any, Any]] = list(model._meta.concrete_fields)
        self._names = [field.attname for field in self._fields]
        self._written = [field for field in self._fields if not field.generated]
        self.table = _quoted(model._meta.db_table)
        self._one_row = "(" + ", ".join(["%s"] * len(self._written)) + ")"
        self._into = ", ".join(_quoted(field.column) for field in self._written)

    def columns(self, alias: str) -> str:
        """The columns of the model as a SELECT list."""
        return ", ".join(f"{alias}.{_quoted(field.column)}" for field in self._fields)

    def take(self, row: Sequence[Any], *, start: int = 0) -> M:
        """The instance whose columns begin at `start` of the row."""
        return self._model.from_db(connection.alias, self._names, row[start : start + len(self._names)])

    def __len__(self) -> int:
        return len(self._names)

    def select(self, condition: str, parameters: Sequence[Any]) -> list[M]:
        """The rows of the model (named `row` in the condition) that fulfil it."""
        with connection.cursor() as cursor:
            cursor.execute(f"SELECT {self.columns('row')} FROM {self.table} AS row WHERE {condition}", parameters)
            return [self.take(found) for found in cursor.fetchall()]

    def insert(self, instances: Sequence[M]) -> None:
        """Write new rows in one statement; none are written in none."""
        if not instances:
            return
        values = [
            field.get_db_prep_save(getattr(instance, field.attname), connection)
            for instance in instances
            for field in self._written
        ]
        with connection.cursor() as cursor:
            cursor.execute(self._insert_text(len(instances)), values)
        for instance in instances:
            instance._state.adding = False
            instance._state.db = connection.alias

    def _insert_text(self, number: int) -> str:
        return f"INSERT INTO {self.table} ({self._into}) VALUES {', '.join([self._one_row] * number)}"

    def update(self, changes: Sequence[Change]) -> None:
        """Change rows; those that change in the same columns in one statement."""
        alike: dict[tuple[tuple[str, ...], ...], list[Change]] = defaultdict(list)
        for change in changes:
            alike[tuple(change.where), tuple(change.to), tuple(change.by)].append(change)
        for (where, to, by), group in alike.items():
            values = [self._prepared(name, value) for change in group for name, value in change.values()]
            with connection.cursor() as cursor:
                cursor.execute(self._update_text(where, to, by, len(group)), values)

    def _update_text(self, where: tuple[str, ...], to: tuple[str, ...], by: tuple[str, ...], number: int) -> str:
        names = [*where, *to, *by]
        casts = ", ".join(f"%s::{self._model._meta.get_field(name).db_type(connection)}" for name in names)  # type: ignore[union-attr]
        rows = [f"({casts})"] + ["(" + ", ".join(["%s"] * len(names)) + ")"] * (number - 1)
        sets = [f"{_quoted(name)} = given.{_quoted(name)}" for name in to]
        sets += [f"{_quoted(name)} = row.{_quoted(name)} + given.{_quoted(name)}" for name in by]
        same = " AND ".join(f"row.{_quoted(name)} = given.{_quoted(name)}" for name in where)
        given = ", ".join(_quoted(name) for name in names)
        changed = f"(VALUES {', '.join(rows)}) AS given({given})"
        return f"UPDATE {self.table} AS row SET {', '.join(sets)} FROM {changed} WHERE {same}"

    def _prepared(self, name: str, value: Any) -> Any:
        return self._model._meta.get_field(name).get_db_prep_save(value, connection)  # type: ignore[union-attr]


@lru_cache(maxsize=1024)
def _quoted(name: str | None) -> str:
    return connection.ops.quote_name(name or "")

"""A pytest plugin that checks the plan of every engine statement on a partitioned table.

A statement that names the facility is planned on the tables of one part. What looks into several is written down with
the function that asked; those that may are listed in `allowed`.
"""

import json
import os
import re
import sys
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from django.db import connection
from django.db.backends.signals import connection_created

from tests.partitioning.allowed import ALLOWED
from tests.support.plans import nodes_of

PROJECT = Path(__file__).resolve().parents[2]
TESTS = str(PROJECT / "tests")
IS_STATEMENT = re.compile(r"\s*(SELECT|INSERT|UPDATE|DELETE|WITH)\b", re.IGNORECASE)
IS_OPERATION = re.compile(r"tokens\.(services\.TokenAllocation|visits\.Visit|sessions\.Session)Service\.(?P<name>\w+)")
REPORT = "OPD_PLANS_REPORT"


@cache
def partitioned_names() -> re.Pattern[str]:
    """Return a pattern that matches the names of partitioned tables."""
    from ops.management.commands.partition_tables import PARTED  # once Django is set up

    return re.compile(r"\b(" + "|".join(PARTED) + r")\b")


def partitions_of(statement: str, parameters: Any = None) -> set[str]:
    """Return the partitions that a statement's plan scans; none for an INSERT, whose rows are routed one by one."""
    with connection.connection.cursor() as cursor:  # past Django, whose cursors are watched
        cursor.execute(f"EXPLAIN (VERBOSE, FORMAT JSON) {statement}", parameters)
        [plan] = cursor.fetchone()
    schemas = (str(node.get("Schema", "")) for node in nodes_of(plan))
    return {schema for schema in schemas if schema.startswith("part_")}


def one_by_one(sql: str, parameters: Any) -> Iterator[tuple[str, Any]]:
    """Split the joined statements of one round trip (core.db.sql), each with its own values."""
    statements = sql.split(";\n")
    if len(statements) == 1:
        yield sql, parameters
        return
    rest = list(parameters)
    for statement in statements:
        number = statement.count("%s")
        yield statement, rest[:number]
        rest = rest[number:]
    assert not rest, "the values do not fit the statements"


class Watch:
    """The engine statements observed so far."""

    def __init__(self, allowed: dict[str, str]) -> None:
        self.allowed = allowed
        self.looked_at: set[tuple[str, str]] = set()
        self.spread: dict[str, str] = {}
        self.used: set[str] = set()
        self.operations: set[str] = set()

    def __call__(self, execute: Callable[..., Any], sql: Any, params: Any, many: bool, context: Any) -> Any:
        """Act as Django's execute wrapper."""
        if not many and isinstance(sql, str):
            for statement, values in one_by_one(sql, params):
                if partitioned_names().search(statement) and IS_STATEMENT.match(statement):
                    self.look(statement, values)
        return execute(sql, params, many, context)

    def look(self, sql: str, params: Any) -> None:
        """Check the statement's plan the first time that a function sends it."""
        asked = asking()
        if asked is None:
            return
        self.operations.update(found["name"] for each in asked if (found := IS_OPERATION.match(each)))
        if (asked[0], sql) in self.looked_at:
            return
        self.looked_at.add((asked[0], sql))
        parts = partitions_of(sql, params)
        if len(parts) <= 1:
            return
        excuse = next((each for each in asked if each in self.allowed), None)
        if excuse is None:
            self.spread.setdefault(" < ".join(asked[:4]), f"{len(parts)} parts: {sql}")
        else:
            self.used.add(excuse)


def asking() -> list[str] | None:
    """Return the engine's functions on the stack, innermost first; None if a test runs the statement itself."""
    names: list[str] = []
    frame: Any = sys._getframe(1)
    while frame is not None:
        file = frame.f_code.co_filename
        if file.startswith(TESTS) and file != __file__:
            return names or None
        if file.startswith(str(PROJECT)) and "site-packages" not in file and file != __file__:
            names.append(f"{frame.f_globals['__name__']}.{frame.f_code.co_qualname}")
        frame = frame.f_back
    return names or None


watch = Watch(ALLOWED)


def _watch(connection: Any, **_: Any) -> None:
    if watch not in connection.execute_wrappers:
        connection.execute_wrappers.append(watch)


def pytest_configure() -> None:
    connection_created.connect(_watch, weak=False, dispatch_uid="watching")


def pytest_sessionfinish(session: pytest.Session) -> None:
    report = {
        "tests": session.testscollected,
        "statements": len(watch.looked_at),
        "spread": watch.spread,
        "used": sorted(watch.used),
        "operations": sorted(watch.operations),
    }
    Path(os.environ[REPORT]).write_text(json.dumps(report, indent=1))

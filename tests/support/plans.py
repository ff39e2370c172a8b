"""Helpers for the query plans of EXPLAIN (FORMAT JSON)."""

from collections.abc import Iterator
from typing import Any


def nodes_of(plan: Any) -> Iterator[dict[str, Any]]:
    """Return all nodes of a plan, recursively."""
    if isinstance(plan, list):
        for each in plan:
            yield from nodes_of(each)
    elif isinstance(plan, dict):
        yield plan
        for each in plan.values():
            yield from nodes_of(each)

"""What PostgreSQL plans to do, as EXPLAIN (FORMAT JSON) tells it."""

from collections.abc import Iterator
from typing import Any


def nodes_of(plan: Any) -> Iterator[dict[str, Any]]:
    """All nodes of a plan, whatever lies in them."""
    if isinstance(plan, list):
        for each in plan:
            yield from nodes_of(each)
    elif isinstance(plan, dict):
        yield plan
        for each in plan.values():
            yield from nodes_of(each)

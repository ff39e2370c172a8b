"""Look up rows by key for all threads that ask at the same time, in one round trip.

Almost every request begins with the same small queries: the caller's session, and often the row that decides whether
the client's copy is current. Each query takes many keys, so one round trip answers all waiting requests. It is sent
after the last of them has asked, so no answer is older than its request.
"""

from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass
from typing import Any

from core.batching import Combiner
from core.db.sql import Found, Statement, ask

QUEUE_SECONDS = 0.5


@dataclass(frozen=True, eq=False, slots=True)
class Lookup:
    """A query for the rows of many keys: `queries` returns its statements, `key_of` the key of a returned row."""

    queries: Callable[[Sequence[Any]], list[Statement]]
    key_of: Callable[[tuple[Any, ...]], Hashable]


Wanted = tuple[Lookup, Hashable]
Row = tuple[Any, ...]


def read(*wanted: Wanted) -> list[Row | None]:
    """Return the current row of each (lookup, key); None where there is none."""
    rows: list[Row | None] = reads.submit_or_run(None, wanted, timeout_seconds=QUEUE_SECONDS)
    return rows


def _read_all(batch: Sequence[tuple[Wanted, ...]]) -> list[list[Row | None]]:
    keys: dict[Lookup, dict[Hashable, None]] = {}
    for wanted in batch:
        for lookup, key in wanted:
            keys.setdefault(lookup, {})[key] = None
    statements = [(lookup, each) for lookup, of_it in keys.items() for each in lookup.queries(list(of_it))]
    found: list[Found] = ask(*(statement for _, statement in statements))
    rows = {
        (lookup, lookup.key_of(row)): row for (lookup, _), of_it in zip(statements, found, strict=True) for row in of_it
    }
    return [[rows.get(each) for each in wanted] for wanted in batch]


reads: Combiner[None, tuple[Wanted, ...]] = Combiner(_read_all)

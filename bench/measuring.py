"""A measurement: the load, its costs, and the number of statements."""

import contextlib
import math
import statistics
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from bench.load import Job, Outcome, run
from bench.servers import HOST, Stage


@dataclass
class Measure:
    """The figures of a scenario on one server: times in milliseconds, costs in milliseconds of CPU per request."""

    scenario: str
    target: str
    requests: int
    seconds: float
    rate: float
    p50: float
    p95: float
    p99: float
    slowest: float
    statuses: dict[int, int]
    lost: int = 0
    statements: float | None = None
    transactions: float | None = None
    web_ms: float = 0.0
    postgres_ms: float = 0.0
    redis_ms: float = 0.0
    load_ms: float = 0.0
    worker_mib: float = 0.0
    connections: int = 0
    note: str = ""
    facts: dict[str, Any] = field(default_factory=dict)

    @property
    def cpu_ms(self) -> float:
        """The CPU time of all three servers per request, in milliseconds."""
        return self.web_ms + self.postgres_ms + self.redis_ms

    @property
    def refused(self) -> int:
        """The number of failed requests: statuses 5xx, 400, 401, 403 and 404, and lost connections."""
        bad = (status for status in self.statuses if status >= 500 or status in (400, 401, 403, 404))
        return self.lost + sum(self.statuses[status] for status in bad)


def quantile(ordered: list[float], share: float) -> float:
    """Return the value below which that share of the values lies (nearest rank)."""
    return ordered[max(0, math.ceil(share * len(ordered) - 1e-9) - 1)] if ordered else 0.0


def measure(
    stage: Stage,
    *,
    scenario: str,
    target: str,
    requests: list[bytes],
    clients: int,
    seconds: float | None = None,
    repeat: bool = False,
) -> tuple[Measure, Outcome]:
    """Send the requests to a server and return the figures."""
    port = stage.webs[target].port
    before, opened = stage.usage(target), _sessions(stage, target)
    outcome = run(Job(HOST, port, requests, clients, seconds=seconds, repeat=repeat))
    after = stage.usage(target)
    answered = len(outcome.latencies)
    made = of_outcome(outcome, scenario=scenario, target=target)
    costs = {name: after[name].since(before[name]) * 1000 / max(1, answered) for name in after}
    made.web_ms, made.postgres_ms, made.redis_ms = costs["web"], costs["postgres"], costs["redis"]
    made.load_ms = outcome.cpu_seconds * 1000 / max(1, answered)
    made.worker_mib = after["web"].largest_mib
    made.connections = _sessions(stage, target) - opened - 1
    if made.refused:
        shown = {status: bodies[0][:300] for status, bodies in outcome.samples.items() if status >= 400}
        made.note = f"failed: {made.refused} {shown}"
    return made, outcome


def of_outcome(outcome: Outcome, *, scenario: str, target: str) -> Measure:
    """Return the figures of an outcome, without the costs."""
    ordered = sorted(1000 * each for each in outcome.latencies)
    return Measure(
        scenario=scenario,
        target=target,
        requests=len(ordered),
        seconds=outcome.seconds,
        rate=len(ordered) / outcome.seconds if outcome.seconds else 0.0,
        p50=quantile(ordered, 0.50),
        p95=quantile(ordered, 0.95),
        p99=quantile(ordered, 0.99),
        slowest=ordered[-1] if ordered else 0.0,
        statuses=dict(sorted(outcome.statuses.items())),
        lost=outcome.lost,
    )


def without_figures(*, scenario: str, target: str, note: str) -> Measure:
    """Return a measure without figures for a scenario that could not be measured; `note` is the reason."""
    nothing = dict.fromkeys(("seconds", "rate", "p50", "p95", "p99", "slowest"), 0.0)
    return Measure(scenario=scenario, target=target, requests=0, statuses={}, note=note, **nothing)


def _sessions(stage: Stage, target: str) -> int:
    """Return the number of connections ever made to the database of a server."""
    with stage.connect(target) as connection:
        row = connection.execute("SELECT sessions FROM pg_stat_database WHERE datname = current_database()").fetchone()
    return int(row[0]) if row else 0


@dataclass
class Counted:
    """The statements and transactions counted in a block."""

    statements: int = 0
    transactions: int = 0
    texts: Counter[str] = field(default_factory=Counter)


@contextlib.contextmanager
def counting(stage: Stage, target: str) -> Iterator[Counted]:
    """Count the statements that the server's database gets inside the block, including BEGIN and COMMIT."""
    counted = Counted()
    with stage.connect(target) as connection:
        _track(connection, "top")
        connection.execute("SELECT pg_stat_statements_reset()")
        try:
            yield counted
        finally:
            rows = connection.execute(
                "SELECT query, calls FROM pg_stat_statements s JOIN pg_database d ON d.oid = s.dbid"
                " WHERE d.datname = current_database() AND query NOT LIKE '%pg_stat%'"
                " AND query NOT LIKE 'ALTER SYSTEM%' AND query NOT LIKE '%pg_reload_conf%'"
                " AND query NOT LIKE '%FROM ONLY%FOR KEY SHARE OF x'"  # PostgreSQL's own checks of foreign keys
            ).fetchall()
            _track(connection, "none")
            for query, calls in rows:
                counted.texts[" ".join(query.split())] += calls
            counted.statements = sum(counted.texts.values())
            counted.transactions = sum(n for text, n in counted.texts.items() if text.upper().startswith("COMMIT"))


def _track(connection: Any, what: str) -> None:
    connection.execute(f"ALTER SYSTEM SET pg_stat_statements.track = '{what}'")
    connection.execute("SELECT pg_reload_conf(), pg_sleep(0.1)")


def median_of(measures: list[Measure]) -> Measure:
    """Return a measure with the medians of several runs of the same scenario."""
    first = measures[0]
    figures = {
        name: statistics.median(getattr(each, name) for each in measures)
        for name in ("rate", "seconds", "p50", "p95", "p99", "slowest", "web_ms", "postgres_ms", "redis_ms", "load_ms")
    }
    statuses: Counter[int] = Counter()
    for each in measures:
        statuses.update(each.statuses)
    counts = [each.statements for each in measures if each.statements is not None]
    return Measure(
        scenario=first.scenario,
        target=first.target,
        requests=sum(each.requests for each in measures),
        statuses=dict(sorted(statuses.items())),
        lost=sum(each.lost for each in measures),
        statements=statistics.median(counts) if counts else None,
        worker_mib=max(each.worker_mib for each in measures),
        connections=max(each.connections for each in measures),
        note="; ".join(dict.fromkeys(each.note for each in measures if each.note)),
        facts={"rates": [round(each.rate, 1) for each in measures], **first.facts},
        **figures,
    )

"""The report of a run: tables on the screen and in RESULTS.md, and all figures as JSON for later comparisons."""

import json
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from bench.goals import Verdict
from bench.measuring import Measure
from bench.scenarios import Scenario

FOLDER = Path(__file__).parent
HEADS = (
    "scenario", "server", "req/s", "x PLAIN", "p50 ms", "p95 ms", "p99 ms", "SQL/req", "web ms", "PG ms", "CPU saved",
    "answers",
)  # fmt: skip
BUSY = 1.0  # a higher load average before the run means that the machine was busy with other work
MARKS = {True: "yes", False: "no", None: "-"}

ABOUT = """\
Every line is measured over HTTP with real sign-in, under the production settings, on a PostgreSQL with the durability
of its defaults (`fsync`, `full_page_writes` and `synchronous_commit` on). Clients, web server, PostgreSQL and Redis
share the same cores. `PLAIN` is the same hospital as a usual Django project (`bench/plain/`). Compare the column
`x PLAIN`, the rate divided by PLAIN's, which holds on any machine; requests per second depend on the machine. `pgbench`
is a minimal booking (BEGIN, UPDATE, INSERT, COMMIT), without web, sign-in, duplicate check, event or position.

`SQL/req` is the number of statements that the application sends for one request, including BEGIN and COMMIT, counted by
pg_stat_statements while the scenario warms up. `web ms` and `PG ms` are the milliseconds of CPU that the web workers
and PostgreSQL spend on one request. `CPU saved` is PLAIN's CPU time for a request divided by this server's, over web,
PostgreSQL and Redis. These three columns hardly depend on other work of the machine.
"""


def rows(measures: list[Measure]) -> list[tuple[str, ...]]:
    """Return the rows of the table."""
    plain = {each.scenario: each for each in measures if each.target == "plain"}
    return [
        (
            each.scenario,
            {"plain": "PLAIN"}.get(each.target, each.target),
            (f"{each.rate:,.0f}" if each.rate >= 100 else f"{each.rate:.1f}") if each.requests else "none",
            _times(each.rate, plain, each, lambda one: one.rate),
            *(f"{value:,.1f}" for value in (each.p50, each.p95, each.p99)),
            "" if each.statements is None else f"{each.statements:.1f}",
            *(f"{value:.2f}" if value else "" for value in (each.web_ms, each.postgres_ms)),
            _times(1 / each.cpu_ms if each.cpu_ms else 0.0, plain, each, lambda one: 1 / (one.cpu_ms or 1.0)),
            " ".join(f"{count}x{status}" for status, count in each.statuses.items()),
        )
        for each in ordered(measures)
    ]


def _times(value: float, plain: dict[str, Measure], each: Measure, figure: Callable[[Measure], float]) -> str:
    """Return the ratio of this figure to PLAIN's; "" if there is none."""
    if each.target == "plain" or each.scenario not in plain or not plain[each.scenario].requests or not value:
        return ""
    return f"{value / figure(plain[each.scenario]):.2f}"


def ordered(measures: list[Measure]) -> list[Measure]:
    """Sort by scenario in order of their first run, then pgbench, PLAIN, engine."""
    places = list(dict.fromkeys(each.scenario for each in measures if each.target not in ("pgbench", "ceiling")))
    places = [*places, *(each.scenario for each in measures if each.scenario not in places)]
    rank = {"pgbench": 0, "plain": 1, "engine": 2}
    return sorted(measures, key=lambda each: (places.index(each.scenario), rank.get(each.target, 3)))


def show(console: Console, measures: list[Measure], verdicts: list[Verdict]) -> None:
    """Print the table of figures and the table of goals."""
    table = Table(title="python -m bench", header_style="bold")
    for place, head in enumerate(HEADS):
        table.add_column(head, justify="right" if 2 <= place <= 10 else "left", overflow="fold")
    before = ""
    for row in rows(measures):
        if row[0] != before and before:
            table.add_section()
        table.add_row(*((row[0] if row[0] != before else ""), *row[1:]), style="bold" if row[1] == "engine" else "")
        before = row[0]
    console.print(table)
    goals = Table(title="Goals")
    for head in ("goal", "measured", "reached"):
        goals.add_column(head, overflow="fold")
    for verdict in verdicts:
        colour = {True: "green", False: "red", None: "dim"}[verdict.reached]
        goals.add_row(verdict.goal, verdict.found, MARKS[verdict.reached], style=colour)
    console.print(goals)


def markdown(
    *, facts: dict[str, str], measures: list[Measure], verdicts: list[Verdict], scenarios: list[Scenario], rounds: int
) -> str:
    """Return the text of RESULTS.md."""
    parts = ["# Benchmark results", "", ABOUT]
    parts += [f"Medians of {rounds} runs." if rounds > 1 else "One run.", ""]
    if float(facts.get("load before", 0)) > BUSY:
        parts += [
            "**The machine was busy with other work during this run**: only `CPU saved` and `SQL/req` are reliable.",
            "",
        ]
    parts += ["| | |", "|---|---|", *(f"| {name} | {value} |" for name, value in facts.items()), ""]
    parts += ["## Goals", "", "| goal | measured | reached |", "|---|---|---|"]
    parts += [f"| {each.goal} | {_cell(each.found)} | {MARKS[each.reached]} |" for each in verdicts]
    parts += ["", "## Figures", "", f"| {' | '.join(HEADS)} |", "|---|---|" + "---:|" * 9 + "---|"]
    parts += [f"| {' | '.join(row)} |" for row in rows(measures)]
    parts += ["", "## Scenarios", ""]
    parts += [f"- **{each.name}**: {each.what}." for each in scenarios]
    return "\n".join([*parts, "", "Written by `python -m bench`; `python -m bench --quick` takes about a minute.", ""])


def _cell(text: str) -> str:
    return text.replace("|", "/").replace("\n", " ")


def as_json(*, facts: dict[str, str], measures: list[Measure], verdicts: list[Verdict], options: dict[str, Any]) -> str:
    """Return all figures as JSON."""
    content = {
        "machine": facts,
        "options": options,
        "measures": [_rounded(asdict(each)) for each in ordered(measures)],
        "goals": [asdict(each) for each in verdicts],
    }
    return json.dumps(content, indent=1) + "\n"


def _rounded(fields: dict[str, Any]) -> dict[str, Any]:
    return {name: round(value, 4) if isinstance(value, float) else value for name, value in fields.items()}


def compared(measures: list[Measure], *, with_file: Path) -> Table:
    """Return a table that compares this run with an earlier one."""
    old = {(each["scenario"], each["target"]): each for each in json.loads(with_file.read_text())["measures"]}
    table = Table(title=f"Compared with {with_file.name}")
    for head in ("scenario", "server", "req/s then", "now", "times", "web ms then", "now"):
        table.add_column(head, justify="left" if head in ("scenario", "server") else "right")
    for each in ordered(measures):
        if then := old.get((each.scenario, each.target)):
            table.add_row(
                each.scenario,
                each.target,
                f"{then['rate']:,.0f}",
                f"{each.rate:,.0f}",
                f"{each.rate / then['rate']:.2f}" if then["rate"] else "",
                f"{then['web_ms']:.2f}",
                f"{each.web_ms:.2f}",
            )
    return table

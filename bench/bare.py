"""The bare database: pgbench with a minimal booking, on the same server."""

import math
import shutil
import subprocess
import tempfile
from dataclasses import replace
from pathlib import Path

from bench.measuring import Measure, quantile, without_figures
from bench.servers import Stage
from devserver.binaries import postgres_installations

TABLES = """
CREATE TABLE slot (id int PRIMARY KEY, capacity int NOT NULL, held int NOT NULL DEFAULT 0 CHECK (held <= capacity));
CREATE TABLE token (id bigserial PRIMARY KEY, slot_id int NOT NULL, patient_id bigint NOT NULL, number int NOT NULL);
INSERT INTO slot SELECT n, 2000000000 FROM generate_series(1, 200) AS n;
"""
BOOKING = """
\\set patient random(1, 1000000000)
BEGIN;
UPDATE slot SET held = held + 1 WHERE id = :slot AND held < capacity RETURNING held \\gset
INSERT INTO token (slot_id, patient_id, number) VALUES (:slot, :patient, :held);
COMMIT;
"""

CONNECTING_SECONDS = (2, 8, 30)  # the time allowed for connecting; a longer time is tried only if it was too short


def program() -> str | None:
    """Return the path of pgbench, from a PostgreSQL installation or the PATH; None if it is not installed."""
    beside = [each.folder / "pgbench" for each in postgres_installations()]
    return next((str(each) for each in beside if each.is_file()), shutil.which("pgbench"))


def bare_bookings(stage: Stage, *, seconds: float, clients: int = 64) -> list[Measure]:
    """Measure the minimal booking on one slot and on 200 slots; return nothing without pgbench."""
    pgbench = program()
    if pgbench is None:
        return []
    with stage.connect() as connection:
        if not connection.execute("SELECT 1 FROM pg_database WHERE datname = 'bare'").fetchone():
            connection.execute("CREATE DATABASE bare")
            with stage.connect("bare") as bare:
                bare.execute(TABLES)
    return [
        _run(stage, pgbench, scenario=name, script=f"\\set slot {slot}\n{BOOKING}", seconds=seconds, clients=clients)
        for name, slot in (("HOT", "1"), ("SPREAD", "random(1, 200)"))
    ]


def _run(stage: Stage, pgbench: str, *, scenario: str, script: str, seconds: float, clients: int) -> Measure:
    """Measure from the time when every client has completed a booking to the end.

    If that time never comes, return a measure without figures and with the reason.
    """
    for connecting in CONNECTING_SECONDS:
        lines = _play(stage, pgbench, script=script, seconds=seconds + connecting, clients=clients)
        if figures := figures_of(lines, clients=clients, least_seconds=seconds / 2):
            return replace(figures, scenario=scenario)
    note = f"no figure: not all of {clients} clients completed a booking within {seconds + connecting:g} s"
    return without_figures(scenario=scenario, target="pgbench", note=note)


def _play(stage: Stage, pgbench: str, *, script: str, seconds: float, clients: int) -> list[str]:
    """Run pgbench, whose time includes connecting; return the lines of its log."""
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "booking.sql").write_text(script)
        command = [pgbench, "--no-vacuum", "--protocol=prepared", f"--client={clients}", "--jobs=1", "--log"]
        command += [f"--time={math.ceil(seconds)}", "--file=booking.sql", stage.database_url("bare")]
        done = subprocess.run(command, cwd=folder, capture_output=True, text=True)
        if done.returncode:
            raise RuntimeError(f"pgbench failed: {done.stderr[-2000:]}")
        return [line for log in Path(folder).glob("pgbench_log.*") for line in log.read_text().splitlines()]


def figures_of(lines: list[str], *, clients: int, least_seconds: float) -> Measure | None:
    """Return the figures of the time in which all clients were active; None if it is less than `least_seconds`.

    A line is: client, transaction, microseconds it took, script, seconds and microseconds of its end.
    """
    rows = [(int(f[0]), int(f[2]) / 1000, int(f[4]) + int(f[5]) / 1e6) for f in (line.split() for line in lines)]
    first_ends: dict[int, float] = {}
    for client, _, end in sorted(rows, key=lambda row: row[2]):
        first_ends.setdefault(client, end)
    if len(first_ends) < clients:
        return None
    began, ended = max(first_ends.values()), max(end for _, _, end in rows)
    if ended - began < least_seconds:
        return None
    ordered = sorted(took for _, took, end in rows if end > began)
    return Measure(
        scenario="",
        target="pgbench",
        requests=len(ordered),
        seconds=ended - began,
        rate=len(ordered) / (ended - began),
        p50=quantile(ordered, 0.50),
        p95=quantile(ordered, 0.95),
        p99=quantile(ordered, 0.99),
        slowest=ordered[-1],
        statuses={},
        statements=4.0,
    )

"""The bare database: pgbench with the least that a booking can be, on the same server."""

import shutil
import subprocess
import tempfile
from pathlib import Path

from bench.measuring import Measure, quantile
from bench.servers import Stage
from core.embedded.binaries import postgres_installations

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


def program() -> str | None:
    """pgbench, if there is one beside the servers' programs."""
    beside = [each.folder / "pgbench" for each in postgres_installations()]
    return next((str(each) for each in beside if each.is_file()), shutil.which("pgbench"))


def bare_bookings(stage: Stage, *, seconds: float, clients: int = 64) -> list[Measure]:
    """The bare booking on one slot and spread over 200."""
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
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "booking.sql").write_text(script)
        command = [pgbench, "--no-vacuum", "--protocol=prepared", f"--client={clients}", "--jobs=1", "--log"]
        command += [f"--time={max(1, round(seconds))}", "--file=booking.sql", stage.database_url("bare")]
        done = subprocess.run(command, cwd=folder, capture_output=True, text=True)
        if done.returncode:
            raise RuntimeError(f"pgbench failed: {done.stderr[-2000:]}")
        lines = [line.split() for log in Path(folder).glob("pgbench_log.*") for line in log.read_text().splitlines()]
    rate = next(float(line.split()[2]) for line in done.stdout.splitlines() if line.startswith("tps ="))
    ordered = sorted(int(fields[2]) / 1000 for fields in lines)
    return Measure(
        scenario=scenario,
        target="pgbench",
        requests=len(ordered),
        seconds=len(ordered) / rate,
        rate=rate,
        p50=quantile(ordered, 0.50),
        p95=quantile(ordered, 0.95),
        p99=quantile(ordered, 0.99),
        slowest=ordered[-1],
        statuses={},
        statements=4.0,
    )

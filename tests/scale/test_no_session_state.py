"""The engine leaves no session state on a connection, so a transaction pooler may share connections.

During a busy while each transaction runs on another connection than the one before, PostgreSQL writes down every
statement, and the functions that lie in the database are read as well.
"""

import contextlib
import re
from collections.abc import Iterator

import pytest

from bench.chaos.nemesis import Fault
from bench.chaos.playing import perform
from bench.chaos.system import System, running_system
from tests.scale.helpers import ONE_PROCESS, booked, hospital_of
from tests.support.rotating_pooler import RotatingPooler, rotating_pooler_for

ENTRY = re.compile(r"\n(?=\d{4}-\d\d-\d\d )")
SAID = re.compile(r"[^\n]*? LOG:  (?:statement|execute ([^:]+)): (.*)", re.DOTALL)
OUTLIVES = re.compile(
    r"""
      (?:^|;)\s*(SET\s+(?!LOCAL\b|TRANSACTION\b)|RESET|LISTEN|UNLISTEN|PREPARE|LOAD|DISCARD)\b
    | \bset_config\s*\([^()]*,\s*(false|'f'|0)\s*\)
    | \bpg_(try_)?advisory_(lock|unlock)
    | \bCREATE\s+(LOCAL\s+|GLOBAL\s+)?TEMP
    | \bWITH\s+HOLD\b
    | \b(nextval|currval|lastval)\b.*\bcurrval\b | \blastval\s*\(
    """,
    re.IGNORECASE | re.VERBOSE,
)
FUNCTIONS = "SELECT proname, prosrc FROM pg_proc WHERE pronamespace = 'public'::regnamespace"


def lasting(statement: str) -> bool:
    """Return whether a statement leaves session state on its connection."""
    return bool(OUTLIVES.search(statement))


@pytest.mark.parametrize(
    "statement",
    [
        "SET statement_timeout = 5",
        "SELECT 1; SET statement_timeout = 5",
        "SET SESSION CHARACTERISTICS AS TRANSACTION READ ONLY",
        "LISTEN tokens",
        "PREPARE p AS SELECT 1",
        "SELECT set_config('lock_timeout', '5', false)",
        "SELECT pg_advisory_lock(1)",
        "SELECT pg_try_advisory_lock_shared(1)",
        "CREATE TEMP TABLE t (a int)",
        "DECLARE c CURSOR WITH HOLD FOR SELECT 1",
        "SELECT lastval()",
    ],
)
def test_what_lasts_is_known_when_seen(statement: str) -> None:
    assert lasting(statement)


@pytest.mark.parametrize(
    "statement",
    [
        "SET LOCAL lock_timeout = 5",
        "SET TRANSACTION ISOLATION LEVEL REPEATABLE READ",
        "SELECT set_config('lock_timeout', '5', true)",
        "SELECT pg_advisory_xact_lock(1)",
        "UPDATE slot SET capacity = 3",
    ],
)
def test_what_ends_with_its_transaction_is_fine(statement: str) -> None:
    assert not lasting(statement)


def test_no_statement_of_a_busy_while_lasts() -> None:
    swappers: list[RotatingPooler] = []

    @contextlib.contextmanager
    def swapped(system: System) -> Iterator[dict[str, str]]:
        with rotating_pooler_for(system.postgres.url, size=4) as swapper:
            swappers.append(swapper)
            write_statements_down(system)
            url = system.postgres.url.replace(f":{system.postgres.port}/", f":{swapper.port}/")
            yield {"DATABASE_URL": url, "OPD_PGBOUNCER": "on", **ONE_PROCESS}

    with running_system(beside=swapped, celery=False) as system:
        performance = perform(system, [Fault("swapped", "every statement is written down", booked(40))])
        hospital = hospital_of(system)
        slot = hospital.slot(capacity=2)
        hospital.token(slot)
        hospital.delay(slot, 20)
        hospital.admin.get("reports/daily/").expect(200)
        hospital.admin.get("patients/", search="Chaos").expect(200)
        log = system.postgres.log.read_text(errors="replace")
        with system.connect() as link:
            functions = link.execute(FUNCTIONS).fetchall()

    said = [(found[1], found[2]) for entry in ENTRY.split(log) if (found := SAID.match(entry))]
    (verdict,) = performance.verdicts
    assert verdict.is_good, verdict
    assert performance.broken == []
    assert swappers[0].clients > 8
    assert swappers[0].lent > 200
    assert len(said) > 500
    for word in ("INSERT INTO", "FOR NO KEY UPDATE", "set_config"):
        assert any(word in text for _, text in said), f"{word} was never said: nobody worked"
    assert sorted({text for _, text in said if lasting(text)}) == []
    assert sorted({name for name, _ in said if name not in (None, "<unnamed>")}) == [], "plans were kept under a name"
    assert functions
    assert [name for name, source in functions if lasting(source)] == []


def write_statements_down(system: System) -> None:
    with system.connect() as link:
        link.execute("ALTER SYSTEM SET log_statement = 'all'")
        link.execute("SELECT pg_reload_conf()")

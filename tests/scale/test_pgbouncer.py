"""PgBouncer in transaction mode: 32 threads share four connections."""

import contextlib
import subprocess
import sys
import warnings
from collections.abc import Iterator

from bench.chaos.nemesis import Fault
from bench.chaos.playing import perform
from bench.chaos.system import System, running_system
from devserver.project import ROOT
from tests.scale.helpers import ONE_PROCESS, booked, crowd, hospital_of, seats_sold
from tests.support.pgbouncer import PgBouncerUnavailable, console, pgbouncer
from tests.support.rotating_pooler import rotating_pooler_for

CONNECTIONS = 4
LIMITS = ("statement_timeout = '15s'", "lock_timeout = '5s'", "idle_in_transaction_session_timeout = '15s'")
SWEPT = """
import django; django.setup()
from tokens.services import TokenAllocationService
TokenAllocationService().sweep()
"""


def test_thirty_two_threads_share_four_connections() -> None:
    address = []

    @contextlib.contextmanager
    def bouncer(system: System) -> Iterator[dict[str, str]]:
        with system.connect() as link:
            for limit in LIMITS:
                link.execute(f"ALTER ROLE opd SET {limit}")
        with contextlib.ExitStack() as stack:
            try:
                url = stack.enter_context(pgbouncer(system, size=CONNECTIONS))
                address.append(url)
            except PgBouncerUnavailable as missing:
                warnings.warn(f"{missing}; a pooler of the tests' own stands in for it", stacklevel=1)
                swapper = stack.enter_context(rotating_pooler_for(system.postgres.url, size=CONNECTIONS))
                url = system.postgres.url.replace(f":{system.postgres.port}/", f":{swapper.port}/")
            yield {"DATABASE_URL": url, "OPD_PGBOUNCER": "on", **ONE_PROCESS}

    with running_system(beside=bouncer, celery=False) as system:
        performance = perform(system, [Fault("pgbouncer", "few connections for many threads", booked(60))])
        (verdict,) = performance.verdicts
        assert verdict.is_good, verdict
        assert performance.broken == []

        hospital = hospital_of(system)
        slot = hospital.slot(capacity=5)
        assert seats_sold(crowd(hospital, [system.web], slot=slot, size=24)) == 5
        report = hospital.admin.get("reports/daily/", date=hospital.at().date().isoformat()).expect(200)
        assert report["total_tokens"] == 5
        assert hospital.delay(slot, 20)["slot"]["delay_minutes"] == 20
        subprocess.run([sys.executable, "-c", SWEPT], env=system.environ, cwd=ROOT, check=True)

        for url in address:
            check_the_pool(url)


def check_the_pool(url: str) -> None:
    """Assert from PgBouncer's own statistics that it used no more connections than configured."""
    (pool,) = [pool for pool in console(url, "SHOW POOLS") if pool["database"] == "opd"]
    assert pool["pool_mode"] == "transaction"
    assert len(console(url, "SHOW SERVERS")) == CONNECTIONS
    assert len(console(url, "SHOW CLIENTS")) > 2 * CONNECTIONS

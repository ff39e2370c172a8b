"""A streaming replica serves reports and lists, and no client reads older data than it was acknowledged."""

import contextlib
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any

import pytest

from bench.chaos.system import System, Web, running_system
from tests.scale.helpers import at, counted, hospital_of, wire_to
from tests.support.api import Api
from tests.support.eventually import eventually
from tests.support.hospital import Hospital, unique
from tests.support.standby import Standby, standby

LOCKED = """
SELECT EXISTS (SELECT FROM pg_locks WHERE relation = 'clinics_doctor'::regclass AND mode = 'AccessExclusiveLock')
"""
END_WAITING = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE wait_event_type = 'Lock'"
Json = dict[str, Any]


def reads(web: Web, how: str) -> float:
    """Return how many reads used the `replica`, or did not because it was `behind` or `away`."""
    return counted(web, "opd_replica_reads_total", f'how="{how}"')


@dataclass
class ReplicatedSystem:
    """Two servers that share a replica, and a third that reads the replica without checking its position."""

    system: System
    replica: Standby
    webs: list[Web]
    believer: Web
    hospital: Hospital = field(init=False)

    def __post_init__(self) -> None:
        self.hospital = hospital_of(self.system)

    @property
    def admins(self) -> list[Api]:
        return [at(web, self.hospital.admin) for web in self.webs]

    def health(self, web: Web) -> Json:
        return Api(wire_to(web)).get("/healthz/ready").expect(200)


@pytest.fixture(scope="module")
def replicated(django_db_blocker: Any) -> Iterator[ReplicatedSystem]:
    replicas: list[Standby] = []

    @contextlib.contextmanager
    def beside(system: System) -> Iterator[dict[str, str]]:
        with standby(system.postgres) as replica:
            replicas.append(replica)
            yield {"REPLICA_URL": replica.url, "OPD_REPLICA_WAIT_SECONDS": "1", "OPD_WEB_WORKERS": "1"}

    with django_db_blocker.unblock(), running_system(beside=beside, celery=False) as system:
        second = system.new_web()
        believer = system.new_web(application="tests.faults.mutations.replica_believed:application")
        for web in (second, believer):
            web.start()
        for web in (second, believer):
            web.await_ready()
        yield ReplicatedSystem(system, replicas[0], [system.web, second], believer)


def names(api: Api, name: str) -> list[str]:
    """Return the doctors of this name in the list."""
    found = api.get("doctors/", page_size=200).expect(200)["results"]
    return [each["name"] for each in found if each["name"] == name]


def new_doctor(api: Api) -> str:
    """Create a doctor at this server; return the name."""
    return str(api.post("doctors/", {"name": unique("Dr"), "specialization": "General"}).expect(201)["name"])


def await_reads_of_the_replica(replicated: ReplicatedSystem, web: Web, path: str = "doctors/") -> None:
    """Wait until this server reads the path from the replica, which it avoids for a while after a failure."""
    api, before = at(web, replicated.hospital.admin), reads(web, "replica")

    def read() -> bool:
        api.get(path).expect(200)
        return reads(web, "replica") > before

    eventually(read)


def test_whoever_wrote_reads_it_at_every_server(replicated: ReplicatedSystem) -> None:
    """Write at one server, read at once at the other, repeatedly; the reads must come from the replica."""
    writer, reader = replicated.admins
    before = reads(replicated.webs[1], "replica")
    for _ in range(30):
        name = new_doctor(writer)
        assert names(reader, name) == [name]
    assert reads(replicated.webs[1], "replica") > before


@pytest.mark.parametrize("path", ["reports/daily/", "tokens/", "waiting-list/", "patients/", "doctors/"])
def test_reports_and_lists_come_from_the_replica(replicated: ReplicatedSystem, path: str) -> None:
    await_reads_of_the_replica(replicated, replicated.webs[0], path)


def test_decisions_and_the_event_log_are_read_from_the_primary(replicated: ReplicatedSystem) -> None:
    hospital = replicated.hospital
    slot = hospital.slot()
    token = hospital.token(slot)
    before = [reads(replicated.webs[0], how) for how in ("replica", "behind", "away")]
    hospital.read(token)
    hospital.done(token, "check_in")
    hospital.queue(slot)
    hospital.admin.get("events/").expect(200)
    hospital.sign_in("scale")
    assert [reads(replicated.webs[0], how) for how in ("replica", "behind", "away")] == before


def test_a_lagging_replica_is_not_read(replicated: ReplicatedSystem) -> None:
    writer, reader = replicated.admins
    await_reads_of_the_replica(replicated, replicated.webs[1])
    assert replicated.health(replicated.webs[1])["replica"] == "ok"
    replicated.replica.pause_replay()
    try:
        behind, replica = reads(replicated.webs[1], "behind"), reads(replicated.webs[1], "replica")
        name = new_doctor(writer)
        assert names(reader, name) == [name]
        assert reads(replicated.webs[1], "behind") > behind
        assert reads(replicated.webs[1], "replica") == replica
        assert replicated.health(replicated.webs[1])["replica"] == "degraded"
        # Canary for the position check: the server without it does not find the doctor.
        assert names(at(replicated.believer, replicated.hospital.admin), name) == []
    finally:
        replicated.replica.go_on()
    await_reads_of_the_replica(replicated, replicated.webs[1])
    assert replicated.health(replicated.webs[1])["replica"] == "ok"


def test_a_read_that_breaks_off_is_read_on_the_primary(replicated: ReplicatedSystem) -> None:
    web, (writer, reader) = replicated.webs[1], replicated.admins
    name = new_doctor(writer)
    await_reads_of_the_replica(replicated, web)
    before = reads(web, "away")
    with ThreadPoolExecutor(1) as pool, replicated.system.connect() as link, replicated.replica.connect() as watching:
        with link.transaction():
            # The lock holds on the replica too as soon as it has replayed it.
            link.execute("LOCK TABLE clinics_doctor IN ACCESS EXCLUSIVE MODE")
            with replicated.system.connect() as other:
                other.execute("SELECT pg_logical_emit_message(true, 'scale', 'so that the log is written')")
            eventually(lambda: watching.execute(LOCKED).fetchone() == (True,))
            reading = pool.submit(names, reader, name)
            eventually(lambda: bool(watching.execute(END_WAITING).fetchall()))
        assert reading.result(20) == [name]
    assert reads(web, "away") == before + 1


def test_reads_continue_without_the_replica(replicated: ReplicatedSystem) -> None:
    web, (writer, reader) = replicated.webs[1], replicated.admins
    await_reads_of_the_replica(replicated, web)
    before = reads(web, "away")
    replicated.replica.kill()
    for _ in range(10):
        name, began = new_doctor(writer), time.monotonic()
        assert names(reader, name) == [name]
        assert time.monotonic() - began < 3
    assert reads(web, "away") > before
    assert replicated.health(web)["replica"] == "degraded"
    replicated.replica.restart()
    await_reads_of_the_replica(replicated, web)
    assert replicated.health(web)["replica"] == "ok"


def test_a_replica_that_was_promoted_is_not_read(replicated: ReplicatedSystem) -> None:
    """Must run last: a promoted replica no longer follows the primary."""
    writer, reader = replicated.admins
    await_reads_of_the_replica(replicated, replicated.webs[1])
    with replicated.replica.connect() as link:
        assert link.execute("SELECT pg_promote()").fetchone() == (True,)
    before = reads(replicated.webs[1], "replica")
    name = new_doctor(writer)
    assert names(reader, name) == [name]
    assert reads(replicated.webs[1], "replica") == before

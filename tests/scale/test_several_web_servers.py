"""Two multi-process web servers on one database behave as one engine, and either may be killed."""

import itertools
import uuid
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from urllib.parse import urlsplit

import pytest

from bench.chaos.nemesis import Fault
from bench.chaos.playing import perform
from bench.chaos.proxy import CuttingProxy
from bench.chaos.system import HOST, System, running_system
from bench.load import Job, run
from tests.scale.helpers import at, booked, counted, crowd, hospital_of, seats_sold
from tests.support.eventually import eventually

BOOKINGS = ("opd_http_requests_total", 'method="POST"', 'route="api/v1/tokens/"')


@pytest.fixture(scope="module")
def system(django_db_blocker: Any) -> Iterator[System]:
    with django_db_blocker.unblock(), running_system(celery=False) as system:
        second = system.new_web()
        second.start()
        second.await_ready()
        yield system


def test_concurrent_bookings_at_two_servers_get_every_seat_once(system: System) -> None:
    hospital = hospital_of(system)
    slot = hospital.slot(capacity=7)
    before = [counted(web, *BOOKINGS) for web in system.webs]
    answers = crowd(hospital, system.webs, slot=slot, size=32)
    assert seats_sold(answers) == 7
    assert [counted(web, *BOOKINGS) - earlier for web, earlier in zip(system.webs, before, strict=True)] == [16, 16]
    assert len({answer.body["id"] for answer in answers if answer.status == 201}) == 7
    queue = hospital.queue(slot)
    assert [token["token_number"] for token in queue] == [1, 2, 3, 4, 5, 6, 7]
    assert len({token["ticket"] for token in queue}) == 7
    assert hospital.slot_now(slot)["available_capacity"] == 0


def test_idle_threads_end_and_so_do_their_connections(system: System) -> None:
    hospital, web = hospital_of(system), system.new_web()
    web.command += ["--idle-seconds", "5"]
    with system.connect() as link:
        link.execute("CREATE ROLE idle LOGIN SUPERUSER PASSWORD 'idle'")  # the name identifies its connections
    address = urlsplit(system.postgres.url)
    by_name = address._replace(netloc=f"idle:idle@{address.hostname}:{address.port}")
    web.environ["DATABASE_URL"] = by_name.geturl()
    web.start()
    try:
        web.await_ready()
        asked = f"GET /api/v1/tokens/ HTTP/1.1\r\nHost: {HOST}\r\nAuthorization: {hospital.desk.authorization}\r\n\r\n"
        run(Job(*web.address, [asked.encode()], clients=24, seconds=1, repeat=True))
        busy, left = _connections(system, "idle"), len(web.workers)  # each keeps a thread
        eventually(lambda: _connections(system, "idle") <= left)
        assert busy > 2 * left
    finally:
        web.terminate()
        system.webs.remove(web)


def _connections(system: System, name: str) -> int:
    with system.connect() as link:
        row = link.execute("SELECT count(*) FROM pg_stat_activity WHERE usename = %s", [name]).fetchone()
    return int(row[0]) if row else 0


def test_a_retry_at_the_other_server_gets_the_first_response(system: System) -> None:
    hospital = hospital_of(system)
    slot, key = hospital.slot(), {"Idempotency-Key": uuid.uuid4().hex}
    body = {"slot_id": slot["id"], "patient_id": hospital.patient()["id"], "category": "WALKIN"}
    first, again = (at(web, hospital.desk).post("tokens/", body, headers=key) for web in system.webs)
    first.expect(201)
    assert (again.status, again.raw) == (201, first.raw)
    assert "Idempotency-Replayed" not in first.headers
    assert again.headers["Idempotency-Replayed"] == "true"


def test_one_key_at_both_servers_at_once_is_one_booking(system: System) -> None:
    hospital = hospital_of(system)
    slot = hospital.slot(capacity=20)
    with ThreadPoolExecutor(2) as pool:
        for _ in range(8):
            key = {"Idempotency-Key": uuid.uuid4().hex}
            body = {"slot_id": slot["id"], "patient_id": hospital.patient()["id"], "category": "WALKIN"}
            desks = [at(web, hospital.desk) for web in system.webs]
            answers = list(pool.map(lambda desk, key=key, body=body: desk.post("tokens/", body, headers=key), desks))
            told = {answer.body["id"] for answer in answers if answer.status == 201}
            assert len(told) == 1
            for answer in answers:
                if answer.status != 201:
                    answer.expect(409, "idempotency-in-progress")
    assert len(hospital.queue(slot)) == 8


def test_nothing_is_lost_when_one_of_them_is_killed(system: System) -> None:
    """Behind a round-robin balancer that skips dead servers."""
    turns = itertools.cycle(system.webs)

    def next_living() -> tuple[str, int]:
        return next(web.address for web in turns if web.process and web.process.poll() is None)

    def lose_one(system: System, seconds: float) -> None:
        booked(25)(system, seconds)
        system.webs[1].kill()
        booked(25)(system, seconds)
        system.webs[1].start()
        system.webs[1].await_ready()
        booked(10)(system, seconds)

    before, balancer = system.address, CuttingProxy(next_living, share=0)
    system.address = balancer.address
    try:
        performance = perform(system, [Fault("server-killed", "one of two web servers: kill -9", lose_one)])
    finally:
        system.address = before
        balancer.close()
    (verdict,) = performance.verdicts
    assert verdict.is_good, verdict
    assert performance.broken == []

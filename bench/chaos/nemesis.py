"""The faults. Each lasts for about `seconds` while the clients work, and then repairs what it broke."""

import contextlib
import os
import random
import signal
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import psycopg
import redis

from bench.chaos.stage import make_stage
from bench.chaos.system import NOWHERE, System
from clinics.models import Slot
from core import clock
from tokens.models import Token
from tokens.operations.booking import BookingRequest
from tokens.policy.priority import Category
from tokens.services import TokenAllocationService

Break = Callable[[System, float], None]
chance = random.Random(11)


@dataclass(frozen=True)
class Fault:
    """A fault; `drains` means that every request that the engine has begun must get its response."""

    name: str
    description: str
    play: Break
    drains: bool = False


def nothing(system: System, seconds: float) -> None:
    time.sleep(seconds)


def redis_killed(system: System, seconds: float) -> None:
    system.redis.kill()
    time.sleep(seconds)
    system.redis.restart()


def redis_frozen(system: System, seconds: float) -> None:
    system.redis.pause()
    time.sleep(seconds)
    system.redis.resume()


def redis_flushed(system: System, seconds: float) -> None:
    with redis.Redis.from_url(system.redis.url) as link:
        _again_and_again(seconds, 0.01, link.flushall)


def redis_unreachable(system: System, seconds: float) -> None:
    """Send the clients to a web server that has never reached Redis."""
    web = system.new_web(redis_url=NOWHERE)
    web.start()
    web.await_ready()
    before, system.address = system.address, web.address
    time.sleep(seconds)
    system.address = before
    time.sleep(0.3)
    web.terminate()


def lease_outlived(system: System, seconds: float) -> None:
    """Stop web workers for longer than the lease of a lock that they may hold, and let them go on."""
    ends = time.monotonic() + seconds
    while time.monotonic() < ends:
        pid = chance.choice(system.web.workers)
        os.kill(pid, signal.SIGSTOP)
        time.sleep(1.3)
        os.kill(pid, signal.SIGCONT)
        time.sleep(0.3)


def postgres_killed(system: System, seconds: float) -> None:
    time.sleep(seconds / 3)
    system.postgres.kill()
    time.sleep(0.3)
    system.postgres.restart()
    time.sleep(seconds / 3)


def backends_terminated(system: System, seconds: float) -> None:
    with system.connect() as link:
        _again_and_again(seconds, 0.05, lambda: link.execute(TERMINATE_ONE))


def connections_exhausted(system: System, seconds: float) -> None:
    """Take every connection that PostgreSQL has, and end those of the engine."""
    ends = time.monotonic() + seconds
    with contextlib.ExitStack() as stack:
        taken: list[Any] = [stack.enter_context(system.connect())]
        while time.monotonic() < ends:
            with contextlib.suppress(psycopg.OperationalError):
                taken.append(stack.enter_context(system.connect()))
                continue
            taken[0].execute(TERMINATE_ONE)
            time.sleep(0.02)


TERMINATE_ONE = """
SELECT pg_terminate_backend(pid) FROM (
    SELECT pid FROM pg_stat_activity
    WHERE backend_type = 'client backend' AND application_name = 'opd' AND pid <> pg_backend_pid()
    ORDER BY random() LIMIT 1
) AS victim
"""


def answers_cut(system: System, seconds: float) -> None:
    assert system.proxy is not None
    before, system.address = system.address, system.proxy.address
    time.sleep(seconds)
    system.address = before
    if not system.proxy.cut:
        raise RuntimeError("no response was cut off")


def web_killed(system: System, seconds: float) -> None:
    """Kill the oldest web worker repeatedly."""

    def kill_the_oldest() -> None:
        if workers := system.web.workers:
            with contextlib.suppress(ProcessLookupError):
                os.kill(workers[0], signal.SIGKILL)

    _again_and_again(seconds, 1.2, kill_the_oldest)


def web_terminated(system: System, seconds: float) -> None:
    time.sleep(seconds / 2)
    system.web.terminate()
    system.web.start()
    system.web.await_ready()
    time.sleep(seconds / 2)


def sweep_killed(system: System, seconds: float) -> None:
    """Kill the Celery worker while it ends holds, and start another."""

    def kill() -> None:
        system.kill_celery("worker")
        system.start_celery("worker")

    holds_end(system, meanwhile=[kill, kill])


def holds_end(system: System, *, meanwhile: Sequence[Callable[[], None]] = (), within: float = 40) -> None:
    """Hold 100 seats, and wait at most `within` seconds until Celery has ended all holds.

    Call each function of `meanwhile` once a hold has ended.
    """
    stage = make_stage(system, slots=25, capacity=4, patients=100)
    system.inside(lambda: _hold_every_seat(stage.slots, stage.patients))
    with system.connect() as link:
        for deed in meanwhile:
            _until(lambda: _expired(link, stage.slots) > 0, 20)
            deed()
        _until(lambda: _expired(link, stage.slots) == 100, within)


def _hold_every_seat(slots: list[str], patients: list[str]) -> None:
    """Hold a seat for each patient, and make all holds due now."""
    service = TokenAllocationService()
    for number, patient in enumerate(patients):
        slot_id = UUID(slots[number % len(slots)])
        service.book(
            BookingRequest(
                slot_id=slot_id, patient_id=UUID(patient), category=Category.WALKIN, actor="system:chaos", hold=True
            )
        )
    over = clock.now()
    Token.objects.filter(slot_id__in=slots).update(due_at=over)
    Slot.objects.filter(id__in=slots).update(next_due_at=over)


def _expired(link: psycopg.Connection[Any], slots: list[str]) -> int:
    row = link.execute(
        "SELECT count(*) FROM tokens_token WHERE slot_id = ANY(%s::uuid[]) AND status = 'EXPIRED'", [slots]
    ).fetchone()
    return int(row[0]) if row else 0


def _again_and_again(seconds: float, every: float, deed: Callable[[], Any]) -> None:
    ends = time.monotonic() + seconds
    while time.monotonic() < ends:
        deed()
        time.sleep(every)


def _until(true: Callable[[], bool], seconds: float) -> None:
    ends = time.monotonic() + seconds
    while not true():
        if time.monotonic() > ends:
            raise RuntimeError(f"Celery did not end the holds within {seconds:g} s")
        time.sleep(0.005)


FAULTS = [
    Fault("calm", "no fault", nothing),
    Fault("redis-killed", "Redis: kill -9, and restart", redis_killed),
    Fault("redis-frozen", "Redis: SIGSTOP, connections stay open", redis_frozen),
    Fault("redis-flushed", "Redis: FLUSHALL a hundred times a second", redis_flushed),
    Fault("redis-unreachable", "Redis: unreachable throughout", redis_unreachable),
    Fault("lease-outlived", "web workers: SIGSTOP for longer than the lease of a lock", lease_outlived),
    Fault("postgres-killed", "PostgreSQL: kill -9 of all processes, and restart", postgres_killed),
    Fault("backends-terminated", "PostgreSQL: backends terminated one after another", backends_terminated),
    Fault("connections-exhausted", "PostgreSQL: no free connection", connections_exhausted),
    Fault("answers-cut", "responses: cut off between commit and client", answers_cut),
    Fault("web-killed", "web workers: kill -9, repeatedly", web_killed),
    Fault("sweep-killed", "Celery: kill -9 during a sweep, with two beats", sweep_killed),
    Fault("web-terminated", "web: SIGTERM under load, and restart", web_terminated, drains=True),
]

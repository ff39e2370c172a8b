"""Who breaks things. Every fault runs for about `seconds` while the clients work, and mends what it broke."""

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
    """Something that goes wrong; `drains` promises that no request which was begun stays without its answer."""

    name: str
    told: str
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
    """The clients ask a web server that has never reached Redis."""
    web = system.new_web(redis_url=NOWHERE)
    web.start()
    web.await_ready()
    before, system.address = system.address, web.address
    time.sleep(seconds)
    system.address = before
    time.sleep(0.3)
    web.terminate()


def lease_outlived(system: System, seconds: float) -> None:
    """Whoever holds locks is stopped for longer than the lease, and goes on afterwards as if nothing had been."""
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
    """Every connection that PostgreSQL has is taken by somebody else, and the engine's own are ended."""
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
        raise RuntimeError("no answer was cut off")


def web_killed(system: System, seconds: float) -> None:
    """Kill the oldest web worker again and again."""

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
    """Kill the Celery worker while it ends holds, and let another go on."""

    def kill() -> None:
        system.kill_celery("worker")
        system.start_celery("worker")

    holds_end(system, meanwhile=[kill, kill])


def holds_end(system: System, *, meanwhile: Sequence[Callable[[], None]] = (), within: float = 40) -> None:
    """Hold a hundred seats, and return when Celery has ended them all; after the first of them comes a deed."""
    stage = make_stage(system, slots=25, capacity=4, patients=100)
    system.inside(lambda: _hold_every_seat(stage.slots, stage.patients))
    with system.connect() as link:
        for deed in meanwhile:
            _until(lambda: _expired(link, stage.slots) > 0, 20)
            deed()
        _until(lambda: _expired(link, stage.slots) == 100, within)


def _hold_every_seat(slots: list[str], patients: list[str]) -> None:
    """Holds that are over in half a second, all at once."""
    service = TokenAllocationService()
    for number, patient in enumerate(patients):
        request = BookingRequest(patient_id=UUID(patient), category=Category.WALKIN, hold=True)
        service.book(slot_id=UUID(slots[number % len(slots)]), request=request, actor="system:chaos")
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
            raise RuntimeError("the sweep does not go on")
        time.sleep(0.005)


FAULTS = [
    Fault("calm", "nothing is broken", nothing),
    Fault("redis-killed", "Redis: kill -9, and started again", redis_killed),
    Fault("redis-frozen", "Redis: stopped, connections stay open", redis_frozen),
    Fault("redis-flushed", "Redis: FLUSHALL a hundred times a second", redis_flushed),
    Fault("redis-unreachable", "Redis: unreachable from start to end", redis_unreachable),
    Fault("lease-outlived", "a holder stopped for longer than its lease", lease_outlived),
    Fault("postgres-killed", "PostgreSQL: kill -9 of everything, and restart", postgres_killed),
    Fault("backends-terminated", "PostgreSQL: backends terminated one after another", backends_terminated),
    Fault("connections-exhausted", "PostgreSQL: no connection to be had", connections_exhausted),
    Fault("answers-cut", "answers cut off between commit and client", answers_cut),
    Fault("web-killed", "web workers: kill -9 again and again", web_killed),
    Fault("sweep-killed", "Celery: kill -9 in mid-sweep, two beats", sweep_killed),
    Fault("web-terminated", "web: SIGTERM under load, and restart", web_terminated, drains=True),
]

"""Controlled thread interleavings for the race tests.

`together` starts threads at one barrier. `overtake` stops one thread (the slow one) between its decision and its first
write, then runs another (the fast one) until it finishes or blocks on the slow one: in a batch queue, on the Redis
lock, or on a row lock. With locks on, the fast one must block. With locks off it overtakes and the data become
inconsistent: that run is the canary, which proves that the test would detect a missing lock. The result does not depend
on the speed of the machine; TIMEOUT_SECONDS only ends a run that hangs.
"""

import contextlib
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from django.db import connection
from redis import Redis

from core.batching import Waiter
from ops.partitioning import name_alike
from tests.support.eventually import eventually
from tokens.engine import ledger as ledgers
from tokens.engine import locking
from tokens.engine.ledger import Ledger

Step = Callable[[], Any]
TIMEOUT_SECONDS = 60.0


@dataclass(frozen=True)
class Refusal:
    """The exception that a thread raised."""

    error: BaseException

    @property
    def code(self) -> str:
        return str(getattr(self.error, "code", type(self.error).__name__))


class Runner(threading.Thread):
    """A thread that runs one step on its own database connection."""

    def __init__(self, step: Step, start_line: threading.Barrier | None = None) -> None:
        super().__init__(daemon=True)
        self.step, self.start_line = step, start_line
        self.outcome: Any = None
        self.backend: int | None = None

    def run(self) -> None:
        try:
            connection.ensure_connection()
            self.backend = connection.connection.info.backend_pid
            if self.start_line is not None:
                self.start_line.wait(TIMEOUT_SECONDS)
            self.outcome = self.step()
        except BaseException as error:
            self.outcome = Refusal(error)
        finally:
            connection.close()

    def waits_for(self, other: "Runner") -> bool:
        """Return whether this thread waits in a batch queue, on the Redis lock, or on a lock that `other` holds."""
        frame = sys._current_frames().get(self.ident or 0)
        while frame is not None:
            if frame.f_code in (Waiter.wait.__code__, Redis.blpop.__code__):
                return True
            frame = frame.f_back
        with connection.cursor() as cursor:
            cursor.execute("SELECT %s = ANY(pg_blocking_pids(%s))", [other.backend, self.backend])
            return bool(cursor.fetchone()[0])

    def finish(self) -> Any:
        self.join(TIMEOUT_SECONDS)
        assert not self.is_alive(), "the thread did not finish in time"
        return self.outcome


def together(steps: Sequence[Step]) -> list[Any]:
    """Run every step at once, each in its own thread; return each result, or a Refusal if the step raised."""
    line = threading.Barrier(len(steps))
    runners = [Runner(step, line) for step in steps]
    for runner in runners:
        runner.start()
    return [runner.finish() for runner in runners]


@dataclass(frozen=True)
class Overtaking:
    """The outcomes of both threads, and whether the fast one finished before the slow one."""

    slow: Any
    fast: Any
    overtook: bool


def overtake(slow: Step, fast: Step, *, meanwhile: Step = lambda: None) -> Overtaking:
    """Pause `slow` between its decision and its first write, run `meanwhile` and `fast`, then resume `slow`."""
    decided, go = threading.Event(), threading.Event()
    first, second = Runner(slow), Runner(fast)
    write = ledgers.write_all

    def hesitant(some: Sequence[Ledger], *, closing: bool = False) -> None:
        if threading.current_thread() is first and not decided.is_set() and any(one.has_changes for one in some):
            decided.set()
            go.wait(TIMEOUT_SECONDS)
        write(some, closing=closing)

    ledgers.write_all = hesitant
    try:
        first.start()
        eventually(lambda: decided.is_set() or not first.is_alive(), TIMEOUT_SECONDS)
        assert decided.is_set(), f"the slow thread never reached its write: {first.outcome}"
        meanwhile()
        second.start()
        eventually(lambda: not second.is_alive() or second.waits_for(first), TIMEOUT_SECONDS)
        overtook = not second.is_alive()
        go.set()
        return Overtaking(first.finish(), second.finish(), overtook)
    finally:
        go.set()
        ledgers.write_all = write


@contextlib.contextmanager
def without_redis_lock() -> Iterator[None]:
    """Disable the Redis lock, as if Redis were unavailable. Only the row lock is left."""
    real = locking.redis_lock
    locking.redis_lock = lambda keys, wait_seconds: contextlib.nullcontext()  # type: ignore[assignment]
    try:
        yield
    finally:
        locking.redis_lock = real  # type: ignore[assignment]


@contextlib.contextmanager
def without_locks() -> Iterator[None]:
    """Disable both the Redis lock and the row lock."""
    real, locking.ROW_LOCK = locking.ROW_LOCK, ""
    try:
        with without_redis_lock():
            yield
    finally:
        locking.ROW_LOCK = real


@contextlib.contextmanager
def without(*names: str) -> Iterator[None]:
    """Drop these constraints and unique indexes; empty the tables and restore them afterwards."""
    restore: list[str] = []
    with connection.cursor() as cursor:
        for name in names:
            cursor.execute(
                "SELECT conrelid::regclass::text, pg_get_constraintdef(oid) FROM pg_constraint"
                " WHERE conname = %s AND conparentid = 0",  # of a partitioned table: the parent's
                [name],
            )
            found = cursor.fetchone()
            if found:
                restore.append(f"ALTER TABLE {found[0]} ADD CONSTRAINT {name} {found[1]}")
                cursor.execute(f"ALTER TABLE {found[0]} DROP CONSTRAINT {name}")
                continue
            cursor.execute("SELECT pg_get_indexdef(to_regclass(%s))", [name])
            definition = cursor.fetchone()[0]
            assert definition, f"there is no constraint {name}"
            restore.append(definition)
            cursor.execute(f"DROP INDEX {name}")
    try:
        yield
    finally:
        with connection.cursor() as cursor:
            cursor.execute("TRUNCATE clinics_slot, tokens_token, waitlist_waitlistentry, events_event CASCADE")
            for statement in restore:
                cursor.execute(statement)
        name_alike()  # has an effect only where the tables are partitioned


# Constraints that reject conflicting writes. The canaries drop them, so that the conflict becomes visible.
NUMBERED_ONCE = ("event_numbered_once", "token_ticket_unique", "token_arrival_unique")
COUNTED = ("slot_never_oversold", "slot_counters_not_negative")

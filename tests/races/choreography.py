"""Races on purpose: threads that start together, and one that overtakes another at the worst moment.

`overtake` stops the slow one between its decision and its first write and lets the fast one run until it is done or
waits for the slow one: in a queue, at the gate, or for a lock of the slow one's transaction. Behind the lock the fast
one has to wait; with the locks off it overtakes, and the same scene ends in a lie. That second run is the canary: it
shows that the test would notice a lock that is missing. Nothing depends on how fast the machine is: PATIENCE only ends
a run in which something hangs.
"""

import contextlib
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from django.db import connection
from redis import Redis

from core.batching import _Waiter
from ops.partitioning import name_alike
from tests.support.waiting import until
from tokens.engine import locking
from tokens.engine import unit_of_work as ledgers
from tokens.engine.unit_of_work import Ledger

Step = Callable[[], Any]
PATIENCE = 60.0


@dataclass(frozen=True)
class Refusal:
    """What a thread raised."""

    error: BaseException

    @property
    def code(self) -> str:
        return str(getattr(self.error, "code", type(self.error).__name__))


class Runner(threading.Thread):
    """Runs one step with a connection of its own."""

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
                self.start_line.wait(PATIENCE)
            self.outcome = self.step()
        except BaseException as error:
            self.outcome = Refusal(error)
        finally:
            connection.close()

    def waits_for(self, other: "Runner") -> bool:
        """Whether this one waits in a queue, at the gate, or for a lock that the other one's transaction holds."""
        frame = sys._current_frames().get(self.ident or 0)
        while frame is not None:
            if frame.f_code in (_Waiter.wait.__code__, Redis.blpop.__code__):
                return True
            frame = frame.f_back
        with connection.cursor() as cursor:
            cursor.execute("SELECT %s = ANY(pg_blocking_pids(%s))", [other.backend, self.backend])
            return bool(cursor.fetchone()[0])

    def finish(self) -> Any:
        self.join(PATIENCE)
        assert not self.is_alive(), "a thread hangs"
        return self.outcome


def together(steps: Sequence[Step]) -> list[Any]:
    """Run every step in a thread of its own, all at once; what each returned, or the Refusal."""
    line = threading.Barrier(len(steps))
    runners = [Runner(step, line) for step in steps]
    for runner in runners:
        runner.start()
    return [runner.finish() for runner in runners]


@dataclass(frozen=True)
class Overtaking:
    """How the two came out, and whether the fast one got past the slow one."""

    slow: Any
    fast: Any
    overtook: bool


def overtake(slow: Step, fast: Step, *, meanwhile: Step = lambda: None) -> Overtaking:
    """Stop the slow one after its decision and before its first write; run `meanwhile` and the fast one; let it go."""
    decided, go = threading.Event(), threading.Event()
    first, second = Runner(slow), Runner(fast)
    write = ledgers.write_all

    def hesitant(some: Sequence[Ledger], *, closing: bool = False) -> None:
        if threading.current_thread() is first and not decided.is_set() and any(one.has_changes for one in some):
            decided.set()
            go.wait(PATIENCE)
        write(some, closing=closing)

    ledgers.write_all = hesitant
    try:
        first.start()
        until(lambda: decided.is_set() or not first.is_alive(), PATIENCE)
        assert decided.is_set(), f"the slow one never came to write: {first.outcome}"
        meanwhile()
        second.start()
        until(lambda: not second.is_alive() or second.waits_for(first), PATIENCE)
        overtook = not second.is_alive()
        go.set()
        return Overtaking(first.finish(), second.finish(), overtook)
    finally:
        go.set()
        ledgers.write_all = write


@contextlib.contextmanager
def gate_open() -> Iterator[None]:
    """Nobody waits at Redis: as if it were away. Only the row lock is left."""
    real = locking.gate
    locking.gate = lambda keys, wait_seconds: contextlib.nullcontext()  # type: ignore[assignment]
    try:
        yield
    finally:
        locking.gate = real  # type: ignore[assignment]


@contextlib.contextmanager
def unlocked() -> Iterator[None]:
    """No gate and no row lock: everybody reads and writes as they like."""
    real, locking.ROW_LOCK = locking.ROW_LOCK, ""
    try:
        with gate_open():
            yield
    finally:
        locking.ROW_LOCK = real


@contextlib.contextmanager
def without(*names: str) -> Iterator[None]:
    """Take these constraints off the database, and put them back when every row that broke them is gone."""
    restore: list[str] = []
    with connection.cursor() as cursor:
        for name in names:
            cursor.execute(
                "SELECT conrelid::regclass::text, pg_get_constraintdef(oid) FROM pg_constraint"
                " WHERE conname = %s AND conparentid = 0",  # of a parted table: the whole's, not a part's
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
        name_alike()  # where the tables are parted


# What the database refuses by itself when two write over each other: off in the canaries, so that they can be seen.
NUMBERED_ONCE = ("event_numbered_once", "token_ticket_unique", "token_arrival_unique")
COUNTED = ("slot_never_oversold", "slot_counters_not_negative")

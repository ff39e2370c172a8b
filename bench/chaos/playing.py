"""A run of the fault injection: the clients work throughout while one fault follows the other; then all is judged."""

import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from bench.chaos.clients import Client, History
from bench.chaos.follower import Follower
from bench.chaos.judge import Verdict, judge, read_facts
from bench.chaos.nemesis import Fault
from bench.chaos.stage import Stage, make_authorization, make_stage
from bench.chaos.system import System
from clinics.models import Slot
from core.db.transactions import snapshot
from tokens.audit.as_of import slot_as_it_is, slot_as_of
from tokens.audit.invariants import broken
from tokens.audit.replay import differences
from tokens.audit.verify import bad_rows
from tokens.services import TokenAllocationService

RECOVERY_SECONDS = 0.7
"""How long the clients go on after each fault; this time counts as part of the fault."""


@dataclass(frozen=True)
class Performance:
    """The verdicts, and the findings of the engine's own checks of the database afterwards."""

    verdicts: list[Verdict]
    broken: list[str]

    @property
    def is_good(self) -> bool:
        return not self.broken and all(verdict.is_good for verdict in self.verdicts)


def perform(
    system: System,
    faults: Sequence[Fault],
    *,
    seconds: float = 3.0,
    clients: int = 32,
    think: float = 0.12,
    tell: Callable[[str], None] = lambda line: None,
) -> Performance:
    """Run the faults under load, each for about `seconds` and on its own stage, and return the verdicts.

    `think`: the mean seconds between two requests of a client. `tell` gets a line for each step.
    """
    stages = [make_stage(system) for _ in faults]
    history = History(lambda: system.address, make_authorization(system))
    now: list[tuple[str, Stage]] = [(faults[0].name, stages[0])]
    stop = threading.Event()
    threads = [Client(number, history, lambda: now[0], stop, think) for number in range(clients)]
    times: list[tuple[float, float]] = []
    follower = Follower(history.asking(), stages[0], stop)
    for thread in (*threads, follower):
        thread.start()
    try:
        for fault, stage in zip(faults, stages, strict=True):
            tell(fault.description)
            now[0], began = (fault.name, stage), time.monotonic()
            fault.play(system, seconds)
            time.sleep(RECOVERY_SECONDS)
            times.append((began, time.monotonic()))
    finally:
        stop.set()
        for thread in (*threads, follower):
            thread.join(60)
    history.settle()
    tell("comparing the responses with the database")
    wrong = system.inside(_check_all)
    wrong += follower.catch_up(system.connect)
    return Performance(_verdicts(system, history, faults, stages, times), wrong)


def _verdicts(
    system: System,
    history: History,
    faults: Sequence[Fault],
    stages: Sequence[Stage],
    times: Sequence[tuple[float, float]],
) -> list[Verdict]:
    with system.connect() as link:
        facts = read_facts(link)
    verdicts = []
    for fault, stage, (began, ended) in zip(faults, stages, times, strict=True):
        ops = [op for op in history.ops if op.stage is stage]
        verdict = judge(fault.name, ops, facts, began=began, ended=ended)
        if fault.drains and verdict.regained:
            verdict.wrong.append(f"{verdict.regained} requests were carried out but got no response at first")
        verdicts.append(verdict)
    return verdicts


def _check_all() -> list[str]:
    TokenAllocationService().sweep()
    return [*broken(), *(str(bad) for bad in bad_rows()), *_differences_from_log()]


def _differences_from_log() -> list[str]:
    """Return a line for each field in which a slot in the tables differs from the slot rebuilt from its log."""
    found = []
    with snapshot():
        for slot in Slot.objects.all():
            then = slot_as_of(slot_id=slot.id)
            lines = differences(then, slot_as_it_is(slot=slot)) if then else ["the log has no events"]
            found += [f"slot {slot.id}, rebuilt from its log: {line}" for line in lines]
    return found

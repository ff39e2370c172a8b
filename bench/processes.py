"""What processes cost: processor time and memory, as Linux tells them."""

import os
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

_TICKS = os.sysconf("SC_CLK_TCK")
_PAGE = os.sysconf("SC_PAGE_SIZE")
PROC = Path("/proc")


@dataclass(frozen=True)
class Usage:
    """Processor seconds by process, and the largest resident memory among them in MiB."""

    cpu_by_pid: dict[int, float]
    largest_mib: float

    def since(self, earlier: "Usage") -> float:
        """The processor seconds used since then; processes that have ended meanwhile are not in it."""
        return sum(used - earlier.cpu_by_pid.get(pid, 0.0) for pid, used in self.cpu_by_pid.items())


def usage_of(pids: Iterable[int]) -> Usage:
    """What these processes have used so far."""
    used: dict[int, float] = {}
    largest = 0.0
    for pid in pids:
        try:
            fields = (PROC / str(pid) / "stat").read_text().rpartition(")")[2].split()
        except OSError:
            continue
        used[pid] = (int(fields[11]) + int(fields[12])) / _TICKS
        largest = max(largest, int(fields[21]) * _PAGE / 2**20)
    return Usage(used, largest)


def children_of(pid: int) -> list[int]:
    """The processes that this one has started, and theirs."""
    found = []
    for task in (PROC / str(pid) / "task").glob("*/children"):
        try:
            found += [int(child) for child in task.read_text().split()]
        except OSError:
            continue
    return [*found, *(each for child in found for each in children_of(child))]

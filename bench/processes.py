"""CPU time and memory of processes, read from /proc."""

import os
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

_TICKS = os.sysconf("SC_CLK_TCK")
_PAGE = os.sysconf("SC_PAGE_SIZE")
PROC = Path("/proc")


@dataclass(frozen=True)
class Usage:
    """The CPU seconds of each process, and the largest resident memory of one in MiB."""

    cpu_by_pid: dict[int, float]
    largest_mib: float

    def since(self, earlier: "Usage") -> float:
        """Return the CPU seconds used since `earlier`, without processes that have ended since."""
        return sum(used - earlier.cpu_by_pid.get(pid, 0.0) for pid, used in self.cpu_by_pid.items())


def usage_of(pids: Iterable[int]) -> Usage:
    """Return what these processes have used so far."""
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
    """Return the ids of all descendants of a process."""
    found = []
    for task in (PROC / str(pid) / "task").glob("*/children"):
        try:
            found += [int(child) for child in task.read_text().split()]
        except OSError:
            continue
    return [*found, *(each for child in found for each in children_of(child))]

"""Start, identify and end child processes.

A process id alone does not identify a process: after a crash the system may give the same id to an unrelated one. A
process is identified by its id and start time, a server also by its working directory. Children are ended when the
process that started them dies.
"""

import contextlib
import ctypes
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from devserver.unprivileged import Runner, as_user

PROC = Path("/proc")
PR_SET_PDEATHSIG = 1
_libc = ctypes.CDLL(None, use_errno=True) if sys.platform == "linux" else None


@dataclass(frozen=True)
class Identity:
    """A process, identified by its id and start time, so that a reused id is not taken for it."""

    pid: int
    started: str

    @property
    def alive(self) -> bool:
        return started_at(pid=self.pid) == self.started


def identify(*, pid: int) -> Identity | None:
    """Return the process that has this id now, or None."""
    started = started_at(pid=pid)
    return None if started is None else Identity(pid=pid, started=started)


def started_at(*, pid: int) -> str | None:
    """Return the start time of the process in the system's own format; None if it has ended or is a zombie."""
    if PROC.joinpath("self", "stat").exists():
        try:
            fields = PROC.joinpath(str(pid), "stat").read_text(errors="replace").rpartition(")")[2].split()
        except OSError:
            return None
        return None if fields[0] in "ZX" else fields[19]
    shown = subprocess.run(["ps", "-o", "stat=,lstart=", "-p", str(pid)], capture_output=True, text=True).stdout.split()
    return None if not shown or shown[0].startswith("Z") else " ".join(shown[1:])


def working_in(*, folder: Path, programs: Sequence[str]) -> list[int]:
    """Return the ids of processes of these programs whose working directory is this folder (only on Linux)."""
    return _search(
        lambda entry: (entry / "comm").read_text().strip() in programs and os.readlink(entry / "cwd") == str(folder)
    )


def marked(*, mark: str) -> list[int]:
    """Return the ids of processes that were started with this `NAME=value` in their environment (only on Linux)."""
    return _search(lambda entry: f"\0{mark}\0".encode() in b"\0" + (entry / "environ").read_bytes())


def _search(fits: Callable[[Path], bool]) -> list[int]:
    found = []
    for entry in PROC.glob("[0-9]*") if PROC.is_dir() else ():
        with contextlib.suppress(OSError):
            if fits(entry) and started_at(pid=int(entry.name)):
                found.append(int(entry.name))
    return sorted(found)


def spawn(
    *,
    command: Sequence[str],
    environ: Mapping[str, str],
    cwd: Path,
    output: int | IO[bytes],
    runner: Runner | None = None,
    death_signal: int | None = signal.SIGTERM,
) -> subprocess.Popen[bytes]:
    """Start a process as the leader of a new session; the kernel sends it `death_signal` when this process dies.

    `runner` is the user to run as (only root can choose). The signal is sent when the calling thread ends, so call
    this function from a thread that lives as long as the process should.
    """
    return subprocess.Popen(
        list(command),
        env=dict(environ),
        cwd=cwd,
        stdin=subprocess.DEVNULL,
        stdout=output,
        stderr=subprocess.STDOUT,
        start_new_session=True,
        preexec_fn=death_bound(death_signal=death_signal) if death_signal else None,
        **as_user(runner=runner),
    )


def death_bound(*, death_signal: int = signal.SIGTERM) -> Callable[[], None] | None:
    """Return a `preexec_fn` that makes the kernel send the child this signal when its parent dies (only on Linux)."""
    if _libc is None:
        return None
    libc, parent = _libc, os.getpid()

    def bind() -> None:
        libc.prctl(PR_SET_PDEATHSIG, death_signal, 0, 0, 0)
        if os.getppid() != parent:  # the parent died before the call above
            os._exit(1)

    return bind


def send(*, identity: Identity, number: int, group: bool = False) -> None:
    """Send a signal to the process (or its whole group) if it is still alive."""
    if identity.alive:
        with contextlib.suppress(ProcessLookupError):
            if group and os.getpgid(identity.pid) == identity.pid:
                os.killpg(identity.pid, number)
            else:
                os.kill(identity.pid, number)


def gone(*, identities: Sequence[Identity], within: float) -> bool:
    """Wait until all processes have ended; return False if one is still alive after `within` seconds."""
    deadline = time.monotonic() + within
    while any(identity.alive for identity in identities):
        if time.monotonic() > deadline:
            return False
        time.sleep(0.02)
    return True

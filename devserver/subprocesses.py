"""Run commands and wait for them."""

import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence

from devserver.console import step
from devserver.errors import SetupError
from devserver.processes import death_bound
from devserver.project import ROOT
from devserver.signals import Stopped, handle_stops, restore


def carry_out(text: str, command: Sequence[str], *, environ: Mapping[str, str], loud: bool = False) -> None:
    """Print the heading of a step and run its command; raise SetupError with its last error lines if it fails.

    Its standard output is shown only with `loud`.
    """
    step(text)
    process = subprocess.Popen(
        list(command),
        env=dict(environ),
        cwd=ROOT,
        stdin=subprocess.DEVNULL,
        stdout=None if loud else subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        start_new_session=True,
        preexec_fn=death_bound(),
    )
    try:
        _, errors = process.communicate()
    finally:
        end(process)
    if process.returncode:
        last = "\n".join(f"    {row}" for row in errors.decode(errors="replace").strip().splitlines()[-12:])
        raise SetupError(f"{text}: failed.\n{last}")


def foreground(*, command: Sequence[str], environ: Mapping[str, str]) -> int:
    """Run a command on this terminal and return its exit code; a signal to stop ends it and raises Stopped."""
    process = subprocess.Popen(list(command), env=dict(environ), cwd=ROOT, preexec_fn=death_bound())
    received: list[int] = []

    def forward(number: int, frame: object) -> None:
        received.append(number)
        if number != signal.SIGINT or not sys.stdin.isatty():  # on a terminal the command receives Ctrl-C itself
            process.send_signal(number)

    before = handle_stops(forward)
    try:
        code = process.wait()
    finally:
        end(process)
        restore(before)
    if received and code:
        raise Stopped(received[0])
    return 128 - code if code < 0 else code


def end(process: subprocess.Popen[bytes]) -> None:
    """End the process if it is still running: SIGTERM, and SIGKILL after 10 s."""
    if process.poll() is None:
        process.terminate()
        try:
            process.wait(timeout=10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()

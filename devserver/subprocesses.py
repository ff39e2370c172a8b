"""Commands that the set-up runs on the way and waits for."""

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
    """Announce a step and carry it out; what it complains of is shown when it fails, what it says if that is wanted."""
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
        _, told = process.communicate()
    finally:
        end(process)
    if process.returncode:
        last = "\n".join(f"    {row}" for row in told.decode(errors="replace").strip().splitlines()[-12:])
        raise SetupError(f"{text}: failed.\n{last}")


def foreground(*, command: Sequence[str], environ: Mapping[str, str]) -> int:
    """Run a command on our terminal and return its exit code; a signal to stop ends it and raises Stopped."""
    process = subprocess.Popen(list(command), env=dict(environ), cwd=ROOT, preexec_fn=death_bound())
    asked: list[int] = []

    def hand_on(number: int, frame: object) -> None:
        asked.append(number)
        if number != signal.SIGINT or not sys.stdin.isatty():  # on a terminal Ctrl-C reaches the command by itself
            process.send_signal(number)

    before = handle_stops(hand_on)
    try:
        code = process.wait()
    finally:
        end(process)
        restore(before)
    if asked and code:
        raise Stopped(asked[0])
    return 128 - code if code < 0 else code


def end(process: subprocess.Popen[bytes]) -> None:
    """Make sure that it does not live on."""
    if process.poll() is None:
        process.terminate()
        try:
            process.wait(timeout=10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()

"""Commands that the set-up runs on the way and waits for."""

import signal
import subprocess
from collections.abc import Mapping, Sequence

from core.embedded.errors import SetupError
from core.embedded.processes import death_bound
from core.embedded.project import ROOT
from core.embedded.say import step


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


def foreground(*, command: Sequence[str], environ: Mapping[str, str], **limits: bool) -> int:
    """Run a command on our terminal, hand signals on to it, and return its exit code."""
    process = subprocess.Popen(list(command), env=dict(environ), cwd=ROOT, preexec_fn=death_bound())

    def hand_on(number: int, frame: object) -> None:
        # Ctrl-C reaches the command by itself: it shares our terminal.
        if number != signal.SIGINT or limits.get("apart"):
            process.send_signal(number)

    numbers = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
    before = {number: signal.signal(number, hand_on) for number in numbers}
    try:
        code = process.wait()
    finally:
        end(process)
        for number, handler in before.items():
            signal.signal(number, handler)
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

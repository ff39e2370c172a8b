"""Handle the signals to stop: SIGINT (Ctrl-C), SIGTERM (service manager) and SIGHUP (closed terminal)."""

import contextlib
import signal
from collections.abc import Callable, Iterator
from typing import Any

Handlers = dict[signal.Signals, Any]


class Stopped(BaseException):
    """A signal to stop arrived during the work."""


def handle_stops(handler: Callable[[int, object], None]) -> Handlers:
    """Set a handler for the signals to stop and return the previous handlers.

    A shell starts background jobs with SIGINT ignored; the handler is set all the same. SIGHUP stays ignored if it was,
    because nohup asks for work that outlives the terminal.
    """
    before: Handlers = {}
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        if number != signal.SIGHUP or signal.getsignal(number) != signal.SIG_IGN:
            before[number] = signal.signal(number, handler)
    return before


def restore(before: Handlers) -> None:
    """Set the handlers that `handle_stops` returned."""
    for number, handler in before.items():
        signal.signal(number, handler)


@contextlib.contextmanager
def stoppable() -> Iterator[None]:
    """Raise Stopped in the block at the first signal to stop; ignore later ones, which would interrupt the cleanup."""
    stopping = False

    def stop(number: int, frame: object) -> None:
        nonlocal stopping
        if not stopping:
            stopping = True
            raise Stopped(number)

    before = handle_stops(stop)
    try:
        yield
    finally:
        restore(before)

"""Signals that ask us to stop: Ctrl-C, the service manager, a terminal that closes."""

import contextlib
import signal
from collections.abc import Callable, Iterator
from typing import Any

Handlers = dict[signal.Signals, Any]


class Stopped(BaseException):
    """Somebody asked us to stop while we were at work."""


def handle_stops(handler: Callable[[int, object], None]) -> Handlers:
    """Set a handler, also when we were started in the background with signals ignored; what was there before.

    Only nohup is respected: who used it wants the work to outlive the terminal.
    """
    before: Handlers = {}
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        if number != signal.SIGHUP or signal.getsignal(number) != signal.SIG_IGN:
            before[number] = signal.signal(number, handler)
    return before


def restore(before: Handlers) -> None:
    """Undo handle_stops."""
    for number, handler in before.items():
        signal.signal(number, handler)


@contextlib.contextmanager
def stoppable() -> Iterator[None]:
    """Inside, the first signal to stop raises Stopped; the tidying up that follows is not disturbed by more of them."""
    asked = False

    def stop(number: int, frame: object) -> None:
        nonlocal asked
        if not asked:
            asked = True
            raise Stopped(number)

    before = handle_stops(stop)
    try:
        yield
    finally:
        restore(before)

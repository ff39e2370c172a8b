"""Kills a worker at a critical moment, once in the lifetime of the server."""

import itertools
import os
import signal

_calls = itertools.count(1)
CALM = 15
"""The number of calls before the one that kills the worker, plus one."""


def die_once() -> None:
    """Kill this process with SIGKILL, unless it is too early or another one was killed already."""
    if next(_calls) < CALM:
        return
    try:
        os.close(os.open(os.path.join(os.environ["OPD_DATA_DIR"], "died-once"), os.O_CREAT | os.O_EXCL))
    except FileExistsError:
        return
    os.kill(os.getpid(), signal.SIGKILL)

"""A worker that dies at the worst moment, once in the life of the whole server."""

import itertools
import os
import signal

_calls = itertools.count(1)
CALM = 15
"""This many changes go well before."""


def die_once() -> None:
    """kill -9 this process, unless it is too early or another one has died already."""
    if next(_calls) < CALM:
        return
    try:
        os.close(os.open(os.path.join(os.environ["OPD_DATA_DIR"], "died-once"), os.O_CREAT | os.O_EXCL))
    except FileExistsError:
        return
    os.kill(os.getpid(), signal.SIGKILL)

"""What the set-up says while it works; said without ever waiting for a reader that has stopped reading."""

import contextlib
import os
import select

OUT, ERR = 1, 2
CHUNK = 512  # what a pipe takes without blocking once it says that it takes anything


def step(text: str) -> None:
    """Announce a step in plain words."""
    line(f"==> {text}")


def line(text: str = "") -> None:
    """Say something."""
    emit(handle=OUT, text=f"{text}\n".encode())


def complain(text: str) -> None:
    """Say what is wrong."""
    emit(handle=ERR, text=f"\nsetup.sh: {text}\n".encode())


def emit(*, handle: int, text: bytes) -> bytes:
    """Write as much as the other end takes now; what is left over."""
    with contextlib.suppress(OSError):
        while text and select.select([], [handle], [], 0)[1]:
            text = text[os.write(handle, text[:CHUNK]) :]
    return text

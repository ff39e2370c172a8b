"""Messages of setup.sh, written without blocking when the reader of the terminal or pipe has stopped reading."""

import contextlib
import os
import select

OUT, ERR = 1, 2
CHUNK = 512  # bytes that a pipe accepts without blocking once select() reports it writable


def step(text: str) -> None:
    """Print the heading of a step."""
    line(f"==> {text}")


def line(text: str = "") -> None:
    """Print one line."""
    emit(handle=OUT, text=f"{text}\n".encode())


def complain(text: str) -> None:
    """Print an error to stderr."""
    emit(handle=ERR, text=f"\nsetup.sh: {text}\n".encode())


def emit(*, handle: int, text: bytes) -> bytes:
    """Write as much as the reader accepts now; return the rest."""
    with contextlib.suppress(OSError):
        while text and select.select([], [handle], [], 0)[1]:
            text = text[os.write(handle, text[:CHUNK]) :]
    return text

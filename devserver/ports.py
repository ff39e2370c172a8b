"""Find free ports on the loopback interface, outside the range that the system uses for outgoing connections."""

import random
import socket
from collections.abc import Iterable

LOWEST, HIGHEST = 20_000, 32_767


def is_free(*, port: int, host: str = "127.0.0.1") -> bool:
    """Return whether a server could listen on this port now."""
    return obstacle(port=port, host=host) is None


def obstacle(*, port: int, host: str) -> OSError | None:
    """Return the error that prevents a server from listening on this port, or None."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError as error:
            return error
    return None


def free_port(*, remembered: int | None = None, avoid: Iterable[int] = ()) -> int:
    """Return the remembered port if it is still free, else another free one."""
    avoided = set(avoid)
    if remembered and remembered not in avoided and is_free(port=remembered):
        return remembered
    for port in random.SystemRandom().sample(range(LOWEST, HIGHEST + 1), 2_000):
        if port not in avoided and is_free(port=port):
            return port
    raise OSError(f"no free port between {LOWEST} and {HIGHEST}")

"""A small TCP proxy that drops responses: the request reaches the server, but the response never reaches the client."""

import contextlib
import random
import select
import socket
import threading
from collections.abc import Callable

Address = tuple[str, int]


class CuttingProxy:
    """Forwards each connection to the address that `target` returns; closes a share of them at the first response."""

    def __init__(self, target: Callable[[], Address], *, share: float = 0.3, seed: int = 1) -> None:
        self.target = target
        self.cut = 0
        self._share = share
        self._chance = random.Random(seed)
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=256)
        self.address: Address = ("127.0.0.1", self._listener.getsockname()[1])
        threading.Thread(target=self._accept, daemon=True).start()

    def close(self) -> None:
        """Stop accepting connections."""
        self._listener.close()

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                client, _ = self._listener.accept()
                threading.Thread(target=self._carry, args=(client,), daemon=True).start()

    def _carry(self, client: socket.socket) -> None:
        with client, contextlib.suppress(OSError), socket.create_connection(self.target(), timeout=5) as engine:
            request_sent = False
            while True:
                ready, _, _ = select.select([client, engine], [], [], 30)
                if not ready:
                    return
                for end in ready:
                    part = end.recv(65536)
                    if not part:
                        return
                    if end is client:
                        request_sent = True
                        engine.sendall(part)
                    elif request_sent and self._chance.random() < self._share:
                        self.cut += 1
                        return
                    else:
                        request_sent = False
                        client.sendall(part)

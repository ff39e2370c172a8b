"""A transaction pooler that rotates: each transaction runs on the connection that was idle longest.

It speaks just as much of PostgreSQL's protocol as to know where a transaction ends. Real ones like to give a client the
connection it had before, which hides what was left behind on it.
"""

import contextlib
import queue
import socket
import struct
import threading
from collections.abc import Iterator

import psycopg

SSL, CANCEL = 80877103, 80877102
HELLO = [(b"R", struct.pack("!i", 0)), (b"K", struct.pack("!ii", 0, 0)), (b"Z", b"I")]
IDLE = b"I"
ENDS_A_TURN = (b"Q", b"S")
"""Query and Sync: the client now waits until the server is ready again."""

Message = tuple[bytes, bytes]


class RotatingPooler:
    """Accepts clients and lends them a fixed number of database connections."""

    def __init__(self, url: str, *, size: int) -> None:
        self._links = [psycopg.connect(url, autocommit=True) for _ in range(size)]
        self._rested: queue.Queue[socket.socket] = queue.Queue()
        for link in self._links:
            end = socket.socket(fileno=socket.dup(link.pgconn.socket))
            end.setblocking(True)
            self._rested.put(end)
        told = {name: link.info.parameter_status(name) for name in ("server_version", "client_encoding", "TimeZone")}
        told["standard_conforming_strings"] = "on"
        self._hello = [(b"S", f"{name}\0{value}\0".encode()) for name, value in told.items()]
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=256)
        self.port = self._listener.getsockname()[1]
        self.lent = 0
        self.clients = 0
        threading.Thread(target=self._accept, daemon=True).start()

    def close(self) -> None:
        """Stop accepting clients and close the connections."""
        self._listener.close()
        for link in self._links:
            link.close()

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                client, _ = self._listener.accept()
                threading.Thread(target=self._serve, args=(client,), daemon=True).start()

    def _serve(self, client: socket.socket) -> None:
        with client, contextlib.suppress(OSError, EOFError):
            if not self._greet(client):
                return
            self.clients += 1
            while True:
                first = _receive(client)
                server = self._rested.get(timeout=30)
                self.lent += 1
                try:
                    _transaction(client, server, first)
                finally:
                    self._rested.put(server)

    def _greet(self, client: socket.socket) -> bool:
        (code, *_), words = struct.unpack_from("!i", body := _exactly(client, _length(client))), body[4:]
        if code == SSL:
            client.sendall(b"N")
            return self._greet(client)
        if code == CANCEL:
            return False
        if b"\0options\0" in b"\0" + words:
            client.sendall(_packed(b"E", b"SFATAL\0C08P01\0Munsupported startup parameter: options\0\0"))
            return False
        client.sendall(b"".join(_packed(*each) for each in [HELLO[0], *self._hello, *HELLO[1:]]))
        return True


def _transaction(client: socket.socket, server: socket.socket, message: Message) -> None:
    """Relay messages until no transaction is open; roll back if the client disconnects within one."""
    try:
        while True:
            server.sendall(_packed(*message))
            while message[0] not in ENDS_A_TURN:
                message = _receive(client)
                server.sendall(_packed(*message))
            if _until_ready(server, client) == IDLE:
                return
            message = _receive(client)
    except EOFError:
        server.sendall(_packed(b"S", b""))
        if _until_ready(server, None) != IDLE:
            server.sendall(_packed(b"Q", b"ROLLBACK\0"))
            _until_ready(server, None)
        raise


def _until_ready(server: socket.socket, client: socket.socket | None) -> bytes:
    """Relay the server's response to the client, if still connected; return the transaction status."""
    while True:
        kind, body = _receive(server)
        if client is not None:
            try:
                client.sendall(_packed(kind, body))
            except OSError:
                client = None
        if kind == b"Z":
            return body


def _receive(end: socket.socket) -> Message:
    """Return the next message; treat Terminate as the end of the connection."""
    kind = _exactly(end, 1)
    if kind == b"X":
        raise EOFError
    return kind, _exactly(end, _length(end))


def _length(end: socket.socket) -> int:
    return int(struct.unpack("!i", _exactly(end, 4))[0]) - 4


def _exactly(end: socket.socket, size: int) -> bytes:
    parts = bytearray()
    while len(parts) < size:
        if not (part := end.recv(size - len(parts))):
            raise EOFError
        parts += part
    return bytes(parts)


def _packed(kind: bytes, body: bytes) -> bytes:
    return kind + struct.pack("!i", len(body) + 4) + body


@contextlib.contextmanager
def rotating_pooler_for(url: str, *, size: int) -> Iterator[RotatingPooler]:
    """Yield a rotating pooler in front of this database."""
    swapper = RotatingPooler(url, size=size)
    try:
        yield swapper
    finally:
        swapper.close()

"""A raw HTTP/1.1 client that can send requests a client library would refuse to send."""

import json
import socket
from dataclasses import dataclass
from typing import Any

from bench.chaos.system import System

TIMEOUT_SECONDS = 20.0


@dataclass(frozen=True)
class Reply:
    """One response; `closed` is whether it announced that the server closes the connection."""

    status: int
    headers: dict[str, str]
    content: bytes

    @property
    def closed(self) -> bool:
        return self.headers.get("connection", "").lower() == "close"

    @property
    def problem(self) -> dict[str, Any]:
        assert self.headers["content-type"] == "application/problem+json"
        return dict(json.loads(self.content))

    @property
    def codes(self) -> list[str]:
        return [each["code"] for each in self.problem.get("errors", [])]


class Connection:
    """A connection to a server."""

    def __init__(self, address: tuple[str, int]) -> None:
        self.socket = socket.create_connection(address, timeout=TIMEOUT_SECONDS)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.stream = self.socket.makefile("rb")

    def __enter__(self) -> "Connection":
        return self

    def __exit__(self, *_: object) -> None:
        self.stream.close()
        self.socket.close()

    def send(self, raw: bytes) -> None:
        self.socket.sendall(raw)

    def end(self) -> None:
        """Close the sending half of the connection."""
        self.socket.shutdown(socket.SHUT_WR)

    def read(self) -> Reply:
        """Return the next response; fail if the connection ends first."""
        line = self.stream.readline()
        assert line, "the connection ended without an answer"
        headers = {}
        while (header := self.stream.readline().strip()) != b"":
            name, _, value = header.decode("latin-1").partition(":")
            headers[name.lower()] = value.strip()
        return Reply(int(line.split()[1]), headers, self.stream.read(int(headers.get("content-length", "0"))))

    def has_ended(self) -> bool:
        """Wait for the server to close the connection."""
        try:
            return self.socket.recv(1) == b""
        except ConnectionResetError:
            return True


def head(method: str, path: str, *lines: str) -> bytes:
    """Return a request's start line and headers."""
    return "\r\n".join([f"{method} {path} HTTP/1.1", "Host: 127.0.0.1", *lines, "", ""]).encode("latin-1")


def ask(address: tuple[str, int], method: str, path: str, *lines: str, content: bytes | None = None) -> Reply:
    """Send one well-formed request on a new connection; return the response."""
    if content is not None:
        lines = (*lines, "Content-Type: application/json", f"Content-Length: {len(content)}")
    with Connection(address) as connection:
        connection.send(head(method, path, *lines) + (content or b""))
        return connection.read()


def contents(system: System) -> list[Any]:
    """Return row counts of every table a write could change, and the state of every slot and token."""
    with system.connect() as link:
        return link.execute(
            "SELECT (SELECT count(*) FROM events_event), (SELECT count(*) FROM accounts_user),"
            " (SELECT md5(string_agg(t::text, '' ORDER BY t::text)) FROM accounts_apikey t),"
            " (SELECT md5(string_agg(t::text, '' ORDER BY t::text)) FROM patients_patient t),"
            " (SELECT md5(string_agg(t::text, '' ORDER BY t::text)) FROM clinics_doctor t),"
            " (SELECT md5(string_agg(t::text, '' ORDER BY t::text)) FROM clinics_slot t),"
            " (SELECT md5(string_agg(t::text, '' ORDER BY t::text)) FROM tokens_token t)"
        ).fetchall()

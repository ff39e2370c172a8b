"""Truncated, oversized and refused request bodies, at every endpoint of a running server.

An incomplete body is never processed, and no response is lost on a connection that stays open.
"""

import json
import socket
from contextlib import closing
from dataclasses import dataclass
from typing import Any

import pytest

from bench.chaos.system import System
from tests.scale.helpers import hospital_of
from tests.security.openapi_operations import OPEN, Operation, create_objects, writes
from tests.security.raw_http import contents
from tests.support.hospital import Hospital

LIMIT = 256 * 1024


@pytest.fixture(scope="module")
def hospital(system: System, django_db_blocker: Any) -> Hospital:
    with django_db_blocker.unblock():
        return hospital_of(system)


@pytest.fixture(scope="module")
def things(hospital: Hospital) -> dict[str, str]:
    return create_objects(hospital)


@dataclass(frozen=True)
class Reply:
    status: int
    headers: dict[str, str]
    body: bytes


class Connection:
    """A raw keep-alive connection."""

    def __init__(self, system: System) -> None:
        self._socket = socket.create_connection(system.web.address, timeout=20)
        self._reader = self._socket.makefile("rb")

    def send(self, head: str, body: bytes = b"", *, finish: bool = False) -> None:
        self._socket.sendall(head.encode() + b"\r\n" + body)
        if finish:
            self._socket.shutdown(socket.SHUT_WR)

    def reply(self) -> Reply | None:
        """Return the next response, or None if the server closed the connection without one."""
        line = self._reader.readline()
        if not line:
            return None
        headers: dict[str, str] = {}
        while (row := self._reader.readline().strip()) != b"":
            name, _, value = row.decode("latin-1").partition(":")
            headers[name.strip().lower()] = value.strip()
        return Reply(int(line.split()[1]), headers, self._reader.read(int(headers.get("content-length", 0))))

    def close(self) -> None:
        self._reader.close()
        self._socket.close()


def head(operation: Operation, things: dict[str, str], authorization: str = "", **headers: str) -> str:
    lines = [f"{operation.method} {operation.address(things)} HTTP/1.1", "Host: 127.0.0.1"]
    if authorization:
        lines.append(f"Authorization: {authorization}")
    lines += [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
    return "\r\n".join(lines) + "\r\n"


CUT_OFF = {
    "nothing of it came": ("Content-Length", "40", b""),
    "half of it came": ("Content-Length", "400", b'{"reason": "half'),
    "a whole object came, and more was promised": ("Content-Length", "400", b"{}"),
    "a chunk is cut off": ("Transfer-Encoding", "chunked", b"28\r\n{}"),
    "the last chunk is missing": ("Transfer-Encoding", "chunked", b"2\r\n{}\r\n"),
    "a chunk has no size": ("Transfer-Encoding", "chunked", b"zz\r\n{}\r\n0\r\n\r\n"),
}


@pytest.mark.parametrize("how", CUT_OFF)
def test_a_body_that_is_cut_off_is_not_carried_out(
    system: System, hospital: Hospital, things: dict[str, str], how: str
) -> None:
    name, value, body = CUT_OFF[how]
    before = contents(system)
    for operation in writes():
        authorization = "" if operation.capability == OPEN else hospital.admin.authorization
        with closing(Connection(system)) as connection:
            asked = head(operation, things, authorization, Content_Type="application/json", **{name: value})
            connection.send(asked, body, finish=True)
            reply = connection.reply()
        assert reply is None or reply.status == 400, (str(operation), reply)
    assert contents(system) == before


@pytest.mark.parametrize("size", [40, 5_000, 200_000])
def test_a_refused_request_leaves_the_connection_whole(
    system: System, hospital: Hospital, things: dict[str, str], size: int
) -> None:
    """A request with a body and without credentials gets its response, and so does the next request."""
    body = json.dumps({"reason": "x" * size}).encode()
    for operation in writes():
        with closing(Connection(system)) as connection:
            for _ in range(2):
                asked = head(operation, things, Content_Type="application/json", Content_Length=str(len(body)))
                connection.send(asked, body)
                reply = connection.reply()
                assert reply is not None, str(operation)
                assert 400 <= reply.status < 500, (str(operation), reply)
                if reply.headers.get("connection", "").lower() == "close":
                    break
                connection.send("GET /healthz/live HTTP/1.1\r\nHost: 127.0.0.1\r\n")
                alive = connection.reply()
                assert alive is not None, str(operation)
                assert alive.status == 200, str(operation)


@pytest.mark.parametrize("chunked", [False, True])
def test_a_body_that_is_too_large(system: System, hospital: Hospital, things: dict[str, str], chunked: bool) -> None:
    size = LIMIT + 1
    body, how = b" " * size, {"Content_Length": str(size)}
    if chunked:
        body, how = f"{size:x}\r\n".encode() + body + b"\r\n0\r\n\r\n", {"Transfer_Encoding": "chunked"}
    before = contents(system)
    for operation in writes():
        authorization = "" if operation.capability == OPEN else hospital.admin.authorization
        with closing(Connection(system)) as connection:
            connection.send(head(operation, things, authorization, Content_Type="application/json", **how), body)
            reply = connection.reply()
        assert reply is not None, str(operation)
        assert reply.status == 413, (str(operation), reply)
        assert json.loads(reply.body)["code"] == "payload-too-large"
    assert contents(system) == before


def test_headers_with_underscores_are_not_heard(system: System, hospital: Hospital, things: dict[str, str]) -> None:
    """`Idempotency_Key` is not `Idempotency-Key`, and `X_Forwarded_For` is not `X-Forwarded-For`."""
    for operation in writes():
        if "{" not in operation.path and operation.capability != OPEN:
            asked = head(operation, things, hospital.admin.authorization, Content_Length="2")
            twin = asked + "Idempotency_Key: not visible \x01\r\nIf_Match: nonsense\r\nContent_Type: text/csv\r\n"
            with closing(Connection(system)) as connection:
                connection.send(twin, b"[]")
                reply = connection.reply()
            if reply is not None and reply.status == 400 and b"Idempotency" in reply.body:
                raise AssertionError(str(operation))

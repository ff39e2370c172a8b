"""Bodies that another program would read differently are refused, at every endpoint of a running server.

A proxy, a log or a signature check in front of the engine may take another one of two values, or other bytes.
"""

import json
from typing import Any

import pytest

from bench.chaos.system import System
from tests.scale.helpers import hospital_of
from tests.security.openapi_operations import Operation, authorization_of, create_objects, writes
from tests.security.raw_http import Connection, Reply, contents, head
from tests.support.hospital import Hospital

JSON = "Content-Type: application/json"
ORIGIN = "https://desk.example"
CHUNKS = b"2\r\n{}\r\n0\r\n\r\n"
FRAMINGS = {
    "gzip, then chunked": (["Transfer-Encoding: gzip, chunked"], CHUNKS, 400),
    "chunked twice": (["Transfer-Encoding: chunked, chunked"], CHUNKS, 400),
    "two lines": (["Transfer-Encoding: chunked", "Transfer-Encoding: chunked"], CHUNKS, 400),
    "identity": (["Transfer-Encoding: identity"], b"{}", 400),
    "compressed": (["Content-Encoding: gzip", "Content-Length: 2"], b"{}", 415),
    "compressed chunks": (["Content-Encoding: br", "Transfer-Encoding: chunked"], CHUNKS, 415),
}


@pytest.fixture(scope="module")
def hospital(system: System, django_db_blocker: Any) -> Hospital:
    with django_db_blocker.unblock():
        return hospital_of(system)


@pytest.fixture(scope="module")
def things(hospital: Hospital) -> dict[str, str]:
    return create_objects(hospital)


def send(system: System, hospital: Hospital, operation: Operation, path: str, *lines: str, body: bytes) -> Reply:
    authorization = authorization_of(operation, hospital)
    signed = [f"Authorization: {authorization}"] if authorization else []
    with Connection(system.address) as connection:
        connection.send(head(operation.method, path, *signed, *lines) + body)
        return connection.read()


@pytest.mark.parametrize("how", FRAMINGS)
def test_another_coding_than_plain_chunks_is_refused(
    system: System, hospital: Hospital, things: dict[str, str], how: str
) -> None:
    lines, body, status = FRAMINGS[how]
    before = contents(system)
    for operation in writes():
        reply = send(system, hospital, operation, operation.address(things), JSON, *lines, body=body)
        # The HTTP parser itself refuses some of these, without a body.
        assert reply.status == status, (str(operation), reply)
        assert reply.content == b"" or reply.problem["status"] == status
    assert contents(system) == before


@pytest.mark.parametrize("length", ["Content-Length: 4", "Content-Length: 400"])
def test_a_length_beside_chunks_is_ignored_and_the_connection_ends(
    system: System, hospital: Hospital, length: str
) -> None:
    token = hospital.token(hospital.slot())
    lines = [f"Authorization: {hospital.desk.authorization}", JSON, length, "Transfer-Encoding: chunked"]
    with Connection(system.address) as connection:
        connection.send(head("POST", f"/api/v1/tokens/{token['id']}/check_in/", *lines) + CHUNKS)
        reply = connection.read()
        assert (reply.status, reply.closed) == (200, True), reply
        assert connection.has_ended()


def test_a_field_that_is_given_twice_is_refused(system: System, hospital: Hospital, things: dict[str, str]) -> None:
    before, tried = contents(system), 0
    for operation in writes():
        if not operation.fields or operation.path.endswith("/oauth/token/"):
            continue
        for name, _ in operation.fields:
            example = operation.example if isinstance(operation.example, dict) else {}
            value = json.dumps(example.get(name))
            body = f'{{"{name}": {value}, "{name}": {value}}}'.encode()
            length = f"Content-Length: {len(body)}"
            reply = send(system, hospital, operation, operation.address(things), JSON, length, body=body)
            assert (reply.status, reply.codes) == (400, ["repeated"]), (str(operation), reply)
            tried += 1
    assert tried > 50
    assert contents(system) == before


def test_a_form_field_that_is_given_twice_is_refused(system: System, hospital: Hospital) -> None:
    body = b"grant_type=password&username=a&password=b&username=c"
    [operation] = [each for each in writes() if each.path.endswith("/oauth/token/")]
    lines = ["Content-Type: application/x-www-form-urlencoded", f"Content-Length: {len(body)}"]
    reply = send(system, hospital, operation, operation.path, *lines, body=body)
    assert (reply.status, reply.codes) == (400, ["repeated"])


REFUSED_UNREAD = {
    "too large": (["Content-Length: 300000"], b" " * 300_000),
    "much too large": (["Content-Length: 99999999"], b""),
    "too large chunks": (["Transfer-Encoding: chunked"], b"%x\r\n%b\r\n0\r\n\r\n" % (300_000, b" " * 300_000)),
    "another coding": (["Transfer-Encoding: gzip, chunked"], CHUNKS),
    "compressed": (["Content-Encoding: gzip", "Content-Length: 2"], b"{}"),
    "a long header": (["Accept: " + "a" * 2_000], b""),
}


@pytest.mark.parametrize("how", REFUSED_UNREAD)
@pytest.mark.parametrize("path", ["/api/v1/auth/token/", "/api/v1/nothing/", "/healthz/live", "/admin/login/"])
def test_what_the_web_server_refuses_has_the_headers_of_other_answers(system: System, path: str, how: str) -> None:
    lines, body = REFUSED_UNREAD[how]
    with Connection(system.address) as connection:
        connection.send(head("POST", path, JSON, f"Origin: {ORIGIN}", *lines) + body)
        reply = connection.read()
    assert reply.problem["status"] == reply.status
    assert 400 <= reply.status < 500
    assert reply.headers["cache-control"] == "no-store"
    assert reply.headers["x-content-type-options"] == "nosniff"
    assert reply.headers["x-frame-options"] == "DENY"
    assert "default-src" in reply.headers["content-security-policy"]
    assert reply.headers["access-control-allow-origin"] == ORIGIN
    assert "origin" in reply.headers["vary"].lower()

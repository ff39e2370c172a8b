"""Processing time grows at most linearly with the length of a body, header or query, at every endpoint.

Each shape is sent with about 64 KB and, unless that took no longer than a request always may, with about 8 KB: eight
times the length may take at most sixteen times the processor time. Time is that of this thread alone, and the shortest
of several tries counts.
"""

import json
import time
from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client

from tests.factories import first_admin
from tests.security.openapi_operations import Operation, authorization_of, create_objects, writes
from tests.support.api import in_process
from tests.support.hospital import PASSWORD, Hospital

SMALL, LARGE, TRIES, RATIO = 8_000, 64_000, 3, 16
FLOOR_SECONDS = 0.004
"""Below this the request itself costs more than its body, and the clock's steps more than both."""

Shape = Callable[[int], bytes]
BODIES: dict[str, Shape] = {
    "escaped quotes in a text that never ends": lambda size: b'{"username":"' + b'\\"' * (size // 2) + b"[" * 40,
    "brackets in a text": lambda size: b'{"name": "' + b"[{" * (size // 2) + b'"}',
    "open brackets": lambda size: b"[" * size,
    "many unknown fields": lambda size: _object({f"f{i}": i for i in range(size // 14)}),
    "many fields of one name": lambda size: b"{" + b",".join([b'"name": "x"'] * (size // 11)) + b"}",
    "a list of numbers": lambda size: b'{"scopes": [' + b"1," * (size // 2) + b"1]}",
    "a long number": lambda size: b'{"acuity": ' + b"9" * size + b"}",
    "a long exponent": lambda size: b'{"acuity": 1e' + b"9" * size + b"}",
    "a long fraction": lambda size: b'{"acuity": 0.' + b"9" * size + b"}",
    "blanks": lambda size: b" " * size + b"{",
    "escapes of surrogates": lambda size: b'{"name": "' + b"\\ud83d" * (size // 6) + b'"}',
}
TEXTS: dict[str, Callable[[int], str]] = {
    "letters": lambda size: "a" * size,
    "digits": lambda size: "9" * size,
    "blanks": lambda size: " " * size,
    "at signs": lambda size: "a@" * (size // 2),
    "dots": lambda size: "a." * (size // 2) + "@",
    "dashes": lambda size: "2026-" * (size // 5),
    "combining marks": lambda size: "a" + "\u0301\u0323" * (size // 6),
    "joiners": lambda size: "\u0915\u200d" * (size // 6),
}


def _object(value: Any) -> bytes:
    return json.dumps(value).encode()


@pytest.fixture
def hospital(db: None) -> Hospital:
    return Hospital(in_process(), first_admin(PASSWORD).username, PASSWORD)


@pytest.fixture
def things(hospital: Hospital) -> dict[str, str]:
    return create_objects(hospital)


def seconds(send: Callable[[], Any], *, enough: float = 0.0) -> float:
    """The shortest of several tries; there are no more of them when one took less than `enough`."""
    shortest = float("inf")
    for _ in range(TRIES):
        began = time.thread_time()
        response = send()
        shortest = min(shortest, time.thread_time() - began)
        assert response.status_code < 500
        if shortest < enough:
            break
    return shortest


def assert_linear(send: Callable[[int], Any], what: str) -> None:
    always_granted = RATIO * FLOOR_SECONDS
    large = seconds(lambda: send(LARGE), enough=always_granted)
    if large < always_granted:
        return
    small = max(seconds(lambda: send(SMALL)), FLOOR_SECONDS)
    assert large < RATIO * small, f"{what}: {small * 1000:.1f} ms for 8 KB, {large * 1000:.1f} ms for 64 KB"


def _poster(hospital: Hospital, operation: Operation, things: dict[str, str]) -> Callable[[bytes], Any]:
    client, address = Client(raise_request_exception=False), operation.address(things)
    authorization = authorization_of(operation, hospital)
    headers = {"Authorization": authorization} if authorization else {}

    def post(content: bytes) -> Any:
        return client.generic(operation.method, address, content, content_type="application/json", headers=headers)

    return post


@pytest.mark.parametrize("shape", BODIES)
def test_of_every_body(hospital: Hospital, things: dict[str, str], shape: str) -> None:
    for operation in writes():
        post = _poster(hospital, operation, things)
        assert_linear(lambda size, post=post: post(BODIES[shape](size)), f"{operation}: {shape}")


@pytest.mark.parametrize("text", TEXTS)
def test_of_every_field(hospital: Hospital, things: dict[str, str], text: str) -> None:
    for operation in writes():
        if not operation.fields:
            continue
        post = _poster(hospital, operation, things)
        example = operation.example if isinstance(operation.example, dict) else {}

        def send(size: int, post: Any = post, operation: Operation = operation, example: Any = example) -> Any:
            names = [name for name, kind in operation.fields if kind in ("string", "array", "")]
            long = TEXTS[text](size // max(1, len(names)))
            return post(_object({**example, **dict.fromkeys(names, long)}))

        assert_linear(send, f"{operation}: {text}")


PIECES_OF_HEADERS = ("a", ",", '"', "W/", ";q=", " ", "a=b;", "1.1.1.1, ")


@pytest.mark.parametrize("header", ["Authorization", "Idempotency-Key", "If-Match", "If-None-Match", "Accept",
                                    "Content-Type", "X-Forwarded-For", "X-Request-ID", "Origin", "Cookie"])  # fmt: skip
def test_of_every_header(hospital: Hospital, things: dict[str, str], header: str) -> None:
    client, authorization = Client(raise_request_exception=False), {"Authorization": hospital.desk.authorization}
    for piece in PIECES_OF_HEADERS:

        def send(size: int, piece: str = piece) -> Any:
            headers = {**authorization, header: piece * (size // len(piece))}
            return client.generic("PATCH", f"/api/v1/slots/{things['slots']}/", b"{}", headers=headers)

        assert_linear(send, f"{header}: {piece!r}")


PIECES_OF_QUERIES = ("a", "9", "%20", "WAITING,", "a%20", "%CC%81", "2026-")


@pytest.mark.parametrize("path", ["patients/?search=", "doctors/?search=", "doctors/?specialization=", "slots/?date=",
                                  "tokens/?status=", "tokens/?page=", "waiting-list/?status=", "events/?after=",
                                  "reports/daily/?date=", "slots/?doctor="])  # fmt: skip
def test_of_every_query(hospital: Hospital, path: str) -> None:
    client, headers = Client(raise_request_exception=False), {"Authorization": hospital.admin.authorization}
    for piece in PIECES_OF_QUERIES:

        def send(size: int, piece: str = piece) -> Any:
            return client.get(f"/api/v1/{path}{piece * (size // len(piece))}", headers=headers)

        assert_linear(send, f"{path}{piece}")

"""Malformed, slow, oversized and refused request bodies, sent to the web server as started in production."""

import time
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from bench.chaos.system import System
from core.api.json_body import MAX_BYTES
from tests.scale.helpers import hospital_of
from tests.security.raw_http import Connection, Reply, ask, head
from tests.support.eventually import eventually
from tests.support.hospital import Hospital, unique

BASE = "/api/v1/"
INSIDE = "X-Forwarded-For: 10.1.2.3"
OUTSIDE = "X-Forwarded-For: 203.0.113.9"
JSON = "Content-Type: application/json"


@pytest.fixture(scope="module")
def hospital(system: System, django_db_blocker: Any) -> Hospital:
    with django_db_blocker.unblock():
        return hospital_of(system)


def send(system: System, raw: bytes, *, end: bool = True) -> Reply:
    with Connection(system.address) as connection:
        connection.send(raw)
        if end:
            connection.end()
        return connection.read()


BROKEN = {
    "nothing of it came": (["Content-Length: 40"], b"", True),
    "a part of it came": (["Content-Length: 40"], b"{}", True),
    "a chunk is cut off": (["Transfer-Encoding: chunked"], b"5\r\n{}", True),
    "the last chunk is missing": (["Transfer-Encoding: chunked"], b"2\r\n{}\r\n", True),
    "no chunk came": (["Transfer-Encoding: chunked"], b"", True),
    "a chunk without a size": (["Transfer-Encoding: chunked"], b"2\r\n{}\r\nZZ\r\n", False),
}


@pytest.mark.parametrize("how", BROKEN)
def test_a_broken_body_is_refused_and_changes_nothing(system: System, hospital: Hospital, how: str) -> None:
    slot = hospital.slot(capacity=3)
    token = hospital.token(slot)
    lines, content, end = BROKEN[how]
    key = unique("once").replace(" ", "-")
    signed = f"Authorization: {hospital.desk.authorization}"
    acts = [
        ("POST", f"{BASE}tokens/{token['id']}/check_in/"),
        ("DELETE", f"{BASE}tokens/{token['id']}/"),
        ("POST", f"{BASE}slots/{slot['id']}/close/"),
        ("PATCH", f"{BASE}slots/{slot['id']}/"),
        ("PUT", f"{BASE}slots/{slot['id']}/delay/"),
        ("DELETE", f"{BASE}slots/{slot['id']}/"),
        ("POST", f"{BASE}auth/token/"),
        ("GET", f"{BASE}slots/{slot['id']}/tokens/"),
        ("GET", "/healthz/live"),
        ("POST", "/admin/login/"),
    ]
    for method, path in acts:
        for more in ([], [f"Idempotency-Key: {key}"]):
            reply = send(system, head(method, path, signed, JSON, *more, *lines) + content, end=end)
            assert (reply.status, reply.codes) == (400, ["incomplete-body"]), (method, path)
    assert hospital.desk.get(f"tokens/{token['id']}/").expect(200)["status"] == token["status"]
    assert hospital.slot_now(slot)["status"] == slot["status"]
    again = hospital.desk.post(f"tokens/{token['id']}/check_in/", {}, headers={"Idempotency-Key": key})
    assert again.expect(200)["status"] == "CHECKED_IN"


def test_a_chunked_body_is_read_like_any_other(system: System, hospital: Hospital) -> None:
    signed = f"Authorization: {hospital.desk.authorization}"
    token = hospital.token(hospital.slot())
    raw = head("POST", f"{BASE}tokens/{token['id']}/check_in/", signed, JSON, "Transfer-Encoding: chunked")
    assert send(system, raw + b"1\r\n{\r\n1\r\n}\r\n0\r\n\r\n", end=False).status == 200


@pytest.mark.parametrize("path", [f"{BASE}auth/token/", f"{BASE}nothing/", "/healthz/live", "/admin/login/"])
@pytest.mark.parametrize("chunked", [True, False])
def test_a_body_that_is_too_large_is_dropped_and_answered(system: System, path: str, chunked: bool) -> None:
    content = b" " * (MAX_BYTES + 1)
    framed = b"%x\r\n%b\r\n0\r\n\r\n" % (len(content), content) if chunked else content
    length = "Transfer-Encoding: chunked" if chunked else f"Content-Length: {len(content)}"
    with Connection(system.address) as connection:
        for _ in range(2):
            connection.send(head("POST", path, JSON, length) + framed)
            reply = connection.read()
            assert (reply.status, reply.problem["code"], reply.closed) == (413, "payload-too-large", False)


@pytest.mark.parametrize(
    "raw",
    [
        head("POST", f"{BASE}tokens/", "Content-Length: 999999999999999999") + b"{}",
        head("POST", f"{BASE}tokens/", "Transfer-Encoding: chunked") + b"1\r\n \r\n" * 3_000,
        head("POST", f"{BASE}tokens/", "Transfer-Encoding: chunked") + (b"ffff\r\n" + b" " * 65_535 + b"\r\n") * 17,
    ],
    ids=["long", "in crumbs", "without length"],
)
def test_a_body_without_end_is_refused_with_the_end_of_the_connection(system: System, raw: bytes) -> None:
    with Connection(system.address) as connection:
        connection.send(raw)
        reply = connection.read()
        assert (reply.status, reply.problem["code"], reply.closed) == (413, "payload-too-large", True)
        assert connection.has_ended()


def test_the_health_check_answers_under_two_hundred_slow_bodies_which_then_time_out(system: System) -> None:
    with ExitStack() as stack:
        slow = [stack.enter_context(Connection(system.address)) for _ in range(200)]
        for connection in slow:
            connection.send(head("POST", f"{BASE}auth/token/", JSON, "Content-Length: 40"))
        for _ in range(20):
            began = time.monotonic()
            assert ask(system.address, "GET", "/healthz/ready", INSIDE).status == 200
            assert ask(system.address, "POST", f"{BASE}auth/token/", content=b"{}").status == 400
            assert time.monotonic() - began < 2
        replies = [connection.read() for connection in slow]
        assert {(reply.status, reply.problem["code"], reply.closed) for reply in replies} == {
            (408, "request-timeout", True)
        }
        assert all(connection.has_ended() for connection in slow)


def test_a_body_that_trickles_is_refused_at_the_latest_after_the_deadline(system: System) -> None:
    with Connection(system.address) as connection:
        began = time.monotonic()
        connection.send(head("POST", f"{BASE}auth/token/", JSON, "Content-Length: 200000"))
        connection.socket.settimeout(0.2)
        reply = None
        while reply is None and time.monotonic() - began < 14:
            connection.send(b" " * 1_000)  # fast enough for the least rate, too slow for the whole
            try:
                if connection.socket.recv(1, 2):  # MSG_PEEK
                    connection.socket.settimeout(5)
                    reply = connection.read()
            except TimeoutError:
                continue
        assert reply is not None
        assert reply.status == 408
        assert 9 < time.monotonic() - began < 13


def test_refusals_lose_no_answer_of_the_next_request_on_the_connection(system: System) -> None:
    refused = [
        (head("POST", f"{BASE}tokens/", JSON, "Content-Length: 90") + b" " * 90, 401),
        (head("POST", "/api/schema/", "Content-Length: 9000") + b" " * 9_000, 405),
        (head("PUT", f"{BASE}nothing/", "Content-Length: 90") + b" " * 90, 404),
        (head("POST", f"{BASE}tokens/", JSON, "Content-Length: 300000") + b" " * 300_000, 413),
    ]
    for raw, status in [refused[0]] * 1_850 + refused * 38:
        with ExitStack() as stack:
            connection = stack.enter_context(Connection(system.address))
            connection.send(raw)
            assert connection.read().status == status
            connection.send(head("GET", "/healthz/live"))
            assert connection.read().status == 200


def test_a_body_sent_piece_by_piece_before_a_refusal_loses_no_answer(system: System) -> None:
    with Connection(system.address) as connection:
        for _ in range(200):
            connection.send(head("POST", f"{BASE}tokens/", JSON, "Content-Length: 4"))
            for piece in (b"{", b" ", b" ", b"}"):
                connection.send(piece)
            assert connection.read().status == 401


@pytest.mark.parametrize("second", ["one-key", "other-key"])
def test_a_second_key_for_one_request_is_refused(system: System, hospital: Hospital, second: str) -> None:
    token = hospital.token(hospital.slot())
    signed = f"Authorization: {hospital.desk.authorization}"
    keys = ["Idempotency-Key: one-key", f"idempotency-key: {second}"]
    path = f"{BASE}tokens/{token['id']}/check_in/"
    reply = send(system, head("POST", path, signed, JSON, *keys, "Content-Length: 2") + b"{}", end=False)
    assert (reply.status, reply.codes) == (400, ["repeated"])
    assert hospital.desk.get(f"tokens/{token['id']}/").expect(200)["status"] == token["status"]


def metrics(system: System, *lines: str) -> int:
    return ask(system.address, "GET", "/metrics", *lines).status


def test_metrics_are_for_the_network_inside(system: System) -> None:
    assert metrics(system, INSIDE) == 200
    assert metrics(system, OUTSIDE) == 403


@pytest.mark.parametrize("name", ["X_Forwarded_For", "X_Forwarded-For", "x-forwarded_for"])
def test_names_with_underscores_are_dropped(system: System, name: str) -> None:
    forged = f"{name}: 10.1.2.3"
    assert metrics(system, OUTSIDE, forged) == 403
    assert metrics(system, forged, OUTSIDE) == 403
    assert metrics(system, forged) == 403


def test_lines_of_one_name_are_counted_together_from_the_right(system: System) -> None:
    assert metrics(system, INSIDE, OUTSIDE) == 403
    assert metrics(system, OUTSIDE, INSIDE) == 200
    assert metrics(system, INSIDE, "X-Request-ID: abcdefgh", OUTSIDE) == 403


def test_finished_requests_keep_no_memory(system: System) -> None:
    """A finished request keeps no memory: neither its body nor the objects that read it.

    Kept bodies would add 160 MB. Threads that start meanwhile add some too.
    """
    content = b" " * 200_000
    workers = system.web.workers

    def used() -> int:
        pages = [Path(f"/proc/{worker}/statm").read_text().split()[1] for worker in workers]
        return sum(map(int, pages)) * 4_096

    def rounds(number: int) -> None:
        for _ in range(number):
            assert ask(system.address, "POST", f"{BASE}tokens/", content=content).status == 401

    rounds(200)
    before = used()
    rounds(800)
    eventually(lambda: used() - before < 50_000_000, 5)

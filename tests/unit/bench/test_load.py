"""The load generator counts every response once and detects where each ends."""

import pytest

from bench import http_messages
from bench.load import Job, run
from bench.load_limit import responder
from bench.measuring import of_outcome, quantile


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{}", (200, 38, 2)),
        (b"HTTP/1.1 201 Created\r\nContent-Length: 11\r\nx: y\r\n\r\n{", (201, 50, 11)),
        (b"HTTP/1.1 304 Not Modified\r\netag: x\r\n\r\n", (304, 38, 0)),
        (b"HTTP/1.1 200 OK\r\ncontent-len", (0, 0, 0)),
        (b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n", (200, 47, 12)),
        (b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n2\r\n{}\r\n", (0, 0, 0)),
    ],
)
def test_an_answer_ends_where_its_head_says(data: bytes, expected: tuple[int, int, int]) -> None:
    assert http_messages.status_and_length(data) == expected


def test_a_request_is_what_a_proxy_would_pass_on() -> None:
    made = http_messages.request(
        "POST", "/api/v1/tokens/", host="127.0.0.1", authorization="Bearer abc", body={"hold": True}
    )
    head, _, body = made.partition(b"\r\n\r\n")
    assert head.startswith(b"POST /api/v1/tokens/ HTTP/1.1\r\nHost: 127.0.0.1")
    assert {b"X-Forwarded-Proto: https", b"Authorization: Bearer abc", b"Content-Length: 14"} <= set(
        head.split(b"\r\n")
    )
    assert body == b'{"hold": true}'


def test_every_request_is_answered_and_counted_once() -> None:
    requests = [http_messages.request("GET", f"/{number}", host="127.0.0.1") for number in range(500)]
    with responder() as port:
        outcome = run(Job("127.0.0.1", port, requests, clients=16))
    assert outcome.sent == len(outcome.latencies) == outcome.statuses[200] == 500
    assert outcome.lost == 0
    assert all(0 < latency <= outcome.seconds for latency in outcome.latencies)
    made = of_outcome(outcome, scenario="LOAD", target="ceiling")
    assert made.p50 <= made.p95 <= made.p99 <= made.slowest
    assert made.rate == pytest.approx(500 / outcome.seconds)


def test_a_repeated_request_is_sent_until_the_time_is_over() -> None:
    one = http_messages.request("GET", "/", host="127.0.0.1")
    with responder() as port:
        outcome = run(Job("127.0.0.1", port, [one], clients=8, seconds=0.2, repeat=True))
    assert outcome.statuses[200] > 8
    assert 0.2 <= outcome.seconds < 5


def test_a_quantile_is_a_value_that_was_measured() -> None:
    values = [float(number) for number in range(1, 101)]
    assert [quantile(values, share) for share in (0.5, 0.95, 0.99, 1.0)] == [50, 95, 99, 100]
    assert quantile([7.0], 0.99) == 7.0
    assert quantile([], 0.5) == 0.0

"""Reading a request body in pieces, and parsing request headers."""

from typing import Any

import pytest

from core.api.json_body import MAX_BYTES
from core.errors import EngineError, PayloadTooLarge, RequestTimeout, UnsupportedMediaType, ValidationFailed
from core.server.body import (
    DEADLINE_SECONDS,
    GRACE_SECONDS,
    LEAST_BYTES_PER_SECOND,
    MAX_DROPPED_BYTES,
    MAX_PIECES,
    REFUSAL,
    Body,
    environment,
)

CHUNKED = (b"transfer-encoding", b"chunked")


def length(number: int) -> tuple[bytes, bytes]:
    return (b"content-length", str(number).encode())


def piece(content: bytes, *, more: bool = True) -> dict[str, Any]:
    return {"type": "http.request", "body": content, "more_body": more}


def body_of(*messages: dict[str, Any], headers: list[tuple[bytes, bytes]]) -> Body:
    body = Body(headers, began=0)
    for message in messages:
        assert not body.finished
        body.receive(message)
    return body


def refusal_of(body: Body) -> type[EngineError] | None:
    assert body.finished
    assert body.content == b"" or body.refusal is None
    return None if body.refusal is None else type(body.refusal)


@pytest.mark.parametrize("headers", [[], [length(0)]])
def test_a_request_without_a_body_is_finished_at_once(headers: list[tuple[bytes, bytes]]) -> None:
    body = body_of(headers=headers)
    assert (refusal_of(body), body.content, body.drained) == (None, b"", True)


def test_a_body_of_the_announced_length_is_finished_with_its_last_byte() -> None:
    body = body_of(piece(b'{"a"'), piece(b": 1}"), headers=[length(8)])
    assert (refusal_of(body), body.content, body.drained) == (None, b'{"a": 1}', True)


def test_a_chunked_body_is_finished_when_it_says_so() -> None:
    body = body_of(piece(b"{"), piece(b"}"), piece(b"", more=False), headers=[CHUNKED])
    assert (refusal_of(body), body.content, body.drained) == (None, b"{}", True)


@pytest.mark.parametrize("last", [{"type": "http.disconnect"}, piece(b"", more=False)])
def test_a_body_shorter_than_announced_is_refused(last: dict[str, Any]) -> None:
    body = body_of(piece(b"{}"), last, headers=[length(40)])
    assert refusal_of(body) is ValidationFailed
    assert not body.drained


def test_a_body_above_the_limit_is_dropped_to_its_end() -> None:
    whole = MAX_BYTES + 1
    body = body_of(piece(b"x" * MAX_BYTES), piece(b"x"), headers=[length(whole)])
    assert (refusal_of(body), body.drained) == (PayloadTooLarge, True)


@pytest.mark.parametrize(
    ("messages", "header"),
    [
        ([], length(MAX_DROPPED_BYTES + 1)),
        ([], (b"content-length", b"9" * 5_000)),
        ([piece(b"x" * (MAX_DROPPED_BYTES + 1))], CHUNKED),
        ([piece(b"x")] * MAX_PIECES, CHUNKED),
    ],
)
def test_nobody_waits_for_the_end_of_a_body_without_measure(messages: list[Any], header: tuple[bytes, bytes]) -> None:
    body = body_of(*messages, headers=[header])
    assert (refusal_of(body), body.drained) == (PayloadTooLarge, False)


@pytest.mark.parametrize(
    "headers",
    [
        [(b"transfer-encoding", b"gzip, chunked")],
        [(b"transfer-encoding", b"chunked, chunked")],
        [(b"transfer-encoding", b"gzip")],
        [(b"transfer-encoding", b"identity")],
        [(b"transfer-encoding", b"")],
        [CHUNKED, CHUNKED],
        [(b"transfer-encoding", b"gzip"), CHUNKED],
    ],
)
def test_a_body_in_another_transfer_coding_is_refused_unread(headers: list[tuple[bytes, bytes]]) -> None:
    body = body_of(headers=headers)
    assert (refusal_of(body), body.drained) == (ValidationFailed, False)


@pytest.mark.parametrize("name", [b"chunked", b"Chunked", b" CHUNKED "])
def test_the_name_of_the_transfer_coding_has_no_case(name: bytes) -> None:
    assert not Body([(b"transfer-encoding", name)], began=0).finished


def test_a_small_body_in_too_many_pieces_is_refused_for_its_pieces() -> None:
    body = body_of(*[piece(b"x")] * MAX_PIECES, headers=[CHUNKED])
    assert body.refusal is not None
    assert body.refusal.detail == "A body may come in at most 2048 pieces. Send larger chunks."


def test_the_next_piece_is_due_earlier_at_a_low_rate_and_never_after_the_deadline() -> None:
    body = body_of(headers=[length(200_000)])
    assert body.due == GRACE_SECONDS
    body.receive(piece(b"x" * LEAST_BYTES_PER_SECOND))
    assert body.due == GRACE_SECONDS + 1
    body.receive(piece(b"x" * 100_000))
    assert body.due == DEADLINE_SECONDS
    body.give_up()
    assert (refusal_of(body), body.drained) == (RequestTimeout, False)


def environ_of(*headers: tuple[str, str], path: str = "/", query: str = "", body: Body | None = None) -> dict[str, Any]:
    pairs = [(name.encode("latin-1"), value.encode("latin-1")) for name, value in headers]
    scope = {
        "method": "GET",
        "raw_path": path.encode(),
        "query_string": query.encode(),
        "client": ("10.0.0.1", "5000"),
        "server": ("127.0.0.1", "8000"),
        "scheme": "http",
        "http_version": "1.1",
        "headers": pairs,
    }
    return environment(scope, body or Body([], began=0))


def test_lines_of_one_name_are_joined_in_their_order() -> None:
    made = environ_of(
        ("cookie", "a=1"), ("x-forwarded-for", "1.1.1.1"), ("cookie", "b=2"), ("x-forwarded-for", "2.2.2.2")
    )
    assert made["HTTP_COOKIE"] == "a=1;b=2"
    assert made["HTTP_X_FORWARDED_FOR"] == "1.1.1.1,2.2.2.2"


@pytest.mark.parametrize("name", ["x_forwarded_for", "content_type", "content_length", "_", "http_host"])
def test_names_with_underscores_are_dropped(name: str) -> None:
    made = environ_of((name, "7"))
    assert set(made) == set(environ_of())
    assert "7" not in made.values()


@pytest.mark.parametrize(("proxies", "seen"), [(0, ""), (1, "http"), (2, "https"), (3, "https")])
def test_of_several_schemes_that_of_our_outermost_proxy_counts(proxies: int, seen: str, settings: Any) -> None:
    settings.OPD_NUM_PROXIES = proxies
    forwarded = [("x-forwarded-proto", "https"), ("x-forwarded-proto", "http")]
    assert environ_of(*forwarded)["HTTP_X_FORWARDED_PROTO"] == seen


def test_the_path_is_decoded_byte_by_byte() -> None:
    assert environ_of(path="/a%2Fb%C3%A9%ff")["PATH_INFO"] == "/a/b\u00c3\u00a9\u00ff"


@pytest.mark.parametrize(
    ("header", "field"),
    [
        (("content-type", "a" * 257), "content-type"),
        (("accept", "a" * 1_025), "accept"),
        (("cookie", "\\" * 257), "cookie"),
        (("x-anything", "a" * 8_193), "x-anything"),
    ],
)
def test_a_header_beyond_measure_is_left_out_and_refused(header: tuple[str, str], field: str) -> None:
    made = environ_of(header)
    assert made[REFUSAL].errors[0]["field"] == field
    assert header[1] not in made.values()


@pytest.mark.parametrize("name", ["idempotency-key", "authorization", "content-type"])
@pytest.mark.parametrize("second", ["a", "b"])
def test_a_header_with_one_value_is_sent_once(name: str, second: str) -> None:
    assert REFUSAL not in environ_of((name, "a"))
    assert environ_of((name, "a"), (name, second))[REFUSAL].errors == [
        {"field": name, "code": "repeated", "detail": "Send this header once."}
    ]


def test_an_address_beyond_measure_is_refused() -> None:
    assert environ_of(path="/" + "a" * 100, query="b" * 8_100)[REFUSAL].errors[0]["field"] == "address"
    assert REFUSAL not in environ_of(path="/a", query="b" * 8_000)


@pytest.mark.parametrize(
    ("coding", "content", "refused"),
    [("gzip", b"{}", True), ("identity, br", b"{}", True), ("identity", b"{}", False), ("gzip", b"", False)],
)
def test_a_compressed_body_is_refused(coding: str, content: bytes, refused: bool) -> None:
    body = body_of(*([piece(content)] if content else []), headers=[length(len(content))])
    refusal = environ_of(("content-encoding", coding), body=body).get(REFUSAL)
    assert isinstance(refusal, UnsupportedMediaType) is refused

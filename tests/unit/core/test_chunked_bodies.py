"""A body without a length is read and counted, and never more of it than a body may have."""

from io import BytesIO
from typing import Any

from core.chunked_bodies import with_length
from core.parsers import MAX_BYTES


def seen(**environ: Any) -> tuple[str | None, bytes, int]:
    """What the application sees: the length, the body, and how many bytes were left unread."""
    stream = environ["wsgi.input"]
    found: list[Any] = []

    def app(environ: dict[str, Any], start_response: Any) -> list[bytes]:
        found.extend([environ.get("CONTENT_LENGTH"), environ["wsgi.input"].read()])
        return []

    with_length(app)(environ, None)
    return found[0], found[1], len(stream.read())


def test_a_chunked_body_gets_its_length() -> None:
    assert seen(HTTP_TRANSFER_ENCODING="gzip, Chunked", **{"wsgi.input": BytesIO(b"{}")}) == ("2", b"{}", 0)


def test_no_more_than_one_byte_too_many_is_read() -> None:
    length, body, left = seen(HTTP_TRANSFER_ENCODING="chunked", **{"wsgi.input": BytesIO(b"x" * (MAX_BYTES + 100))})
    assert (length, len(body), left) == (str(MAX_BYTES + 1), MAX_BYTES + 1, 99)


def test_a_body_with_a_length_is_left_alone() -> None:
    assert seen(CONTENT_LENGTH="2", **{"wsgi.input": BytesIO(b"{}")}) == ("2", b"{}", 0)

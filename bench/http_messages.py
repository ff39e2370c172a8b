"""The part of HTTP/1.1 that a load generator needs: the bytes of a request, and the end of a response."""

import json
from typing import Any


def request(
    method: str,
    path: str,
    *,
    host: str,
    authorization: str | None = None,
    body: Any = None,
    headers: dict[str, str] | None = None,
) -> bytes:
    """Return the bytes of a request as a hospital's TLS-terminating proxy forwards it."""
    lines = [
        f"{method} {path} HTTP/1.1",
        f"Host: {host}",
        "Accept: application/json",
        "X-Forwarded-Proto: https",
        "X-Forwarded-For: 203.0.113.7",
        *([f"Authorization: {authorization}"] if authorization else []),
        *(f"{name}: {value}" for name, value in (headers or {}).items()),
    ]
    content = b""
    if body is not None:
        content = json.dumps(body).encode()
        lines += ["Content-Type: application/json", f"Content-Length: {len(content)}"]
    return "\r\n".join([*lines, "", ""]).encode() + content


def status_and_length(data: bytes) -> tuple[int, int, int]:
    """Return the status, the start of the body and its length; the status is 0 while the head is incomplete."""
    end = data.find(b"\r\n\r\n")
    if end < 0:
        return 0, 0, 0
    status = int(data[9:12])
    at = data.find(b"content-length: ", 0, end)
    if at < 0:
        at = data.find(b"Content-Length: ", 0, end)
    if at >= 0:
        return status, end + 4, int(data[at + 16 : data.find(b"\r", at)])
    if status in (204, 304) or status < 200:
        return status, end + 4, 0
    if b"transfer-encoding: chunked" in data[:end].lower():
        return (status, end + 4, len(data) - end - 4) if data.endswith(b"\r\n0\r\n\r\n") else (0, 0, 0)
    raise ValueError(f"a response without a length: {data[:end]!r}")


class Partial:
    """A response that arrives in pieces; `needed` is its length, or 0 if it is not known yet."""

    __slots__ = ("needed", "pieces")

    def __init__(self, first: bytes, *, needed: int) -> None:
        self.pieces = bytearray(first)
        self.needed = needed

    def add(self, piece: bytes) -> bytes:
        """Add a piece; return all bytes so far once they may be the whole response, else no bytes."""
        self.pieces += piece
        return bytes(self.pieces) if len(self.pieces) >= self.needed else b""

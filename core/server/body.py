"""Receive and check the body of every request before Django sees it, for all paths and methods.

The body is compared with its Content-Length, and its size, the number of its pieces and its duration are limited.
Django gets a complete body in memory, or no body and the reason for the refusal (`REFUSAL`), with which
`core.api.middleware` answers. `Body` never waits: its caller passes what has arrived, and `Body` keeps track of what is
missing, so that a slow client occupies a connection but no thread.
"""

import sys
from collections.abc import Callable, Iterable, Mapping
from io import BytesIO
from typing import Any
from urllib.parse import unquote_to_bytes

from core.api.client_address import outermost_hop
from core.api.json_body import MAX_BYTES
from core.errors import EngineError, PayloadTooLarge, RequestTimeout, UnsupportedMediaType, ValidationFailed

REFUSAL = "opd.refusal"
"""The key in the WSGI environment that holds the EngineError with which a request is refused."""

MAX_LINE_BYTES = 8_192
MAX_HEADER_BYTES = {b"accept": 1_024, b"content-type": 256}
"""Shorter than `MAX_LINE_BYTES`, because Django reads parameters of media types in quadratic time."""
SINGLE_HEADERS = frozenset({b"authorization", b"content-type", b"idempotency-key"})
"""A second line of these would be joined to the first, and make a value that nobody sent."""
MAX_COOKIE_BACKSLASHES = 256
"""Python before 3.11.10, 3.12.6 and 3.13 unquotes cookies in quadratic time."""

MAX_DROPPED_BYTES = 4 * MAX_BYTES
MAX_PIECES = 2_048
DEADLINE_SECONDS = 10.0
GRACE_SECONDS = 4.0
LEAST_BYTES_PER_SECOND = 1_024

App = Callable[[dict[str, Any], Callable[..., Any]], Iterable[bytes]]
Headers = list[tuple[bytes, bytes]]


class Body:
    """The body of one request while it arrives.

    `finished` is True when nothing more has to be read. Then `refusal` is the reason to refuse the request, or None,
    and `drained` is True if the connection can be used again. A body above the size limit is read and discarded up to
    `MAX_DROPPED_BYTES`, so that the client receives the answer.
    """

    def __init__(self, headers: Headers, *, began: float) -> None:
        names = dict(headers)
        length = names.get(b"content-length", b"")
        self.announced = int(length) if length.isdigit() and len(length) < 16 else None
        self.size = 0
        self.refusal: EngineError | None = None
        self.drained = True
        self.finished = self.announced == 0 or not (length or b"transfer-encoding" in names)
        self._began = began
        self._pieces = 0
        self._content = bytearray()
        if b"transfer-encoding" in names:
            self.announced = None
            if not _is_chunked(headers):
                self._refuse(_unknown_framing())
        elif not self.finished and (self.announced is None or self.announced > MAX_DROPPED_BYTES):
            self._refuse(PayloadTooLarge())

    @property
    def content(self) -> bytes:
        """The whole body; empty if it was refused."""
        return b"" if self.refusal else bytes(self._content)

    @property
    def due(self) -> float:
        """The time on the monotonic clock by which the next piece must arrive; earlier when the rate is low."""
        return self._began + min(DEADLINE_SECONDS, GRACE_SECONDS + self.size / LEAST_BYTES_PER_SECOND)

    def receive(self, message: Mapping[str, Any]) -> None:
        """Process the next ASGI message: a piece of the body, or a disconnect."""
        if message["type"] != "http.request":
            self._refuse(_incomplete())
            return
        piece = message.get("body", b"")
        self.size += len(piece)
        self._pieces += 1
        if self.size <= MAX_BYTES:
            self._content += piece
        more = message.get("more_body", False) and self.size != self.announced
        if self.size > MAX_DROPPED_BYTES:
            self._refuse(PayloadTooLarge())
        elif more and self._pieces >= MAX_PIECES:
            self._refuse(PayloadTooLarge(f"A body may come in at most {MAX_PIECES} pieces. Send larger chunks."))
        elif not more:
            self._end()

    def give_up(self) -> None:
        """Refuse the request because the next piece did not arrive in time."""
        self._refuse(RequestTimeout())

    def _end(self) -> None:
        self.finished = True
        if self.announced is not None and self.size != self.announced:
            self._refuse(_incomplete())
        elif self.size > MAX_BYTES:
            self.refusal = PayloadTooLarge()

    def _refuse(self, reason: EngineError) -> None:
        self.refusal, self.finished, self.drained = reason, True, False


def _incomplete() -> EngineError:
    return ValidationFailed.of("body", "incomplete-body", "The body ended before it was complete. Nothing was changed.")


def _unknown_framing() -> EngineError:
    detail = "Send a body with Content-Length, or with Transfer-Encoding: chunked and no other coding."
    return ValidationFailed.of("transfer-encoding", "unsupported", detail)


def _is_chunked(headers: Headers) -> bool:
    """Return whether a body is sent in chunks and not encoded in any other way."""
    return [value.strip().lower() for name, value in headers if name == b"transfer-encoding"] == [b"chunked"]


def _is_encoded(headers: Headers) -> bool:
    """Return whether the content of a body is compressed or encoded in another way."""
    return any(name == b"content-encoding" and value.strip().lower() != b"identity" for name, value in headers)


def _is_excessive(name: bytes, value: bytes) -> bool:
    """Return whether parsing a header could take disproportionate time."""
    return len(value) > MAX_HEADER_BYTES.get(name, MAX_LINE_BYTES) or (
        name == b"cookie" and value.count(b"\\") > MAX_COOKIE_BACKSLASHES
    )


def _refusal_of_head(scope: Mapping[str, Any]) -> EngineError | None:
    if len(scope["raw_path"]) + len(scope["query_string"]) > MAX_LINE_BYTES:
        return ValidationFailed.of("address", "too-long", "The address is too long.")
    seen = set()
    for name, value in scope["headers"]:
        if _is_excessive(name, value):
            return ValidationFailed.of(name.decode("latin-1"), "too-long", "The header is too long.")
        if name in SINGLE_HEADERS:
            if name in seen:
                return ValidationFailed.of(name.decode(), "repeated", "Send this header once.")
            seen.add(name)
    return None


def environment(scope: Mapping[str, Any], body: Body) -> dict[str, Any]:
    """Return the WSGI environment of a request (PEP 3333) for its ASGI scope and its finished body.

    Headers with an underscore in their name are dropped, because WSGI cannot distinguish them from those with a hyphen.
    Headers of the same name are joined in their order. Headers that are too long are left out, and the request is
    refused.
    """
    environ: dict[str, Any] = {
        "REQUEST_METHOD": scope["method"],
        "SCRIPT_NAME": "",
        "PATH_INFO": unquote_to_bytes(scope["raw_path"]).decode("latin-1"),
        "QUERY_STRING": scope["query_string"].decode("latin-1"),
        "REMOTE_ADDR": scope["client"][0],
        "SERVER_NAME": scope["server"][0],
        "SERVER_PORT": scope["server"][1],
        "SERVER_PROTOCOL": f"HTTP/{scope['http_version']}",
        "wsgi.version": (1, 0),
        "wsgi.url_scheme": scope["scheme"],
        "wsgi.input": BytesIO(body.content),
        "wsgi.errors": sys.stderr,
        "wsgi.multithread": True,
        "wsgi.multiprocess": True,
        "wsgi.run_once": False,
    }
    for name, value in scope["headers"]:
        if b"_" not in name and not _is_excessive(name, value):
            key = "HTTP_" + name.decode("latin-1").upper().replace("-", "_")
            text = value.decode("latin-1")
            if key in environ:
                text = environ[key] + (";" if key == "HTTP_COOKIE" else ",") + text
            environ[key] = text
    if (content_type := environ.pop("HTTP_CONTENT_TYPE", None)) is not None:
        environ["CONTENT_TYPE"] = content_type
    had_length = environ.pop("HTTP_CONTENT_LENGTH", None) is not None
    if environ.pop("HTTP_TRANSFER_ENCODING", None) is not None or had_length:
        environ["CONTENT_LENGTH"] = str(len(body.content))
    if "HTTP_X_FORWARDED_PROTO" in environ:
        environ["HTTP_X_FORWARDED_PROTO"] = outermost_hop(environ["HTTP_X_FORWARDED_PROTO"])
    refusal = body.refusal or _refusal_of_head(scope)
    if refusal is None and body.size and _is_encoded(scope["headers"]):
        refusal = UnsupportedMediaType("Send the body without Content-Encoding.")
    if refusal is not None:
        environ[REFUSAL] = refusal
    return environ


def answer(app: App, scope: Mapping[str, Any], body: Body) -> tuple[int, Headers, bytes]:
    """Call the WSGI application with a finished body; return status, headers and content of its answer."""
    started: list[Any] = []

    def start_response(status: str, headers: list[tuple[str, str]], exc_info: Any = None) -> None:
        started[:] = [int(status[:3]), headers]

    parts = app(environment(scope, body), start_response)
    try:
        content = b"".join(parts)
    finally:
        if (close := getattr(parts, "close", None)) is not None:
            close()
    headers = [(name.encode("latin-1"), value.encode("latin-1")) for name, value in started[1]]
    if not body.drained:
        headers.append((b"connection", b"close"))
    return started[0], headers, content

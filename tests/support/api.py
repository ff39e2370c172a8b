"""The tests' API client, over Django's test client or over the network.

It checks every response: a 5xx fails the test, and every 4xx must be an RFC 9457 problem.
"""

import json
import os
import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from itertools import count
from typing import Any, Protocol
from urllib.parse import urlencode

import httpx

BASE = "/api/v1/"
URL = os.environ.get("OPD_CONTRACT_URL", "").rstrip("/")
PROBLEM_FIELDS = {"type", "title", "status", "detail", "code"}
LEAKS = ("Traceback", "psycopg", "SELECT ", "INSERT ", "UPDATE ", "DoesNotExist", "django.", 'File "/')


@dataclass(frozen=True)
class Answer:
    """A response; `body` is the parsed JSON, or None."""

    method: str
    path: str
    status: int
    headers: Mapping[str, str]
    raw: bytes
    body: Any

    def __str__(self) -> str:
        return f"{self.method} {self.path} -> {self.status} {self.raw[:600].decode(errors='replace')}"

    def expect(self, status: int, code: str | None = None) -> Any:
        """Assert the status (and the problem code); return the body."""
        assert self.status == status, f"expected {status} {code or ''}, got: {self}"
        if code is not None:
            assert self.body["code"] == code, f"expected {code}, got: {self}"
        return self.body

    @property
    def codes(self) -> dict[str, str]:
        """Return the codes of a validation error by field."""
        return {entry["field"]: entry["code"] for entry in self.body["errors"]}


class Wire(Protocol):
    """A transport that sends one request to the engine."""

    def __call__(self, method: str, path: str, content: bytes, headers: dict[str, str]) -> httpx.Response: ...


def over_network(base_url: str) -> Wire:
    """Return a transport to a running server."""
    client = httpx.Client(base_url=base_url, timeout=30, follow_redirects=False)

    def send(method: str, path: str, content: bytes, headers: dict[str, str]) -> httpx.Response:
        encoded = [(name.encode(), value.encode("latin-1")) for name, value in headers.items()]
        return client.request(method, path, content=content, headers=encoded)

    return send


def in_process() -> Wire:
    """Return a transport to the application in this process, through all of its middleware."""
    from django.test import Client

    client = Client(raise_request_exception=False)

    def send(method: str, path: str, content: bytes, headers: dict[str, str]) -> httpx.Response:
        rest = {name: value for name, value in headers.items() if name.lower() != "content-type"}
        kind = next((value for name, value in headers.items() if name.lower() == "content-type"), "")
        client.cookies.clear()  # each caller sends its own
        reply = client.generic(method, path, content, content_type=kind, headers=rest)
        body = b"".join(reply.streaming_content) if reply.streaming else reply.content
        cookies = [("Set-Cookie", morsel.OutputString()) for morsel in reply.cookies.values()]
        return httpx.Response(reply.status_code, headers=[*reply.headers.items(), *cookies], content=body)

    return send


def as_users_send(wire: Wire) -> Wire:
    """Return the transport with the headers of real clients, in turn: Origin, Idempotency-Key, both and neither."""
    turn = count()

    def send(method: str, path: str, content: bytes, headers: dict[str, str]) -> httpx.Response:
        number = next(turn)
        added = {}
        if number % 2 and method not in ("GET", "HEAD", "OPTIONS") and "Authorization" in headers:
            added["Idempotency-Key"] = secrets.token_hex(8)
        if number % 4 < 2:
            added["Origin"] = URL.rstrip("/") if URL else "http://testserver"
        return wire(method, path, content, {**added, **headers})

    return send


def new_transport() -> Wire:
    """Return a new transport for use in another thread."""
    return over_network(URL) if URL else in_process()


def close_connections() -> None:
    """Close the database connections that this thread opened."""
    if not URL:
        from django.db import connections

        connections.close_all()


class Api:
    """A client with or without credentials; `renew` signs in again when a token has expired."""

    def __init__(self, wire: Wire, authorization: str = "", renew: Callable[[], str] | None = None) -> None:
        self.wire, self.authorization, self.renew = wire, authorization, renew

    def call(
        self,
        method: str,
        path: str,
        json_body: Any = None,
        *,
        content: bytes | None = None,
        headers: dict[str, str] | None = None,
        query: Mapping[str, Any] | None = None,
        content_type: str = "application/json",
    ) -> Answer:
        """Send one request; `path` is relative to /api/v1/ unless it begins with a slash."""
        target = path if path.startswith("/") else BASE + path
        if query:
            target += ("&" if "?" in target else "?") + urlencode(query)
        sent = {**({"Authorization": self.authorization} if self.authorization else {}), **(headers or {})}
        if content is None:
            content = b"" if json_body is None else json.dumps(json_body).encode()
        if content or method in ("POST", "PUT", "PATCH"):
            sent.setdefault("Content-Type", content_type)
        reply = self.wire(method, target, content, sent)
        if reply.status_code == 401 and self.renew is not None and "Authorization" not in (headers or {}):
            self.authorization = self.renew()
            sent["Authorization"] = self.authorization
            reply = self.wire(method, target, content, sent)
        answer = Answer(method, target, reply.status_code, reply.headers, reply.content, parsed(reply))
        check_error_format(answer)
        return answer

    def get(self, path: str, **query: Any) -> Answer:
        return self.call("GET", path, query=query)

    def post(self, path: str, body: Any = None, **rest: Any) -> Answer:
        return self.call("POST", path, {} if body is None else body, **rest)

    def put(self, path: str, body: Any, **rest: Any) -> Answer:
        return self.call("PUT", path, body, **rest)

    def patch(self, path: str, body: Any, **rest: Any) -> Answer:
        return self.call("PATCH", path, body, **rest)

    def delete(self, path: str, **rest: Any) -> Answer:
        return self.call("DELETE", path, **rest)


def path_of(url: str) -> str:
    """Return the path and query of an absolute URL such as a page's `next`."""
    return httpx.URL(url).raw_path.decode()


def parsed(reply: httpx.Response) -> Any:
    """Return the parsed body of a JSON response, or None for any other content type."""
    kind = reply.headers.get("content-type", "").split(";")[0].strip()
    if not reply.content or not (kind == "application/json" or kind.endswith("+json")):
        return None
    return json.loads(reply.content)


def check_error_format(answer: Answer) -> None:
    """Assert contract section 8: no 500, and each error is a problem without internal details."""
    if answer.status < 400:
        return
    assert answer.status < 500 or answer.status == 503, f"the engine broke: {answer}"
    kind = answer.headers.get("content-type", "")
    assert kind.startswith("application/problem+json"), f"no problem+json but {kind!r}: {answer}"
    assert isinstance(answer.body, dict), str(answer)
    assert answer.body.keys() >= PROBLEM_FIELDS, str(answer)
    assert answer.body["status"] == answer.status, str(answer)
    for name in ("type", "title", "detail", "code"):
        assert isinstance(answer.body[name], str), f"{name} is no text: {answer}"
        assert answer.body[name], f"{name} is empty: {answer}"
    if answer.status == 400:
        errors = answer.body.get("errors")
        assert isinstance(errors, list), f"a 400 lists its errors: {answer}"
        assert all({"field", "code", "detail"} <= set(entry) for entry in errors), str(answer)
    if answer.status in (429, 503):
        assert answer.headers.get("retry-after"), str(answer)
    text = answer.raw.decode(errors="replace")
    assert not any(leak in text for leak in LEAKS), f"the problem tells too much: {answer}"

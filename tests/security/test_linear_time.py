"""Parsing and validation take time linear in the length of the input."""

import json
import time
from collections.abc import Callable
from contextlib import suppress
from typing import Any

import pytest
from django.core.wsgi import get_wsgi_application
from django.http import QueryDict

from accounts.api.fields import OtpField, StrictEmailField
from clinics.api.serializers import DoctorFilters, DoctorSerializer
from core import errors
from core.api.fields import NameField, PhoneField
from core.api.json_body import MAX_FIELDS, parse
from core.api.serializers import LocalDateTimeField, StrictUUIDField
from core.server.body import Body, answer

SHORT, LONG, MOST = 8_000, 64_000, 16
NOISE = 0.002
"""Seconds of this thread's CPU time, below which a difference means nothing."""


def took(act: Callable[[], Any]) -> float:
    best = 60.0
    for _ in range(5):
        began = time.thread_time()
        with suppress(Exception):
            act()
        best = min(best, time.thread_time() - began)
    return best


def assert_linear(act: Callable[[int], Callable[[], Any]]) -> None:
    short, long = took(act(SHORT)), took(act(LONG))
    assert long < MOST * max(short, NOISE), f"{long * 1000:.1f} ms instead of {short * 1000:.1f} ms"


BODIES: dict[str, Callable[[int], str]] = {
    "a text without end, escapes, brackets": lambda n: '{"username":"' + '\\"' * (n // 2) + "[" * 40,
    "quotes and brackets": lambda n: '"[' * (n // 2),
    "backslashes": lambda n: "[" * 40 + '"' + "\\" * n,
    "brackets": lambda n: "[" * n,
    "brackets that close": lambda n: "[]" * (n // 2),
    "objects side by side": lambda n: "[" + ",".join(["{}"] * (n // 3)) + "]",
    "fields": lambda n: json.dumps({f"f{number}": 1 for number in range(n // 10)}),
    "bad texts below a long name": lambda n: '{"' + "k" * (n // 2) + '":[' + '"\\u0000",' * (n // 18) + "0]}",
    "bad texts below long names": lambda n: '{"a":' + ('{"' + "k" * (n // 40) + '":') * 20 + '["\\ud800"]' + "}" * 21,
    "digits": lambda n: '{"a":' + "9" * n + "}",
    "digits behind a point": lambda n: '{"a":0.' + "1" * n + "}",
    "blanks": lambda n: " " * n + "{}",
}


@pytest.mark.parametrize("kind", BODIES)
def test_json_is_read_in_linear_time(kind: str) -> None:
    def act(size: int) -> Callable[[], Any]:
        raw = BODIES[kind](size).encode()
        return lambda: parse(raw)

    assert_linear(act)


TEXTS: dict[str, Callable[[int], str]] = {
    "letters": lambda n: "a" * n,
    "digits": lambda n: "1" * n,
    "blanks": lambda n: "a" + " " * n + "a",
    "marks of phones": lambda n: "+" + "1(" * 10 + "(" * n + "x",
    "an address": lambda n: "a@" + "a." * (n // 2) + "!",
    "many ats": lambda n: "@" * n,
    "accents": lambda n: "a" + "\u0316\u0300" * (n // 2),
    "controls": lambda n: "a" * n + "\x01",
}


FIELDS = [NameField, PhoneField, StrictEmailField, OtpField, StrictUUIDField, LocalDateTimeField]


@pytest.mark.parametrize("kind", TEXTS)
@pytest.mark.parametrize(
    "field", [NameField, PhoneField, StrictEmailField, OtpField, StrictUUIDField, LocalDateTimeField]
)
def test_fields_are_checked_in_linear_time(field: type[Any], kind: str) -> None:
    def act(size: int) -> Callable[[], Any]:
        text = TEXTS[kind](size)
        return lambda: field().run_validation(text)

    assert_linear(act)


def test_unknown_fields_are_refused_in_linear_time() -> None:
    def act(size: int) -> Callable[[], Any]:
        data = {f"f{number}": 1 for number in range(size // 10)}
        return lambda: DoctorSerializer(data=data).is_valid()

    assert_linear(act)


def test_an_object_has_two_hundred_fields_at_most() -> None:
    assert parse(json.dumps({f"f{number}": 1 for number in range(MAX_FIELDS)}).encode())
    with pytest.raises(errors.ValidationFailed) as caught:
        parse(json.dumps({f"f{number}": 1 for number in range(MAX_FIELDS + 1)}).encode())
    assert caught.value.errors[0]["code"] == "too-many-fields"


HEADERS: dict[str, Callable[[int], tuple[str, str]]] = {
    "content-type, a text without end": lambda n: ("content-type", 'application/json;"' + ";" * n),
    "content-type, parameters": lambda n: ("content-type", "application/json" + ";" * n),
    "accept, a text without end": lambda n: ("accept", '*/*;"' + ";" * n),
    "accept, types": lambda n: ("accept", ",".join(f"a/{number}" for number in range(n // 5))),
    "cookie, escapes": lambda n: ("cookie", 'sessionid="' + "\\a" * (n // 2) + '"'),
    "cookie, quotes": lambda n: ("cookie", 'sessionid="' + '\\"' * (n // 2) + '"'),
    "cookie, many": lambda n: ("cookie", ";" * n),
    "host": lambda n: ("host", "a." * (n // 2) + "!"),
    "authorization": lambda n: ("authorization", "Bearer " + "a." * (n // 2)),
    "idempotency-key": lambda n: ("idempotency-key", "a" * n + " "),
    "if-none-match": lambda n: ("if-none-match", '"a",' * (n // 4) + '"'),
    "x-forwarded-for": lambda n: ("x-forwarded-for", "1.1.1.1," * (n // 8)),
    "x-request-id": lambda n: ("x-request-id", "a" * n),
    "range": lambda n: ("range", "bytes=" + "0-1," * (n // 4)),
}


@pytest.mark.parametrize("kind", HEADERS)
def test_headers_are_read_in_linear_time(kind: str, settings: Any) -> None:
    settings.OPD_NUM_PROXIES = 1
    app = get_wsgi_application()

    def act(size: int) -> Callable[[], Any]:
        name, value = HEADERS[kind](size)
        headers = [(b"host", b"127.0.0.1"), (name.encode(), value.encode())]
        scope = {
            "method": "POST",
            "raw_path": b"/healthz/live" if name != "accept" else b"/api/v1/nothing/",
            "query_string": b"",
            "client": ("127.0.0.1", "5000"),
            "server": ("127.0.0.1", "8000"),
            "scheme": "http",
            "http_version": "1.1",
            "headers": headers,
        }
        return lambda: answer(app, scope, Body([], began=0))

    assert_linear(act)


QUERIES: dict[str, Callable[[int], str]] = {
    "fields": lambda n: "&".join(f"f{number}=1" for number in range(n // 6)),
    "a search": lambda n: "search=" + "a%20" * (n // 4),
    "a date": lambda n: "date=" + "2" * n,
    "a page": lambda n: "page=" + "9" * n,
}


@pytest.mark.parametrize("kind", QUERIES)
def test_filters_are_read_in_linear_time(kind: str) -> None:
    def act(size: int) -> Callable[[], Any]:
        query = QUERIES[kind](size)
        return lambda: DoctorFilters(data=dict(QueryDict(query).items())).is_valid()

    assert_linear(act)

"""The answer of an endpoint, before it becomes bytes."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from django.http import HttpResponse

from core.api.renderers import to_json

JSON = "application/json"


@dataclass(frozen=True, slots=True)
class Answer:
    """A handler's answer: status, body as plain values (None: no body; bytes: encoded JSON) and headers."""

    status: int = 200
    body: Mapping[str, Any] | list[Any] | bytes | None = None
    headers: Mapping[str, str] = field(default_factory=dict)


def json_of(answer: Answer) -> bytes:
    """Return the body of an answer as JSON."""
    if answer.body is None:
        return b""
    return answer.body if isinstance(answer.body, bytes) else to_json(answer.body)


def response_of(answer: Answer) -> HttpResponse:
    """Return the Django response for an answer."""
    response = HttpResponse(json_of(answer), status=answer.status, content_type=JSON)
    for name, value in answer.headers.items():
        if name == "Set-Cookie":
            response.cookies.load(value)
        else:
            response.headers[name] = value
    return response

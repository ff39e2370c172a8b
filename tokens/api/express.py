"""The express lane: what the desk does all day, without the parts of the framework that it doesn't need.

A middleware behind those that every request passes (id, log, metrics, HTTPS). It takes only what it knows in full: a
signed-in desk, a well-formed request, no Idempotency-Key, no browser of another origin. Whatever else comes is left to
the ordinary lane, which answers it; so nothing is refused here for how it was asked, and what is done is done by the
same service and told by the same function in both lanes. (Measured: the framework's part was half of a booking's cost.)
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from django.conf import settings
from django.core.exceptions import SuspiciousOperation
from django.db import DatabaseError
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.utils.module_loading import import_string
from rest_framework.exceptions import APIException

from accounts.authentication import JWTAuthentication
from accounts.permissions import may_for_everybody
from accounts.throttling import PrincipalThrottle
from core.errors import EngineError
from core.middleware import answer_failure
from core.parsers import parse
from core.writes import Answer, Work, body_bytes, without_key
from tokens.api.express_acts import Plain, find

GetResponse = Callable[[HttpRequest], HttpResponseBase]

PREFIX = "/api/v1/"
JSON = "application/json"
MOST_BYTES = 4096
STRANGE = ("HTTP_IDEMPOTENCY_KEY", "HTTP_ORIGIN", "HTTP_TRANSFER_ENCODING")
"""What the ordinary lane knows how to answer."""


@dataclass(frozen=True, slots=True)
class Taken:
    """Stands in `request.resolver_match` for the log and the metrics."""

    route: str


class ExpressLane:
    """Middleware: answers what it knows in full and passes on everything else."""

    def __init__(self, get_response: GetResponse) -> None:
        self._get_response = get_response
        self._usual_headers: dict[bool, dict[str, str]] = {}

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        taken = _take(request) if settings.OPD_EXPRESS else None
        if taken is None:
            return self._get_response(request)
        work, render = taken
        try:
            made = without_key(work, render)
            response = HttpResponse(body_bytes(made), status=made.status, content_type=JSON)
        except Exception as error:
            response = answer_failure(error)
        secure = request.is_secure()
        if secure not in self._usual_headers:
            self._usual_headers[secure] = _headers_behind(request)
        for name, value in self._usual_headers[secure].items():
            response.headers[name] = value
        return response


def _headers_behind(request: HttpRequest) -> dict[str, str]:
    """What the middleware behind this lane puts on every answer of the API."""
    behind: Any = lambda _: HttpResponse()  # noqa: E731
    names = settings.MIDDLEWARE
    for name in reversed(names[names.index(f"{ExpressLane.__module__}.{ExpressLane.__name__}") + 1 :]):
        behind = import_string(name)(behind)
    found = dict(behind(request).headers)
    return {
        name: value for name, value in found.items() if not name.startswith("Content-T") and name != "Content-Length"
    }


def _take(request: HttpRequest) -> tuple[Work, Callable[[Any], Answer]] | None:
    """The work that is asked for and how to tell of it, if a desk may do it; None: this is for the ordinary lane."""
    asked = find(request.method or "", request.path_info)
    if asked is None or not _is_plain(request.META):
        return None
    act = asked.act
    try:
        request.get_host()
        body = parse(request.body) if request.body else None
        found = JWTAuthentication().authenticate(request)  # type: ignore[arg-type]
        if found is None:
            return None
        principal = found[1]
        work = act.read(Plain(body, asked.row_id, principal.actor))
        if work is None or not principal.is_desk or not may_for_everybody(principal, act.capability):
            return None
        if not PrincipalThrottle().allows(principal.actor):
            return None
    except (EngineError, APIException, DatabaseError, SuspiciousOperation):
        return None
    request.resolver_match = Taken(asked.route)  # type: ignore[assignment]
    return work, act.render


def _is_plain(meta: dict[str, Any]) -> bool:
    length = meta.get("CONTENT_LENGTH") or "0"
    return (
        (meta.get("CONTENT_TYPE") == JSON or length == "0")
        and length.isascii()
        and length.isdigit()
        and int(length) <= MOST_BYTES
        and not meta["QUERY_STRING"]
        and meta.get("HTTP_ACCEPT", "*/*") in ("*/*", JSON)
        and not any(name in meta for name in STRANGE)
    )

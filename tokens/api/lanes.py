"""What the lanes past the framework have in common.

A lane is a middleware behind those that every request passes (id, log, metrics, HTTPS) and before all others. It takes
only what it knows in full, and leaves the rest to the ordinary lane, which answers it: nothing is refused in a lane for
how it was asked. (Measured: the framework's part was half of what a booking cost.)
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from django.conf import settings
from django.core.exceptions import SuspiciousOperation
from django.db import DatabaseError
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.utils.cache import patch_vary_headers
from django.utils.module_loading import import_string
from rest_framework.exceptions import APIException

from core.api.middleware import answer_failure
from core.errors import EngineError

GetResponse = Callable[[HttpRequest], HttpResponseBase]

PREFIX = "/api/v1/"
JSON = "application/json"
STRANGE = ("HTTP_IDEMPOTENCY_KEY", "HTTP_ORIGIN", "HTTP_TRANSFER_ENCODING")
"""What only the ordinary lane knows how to answer."""
LEFT_TO_THE_ORDINARY_LANE = (EngineError, APIException, DatabaseError, SuspiciousOperation)
"""What makes a lane leave a request alone while it looks whether to take it."""


class NotForThisLane(Exception):
    """The request was taken, but nothing was done: the ordinary lane has to answer it after all."""


@dataclass(frozen=True, slots=True)
class Taken:
    """A request that a lane answers: its route, and what makes the answer. Stands in `request.resolver_match`."""

    route: str
    respond: Callable[[], HttpResponse]


class Lane:
    """Middleware: answers what it knows in full and passes on everything else."""

    def __init__(self, get_response: GetResponse) -> None:
        self._get_response = get_response
        self._usual_headers: dict[bool, dict[str, str]] = {}

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        taken = self.take(request) if settings.OPD_EXPRESS else None
        if taken is None:
            return self._get_response(request)
        try:
            response = taken.respond()
        except NotForThisLane:
            return self._get_response(request)
        except Exception as error:
            response = answer_failure(error)
        request.resolver_match = taken  # type: ignore[assignment]
        self._put_headers(request, response)
        return response

    def take(self, request: HttpRequest) -> Taken | None:
        """How this lane answers the request; None: it is for the ordinary lane."""
        raise NotImplementedError

    def _put_headers(self, request: HttpRequest, response: HttpResponse) -> None:
        secure = request.is_secure()
        if secure not in self._usual_headers:
            self._usual_headers[secure] = _headers_of_an_answer(request)
        for name, value in self._usual_headers[secure].items():
            if name == "Vary":
                patch_vary_headers(response, value.split(", "))
            else:
                response.headers.setdefault(name, value)


def is_plain(meta: dict[str, Any]) -> bool:
    """Whether the request asks for JSON, and for nothing that only the ordinary lane knows."""
    return meta.get("HTTP_ACCEPT", "*/*") in ("*/*", JSON) and not any(name in meta for name in STRANGE)


def _headers_of_an_answer(request: HttpRequest) -> dict[str, str]:
    """What the middleware behind the lanes puts on every answer of the API; asked of it with an empty one."""
    behind: Any = lambda _: HttpResponse()  # noqa: E731
    for name in reversed(settings.MIDDLEWARE[settings.MIDDLEWARE.index(settings.OPD_LANES[-1]) + 1 :]):
        behind = import_string(name)(behind)
    found = dict(behind(request).headers)
    return {name: value for name, value in found.items() if name not in ("Content-Type", "Content-Length")}

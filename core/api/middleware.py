"""The middleware of all requests: request id, access log, transport rules, and errors as problems."""

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from http import HTTPStatus
from typing import Any

import structlog
from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.utils.cache import patch_vary_headers
from django.utils.module_loading import import_string

from core import clock, errors, ids
from core.api import problem_details
from core.api.client_address import client_address, is_within
from core.api.json_body import MAX_BYTES
from core.observability import logs, metrics
from core.server.body import REFUSAL

GetResponse = Callable[[HttpRequest], HttpResponseBase]
_REQUEST_ID = re.compile(r"[A-Za-z0-9._-]{8,128}")
_METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})


def route_of(request: HttpRequest) -> str:
    """Return the URL pattern of the request, without ids; `unknown` for a path that does not exist."""
    match = getattr(request, "resolver_match", None)
    return match.route if match is not None else "unknown"


class RequestLog:
    """Give each request an id, and record it in the log and in the metrics."""

    def __init__(self, get_response: GetResponse) -> None:
        self._get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        sent = request.META.get("HTTP_X_REQUEST_ID", "")
        request_id = sent if _REQUEST_ID.fullmatch(sent) else str(ids.new_id())
        request.request_id = request_id  # type: ignore[attr-defined]
        structlog.contextvars.clear_contextvars()
        structlog.contextvars.bind_contextvars(request_id=request_id)
        began = clock.monotonic()
        response = self._get_response(request)
        took = clock.monotonic() - began
        route = route_of(request)
        method = request.method if request.method in _METHODS else "other"
        metrics.requests.labels(method, route, str(response.status_code)).inc()
        metrics.latency.labels(method, route).observe(took)
        response["X-Request-ID"] = request_id
        if not route.startswith(("healthz", "metrics")):
            logs.info(
                "request",
                method=method,
                route=route,
                status=response.status_code,
                ms=round(took * 1000, 1),
                address=client_address(request),
            )
        return response


class SecureTransport:
    """Refuse plain HTTP to the API, and other networks at /metrics and /admin, if the settings say so."""

    def __init__(self, get_response: GetResponse) -> None:
        self._get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        path = request.path_info
        if settings.OPD_REQUIRE_HTTPS and path.startswith("/api/") and not request.is_secure():
            # No redirect: the client must notice that it has sent credentials unencrypted.
            return problem_details.of_exception(errors.PermissionDenied("Use HTTPS."))
        networks = settings.OPD_INTERNAL_NETWORKS
        if networks and path.startswith(("/metrics", "/admin")) and not is_within(client_address(request), networks):
            return problem_details.of_exception(errors.PermissionDenied("This address is for the hospital's network."))
        return self._get_response(request)


class BodyLimit:
    """Refuse what the web server has refused, and a body above 256 KB; keep answers of the API out of HTTP caches.

    Our own web server refuses such a body earlier. The middleware that sets headers runs before this one, so refusals
    get the same headers as other answers.
    """

    def __init__(self, get_response: GetResponse) -> None:
        self._get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        refusal = request.META.get(REFUSAL)
        if refusal is None and _is_too_long(request.META.get("CONTENT_LENGTH") or "0"):
            refusal = errors.PayloadTooLarge()
        if refusal is not None:
            refused = problem_details.of_exception(refusal)
            refused["Cache-Control"] = "no-store"
            return refused
        response = self._get_response(request)
        if request.path_info.startswith("/api/") and not response.has_header("Cache-Control"):
            response["Cache-Control"] = "no-store"
        return response


class ProblemDetails:
    """Turn errors outside DRF into problems."""

    def __init__(self, get_response: GetResponse) -> None:
        self._get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        response = self._get_response(request)
        if response.status_code < HTTPStatus.BAD_REQUEST or _is_ours(response):
            return response
        problem = problem_details.response(problem_details.of_status(response.status_code))
        for name, value in response.items():
            if name.lower() not in {"content-type", "content-length"}:
                problem.setdefault(name, value)
        return problem

    def process_exception(self, request: HttpRequest, exception: Exception) -> HttpResponse:
        """Return the problem for an exception of a plain Django view."""
        return problem_details.of_failure(exception)


class ByPath:
    """Run the middleware of browser pages (sessions, CSRF, messages ...) only for paths outside the API.

    The headers that the header middleware sets on answers of the API never vary, so they are computed once.
    """

    def __init__(self, get_response: GetResponse) -> None:
        self._api = get_response
        self._pages = _chain(settings.OPD_PAGE_MIDDLEWARE, get_response)
        self._cross_origin = _chain(settings.OPD_CROSS_ORIGIN_MIDDLEWARE, get_response)
        self._headers: dict[bool, dict[str, str]] = {}

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        if not _is_api(request):
            return self._pages[0](request)
        request.get_host()  # raises DisallowedHost
        response = (self._cross_origin[0] if "HTTP_ORIGIN" in request.META else self._api)(request)
        for name, value in self._common_headers(request).items():
            response.headers.setdefault(name, value)
        patch_vary_headers(response, ("origin",))
        return response

    def process_view(
        self, request: HttpRequest, view: Callable[..., Any], args: Sequence[Any], kwargs: Mapping[str, Any]
    ) -> HttpResponseBase | None:
        """Call process_view of the page middleware: Django does so only for the entries of MIDDLEWARE."""
        if _is_api(request):
            return None
        for each in self._pages[:-1]:
            if (check := getattr(each, "process_view", None)) is not None:
                response: HttpResponseBase | None = check(request, view, args, kwargs)
                if response is not None:
                    return response
        return None

    def _common_headers(self, request: HttpRequest) -> dict[str, str]:
        secure = request.is_secure()
        if secure not in self._headers:
            bare = _chain(settings.OPD_HEADER_MIDDLEWARE, lambda _: HttpResponse())[0](request)
            found = {name: value for name, value in bare.headers.items() if not name.startswith("Content-Length")}
            found.pop("Content-Type", None)
            self._headers[secure] = found | {"Cache-Control": "no-store"}
        return self._headers[secure]


def _is_too_long(length: str) -> bool:
    return not (length.isascii() and length.isdigit()) or len(length) > 12 or int(length) > MAX_BYTES


def _is_api(request: HttpRequest) -> bool:
    return request.path_info.startswith(settings.OPD_API_PATHS)


def _chain(names: Iterable[str], innermost: GetResponse) -> list[GetResponse]:
    """Return the middleware of these names, outermost first, followed by the innermost handler."""
    handlers = [innermost]
    for name in reversed(list(names)):
        handlers.insert(0, import_string(name)(handlers[0]))
    return handlers


def _is_ours(response: HttpResponseBase) -> bool:
    return str(response.get("Content-Type", "")).startswith(problem_details.CONTENT_TYPE)

"""Turn every error into `application/problem+json` (RFC 9457). No other module maps errors to HTTP."""

import math
import re
from collections.abc import Iterator, Mapping
from http import HTTPStatus
from typing import Any

from django.core.exceptions import (
    ObjectDoesNotExist,
    RequestDataTooBig,
    SuspiciousOperation,
)
from django.core.exceptions import PermissionDenied as DjangoPermissionDenied
from django.core.exceptions import ValidationError as DjangoValidationError
from django.db import DataError, IntegrityError, InterfaceError, InternalError, OperationalError
from django.db.models import ProtectedError, RestrictedError
from django.http import Http404, HttpRequest, HttpResponse
from rest_framework import exceptions as drf

from core import errors
from core.api.renderers import to_json
from core.db import retry
from core.observability import logs

CONTENT_TYPE = "application/problem+json"

STATUS: dict[str, int] = {
    "validation-error": 400,
    "not-authenticated": 401,
    "permission-denied": 403,
    "not-found": 404,
    "method-not-allowed": 405,
    "not-acceptable": 406,
    "request-timeout": 408,
    "slot-full": 409,
    "duplicate-booking": 409,
    "duplicate-patient": 409,
    "patient-inactive": 409,
    "slot-not-open": 409,
    "slot-overlap": 409,
    "capacity-in-use": 409,
    "invalid-transition": 409,
    "hold-expired": 409,
    "grace-expired": 409,
    "queue-empty": 409,
    "slot-paused": 409,
    "undo-impossible": 409,
    "room-occupied": 409,
    "check-in-not-open": 409,
    "in-use": 409,
    "doctor-inactive": 409,
    "idempotency-in-progress": 409,
    "merged": 410,
    "version-conflict": 412,
    "payload-too-large": 413,
    "unsupported-media-type": 415,
    "idempotency-mismatch": 422,
    "throttled": 429,
    "internal-error": 500,
    "slot-busy": 503,
    "unavailable": 503,
}
RETRY_AFTER: dict[str, int] = {"throttled": 60, "slot-busy": 1, "unavailable": 2, "idempotency-in-progress": 1}
_TITLES: dict[str, str] = {
    "method-not-allowed": "This method is not allowed here",
    "not-acceptable": "Only application/json can be answered",
    "internal-error": "Something went wrong on our side",
}

_FOREIGN_KEY = "23503"
_CONSTRAINT_IN_MESSAGE = re.compile(r'constraint "([^"]+)"')
_SHARD = re.compile(r"_\d{6,}\Z")
_constraints: dict[str, type[errors.EngineError]] = {}


def title_of(code: str) -> str:
    """Return the title of the error with this code."""
    error = error_of(code)
    return _TITLES.get(code) or (error.title() if error else code)


def error_of(code: str) -> type[errors.EngineError] | None:
    """Return the error class with this code, or None for a code of the framework."""
    return next((each for each in _errors() if each.code == code), None)


def _errors(of: type[errors.EngineError] = errors.EngineError) -> Iterator[type[errors.EngineError]]:
    for each in of.__subclasses__():
        yield each
        yield from _errors(each)


def register_constraint(name: str, error: type[errors.EngineError]) -> None:
    """Map the database constraint of this name to the error for breaking it."""
    _constraints[name] = error


def constraint_of(error: IntegrityError) -> str | None:
    """Return the name of the constraint that was broken, or None if the database does not report it.

    A distributed table reports it only in the message, with the number of the shard at its end.
    """
    diagnostic = getattr(error.__cause__, "diag", None)
    name = getattr(diagnostic, "constraint_name", None)
    if name is None:
        match = _CONSTRAINT_IN_MESSAGE.search(getattr(diagnostic, "message_primary", None) or "")
        name = match[1] if match else None
    return _SHARD.sub("", name) if name else None


def translate(exc: BaseException) -> errors.EngineError | None:
    """Return the engine's error for an exception of Django or the database; None for a bug."""
    match exc:
        case errors.EngineError():
            return exc
        case Http404() | ObjectDoesNotExist():
            return errors.NotFound()
        case DjangoPermissionDenied():
            return errors.PermissionDenied()
        case RequestDataTooBig():
            return errors.PayloadTooLarge()
        case ProtectedError() | RestrictedError():
            return errors.InUse()
        case IntegrityError():
            return _of_constraint(exc)
        case DataError():
            return errors.ValidationFailed.of("body", "out-of-range", "A value is out of range.")
        case OperationalError() | InterfaceError():
            return errors.SlotBusy() if retry.sqlstate(exc) == retry.LOCK_NOT_AVAILABLE else errors.Unavailable()
        case InternalError() if retry.lost_connection(exc):
            return errors.Unavailable()
        case DjangoValidationError():
            return errors.ValidationFailed(
                [{"field": "body", "code": "invalid", "detail": message} for message in exc.messages]
            )
        case SuspiciousOperation():
            return errors.ValidationFailed.of("request", "suspicious", "The request was refused.")
    return None


def _of_constraint(error: IntegrityError) -> errors.EngineError | None:
    known = _constraints.get(constraint_of(error) or "")
    if known is not None:
        return known()
    if retry.sqlstate(error) == _FOREIGN_KEY:
        # The code is the same for an insert with a dangling reference and for a delete of a row that is referred to.
        referenced = "still referenced" in str(getattr(getattr(error.__cause__, "diag", None), "message_detail", ""))
        return errors.InUse() if referenced else errors.NotFound()
    return None


def _walk(detail: Any, path: str = "") -> Iterator[dict[str, str]]:
    """Yield the leaves of a DRF error detail, nested fields as dotted paths."""
    if isinstance(detail, Mapping):
        for key, inner in detail.items():
            name = "" if key == "non_field_errors" else str(key)
            yield from _walk(inner, ".".join(part for part in (path, name) if part))
    elif isinstance(detail, list):
        for index, inner in enumerate(detail):
            deeper = isinstance(inner, Mapping | list)
            yield from _walk(inner, ".".join(part for part in (path, str(index)) if part) if deeper else path)
    else:
        code = str(getattr(detail, "code", "invalid") or "invalid").replace("_", "-")
        yield {"field": path or "body", "code": code, "detail": str(detail)}


def _from_drf(exc: drf.APIException) -> tuple[str, str, dict[str, Any], dict[str, str]]:
    """Return code, detail, members and headers of a DRF exception."""
    headers: dict[str, str] = {}
    if getattr(exc, "auth_header", None):
        headers["WWW-Authenticate"] = exc.auth_header  # type: ignore[attr-defined]
    match exc:
        case drf.ValidationError():
            found = list(_walk(exc.detail))
            if found and all(each["code"] == "does-not-exist" for each in found):
                return "not-found", errors.NotFound.template, {}, headers
            return "validation-error", errors.ValidationFailed.template, {"errors": found}, headers
        case drf.ParseError():
            entry = {"field": "body", "code": "invalid-json", "detail": str(exc.detail)}
            return "validation-error", errors.ValidationFailed.template, {"errors": [entry]}, headers
        case drf.NotAuthenticated() | drf.AuthenticationFailed():
            return "not-authenticated", errors.NotAuthenticated.template, {}, headers
        case drf.PermissionDenied():
            return "permission-denied", str(exc.detail), {}, headers
        case drf.NotFound():
            return "not-found", errors.NotFound.template, {}, headers
        case drf.MethodNotAllowed():
            return "method-not-allowed", str(exc.detail), {}, headers
        case drf.NotAcceptable():
            return "not-acceptable", str(exc.detail), {}, headers
        case drf.UnsupportedMediaType():
            return "unsupported-media-type", "Send application/json.", {}, headers
        case drf.Throttled():
            if (wait := getattr(exc, "wait", None)) is not None:
                headers["Retry-After"] = str(max(1, math.ceil(wait)))
            return "throttled", errors.Throttled.template, {}, headers
    return "internal-error", "The error was recorded.", {}, headers


def body(code: str, *, detail: str, title: str | None = None, **members: Any) -> dict[str, Any]:
    """Return the members of a problem."""
    standard = {
        "type": f"urn:opd:problem:{code}",
        "title": title or title_of(code),
        "status": STATUS[code],
        "detail": detail,
        "code": code,
    }
    return {**standard, **members, **standard}  # a fact cannot replace a standard member


def of_status(status: int) -> dict[str, Any]:
    """Return the problem for a bare status of a Django response."""
    code = next((code for code, known in STATUS.items() if known == status), None)
    code = code or ("validation-error" if status < HTTPStatus.INTERNAL_SERVER_ERROR else "internal-error")
    members: dict[str, Any] = {"errors": []} if code == "validation-error" else {}
    return {**body(code, detail=title_of(code), **members), "status": status}


def describe(exc: BaseException) -> tuple[dict[str, Any], dict[str, str]]:
    """Return the problem and the headers for an exception; for a bug, without any detail of it."""
    headers: dict[str, str] = {}
    if isinstance(exc, drf.APIException):
        code, detail, members, headers = _from_drf(exc)
        title = None
    elif (known := translate(exc)) is not None:
        code, detail, title = known.code, known.detail, known.title()
        members = dict(known.facts)
        if isinstance(known, errors.ValidationFailed):
            members["errors"] = known.errors
        if isinstance(known, errors.Throttled) and known.facts.get("retry_after"):
            headers["Retry-After"] = str(max(1, math.ceil(known.facts["retry_after"])))
    else:
        code, detail, title, members = "internal-error", "The error was recorded.", None, {}
    if code in RETRY_AFTER:
        headers.setdefault("Retry-After", str(RETRY_AFTER[code]))
    if code == "not-authenticated":
        headers.setdefault("WWW-Authenticate", 'Bearer realm="api"')
    return body(code, detail=detail, title=title, **members), headers


def response(problem: Mapping[str, Any], headers: Mapping[str, str] | None = None) -> HttpResponse:
    """Return the Django response for a problem."""
    status = problem["status"]
    return HttpResponse(to_json(problem), status=status, content_type=CONTENT_TYPE, headers=dict(headers or {}))


def of_exception(exc: BaseException) -> HttpResponse:
    """Return the Django response for an exception."""
    return response(*describe(exc))


def of_failure(exc: BaseException) -> HttpResponse:
    """Return the Django response for an exception; log a bug, and do not reveal it."""
    answer = of_exception(exc)
    if answer.status_code == HTTPStatus.INTERNAL_SERVER_ERROR:
        logs.failure("unhandled", exc)
    return answer


def handler(exc: Exception, context: Mapping[str, Any]) -> HttpResponse:
    """DRF's exception handler, for views that are not Endpoints (the documentation)."""
    return of_failure(exc)


def bad_request(request: HttpRequest, exception: Exception) -> HttpResponse:
    """Django's handler400."""
    return of_exception(exception if translate(exception) else SuspiciousOperation())


def permission_denied(request: HttpRequest, exception: Exception) -> HttpResponse:
    """Django's handler403."""
    return of_exception(errors.PermissionDenied())


def not_found(request: HttpRequest, exception: Exception) -> HttpResponse:
    """Django's handler404."""
    return of_exception(errors.NotFound())


def server_error(request: HttpRequest) -> HttpResponse:
    """Django's handler500."""
    return response(body("internal-error", detail="The error was recorded."))


def csrf_failure(request: HttpRequest, reason: str = "") -> HttpResponse:
    """Django's CSRF_FAILURE_VIEW."""
    return of_exception(errors.PermissionDenied("The form has expired. Load the page again."))

"""The express lane: what the desk does all day, without the parts of the framework that it doesn't need.

A middleware behind those that every request passes (id, log, metrics, HTTPS). It takes only what it knows in full: a
signed-in desk, a well-formed request, no Idempotency-Key, no browser of another origin. Whatever else comes is left to
the ordinary lane, which answers it; so nothing is refused here for how it was asked, and what is done is done by the
same service and told by the same function in both lanes. (Measured: the framework's part was half of a booking's cost.)
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any
from uuid import UUID

from django.conf import settings
from django.core.exceptions import SuspiciousOperation
from django.db import DatabaseError
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.utils.module_loading import import_string
from rest_framework.exceptions import APIException

from accounts.authentication import JWTAuthentication
from accounts.permissions import may_for_everybody
from accounts.principals import Principal
from accounts.throttling import PrincipalThrottle
from core.errors import EngineError
from core.middleware import answer_failure
from core.parsers import parse
from core.writes import Answer, Work, body_bytes, without_key
from tokens.api.serializers import BOOKABLE
from tokens.api.tokens import booked_answer, service
from tokens.policy.priority import Category
from tokens.services import BookingRequest

GetResponse = Callable[[HttpRequest], HttpResponseBase]

PREFIX = "/api/v1/"
JSON = "application/json"
MOST_BYTES = 4096
FLAGS = {"hold": False, "arrived": False, "join_waiting_list": True}
NEEDED = {"slot_id", "patient_id", "category"}
KNOWN = NEEDED | FLAGS.keys()
STRANGE = ("HTTP_IDEMPOTENCY_KEY", "HTTP_ORIGIN", "HTTP_TRANSFER_ENCODING")
"""What the ordinary lane knows how to answer."""


@dataclass(frozen=True, slots=True)
class Act:
    """What a desk can do in this lane. `read` makes the work of the body, or None of a body that is not plain."""

    capability: str
    read: Callable[[Any, Principal], Work | None]
    render: Callable[[Any], Answer]


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
    act = ACTS.get((request.method or "", request.path_info))
    if act is None or not _is_plain(request.META):
        return None
    try:
        request.get_host()
        body = parse(request.body)
        found = JWTAuthentication().authenticate(request)  # type: ignore[arg-type]
        if found is None:
            return None
        principal = found[1]
        work = act.read(body, principal)
        if work is None or not principal.is_desk or not may_for_everybody(principal, act.capability):
            return None
        if not PrincipalThrottle().allows(principal.actor):
            return None
    except (EngineError, APIException, DatabaseError, SuspiciousOperation):
        return None
    request.resolver_match = Taken(request.path_info.lstrip("/"))  # type: ignore[assignment]
    return work, act.render


def _is_plain(meta: dict[str, Any]) -> bool:
    length = meta.get("CONTENT_LENGTH") or ""
    return (
        meta.get("CONTENT_TYPE") == JSON
        and length.isascii()
        and length.isdigit()
        and int(length) <= MOST_BYTES
        and not meta["QUERY_STRING"]
        and meta.get("HTTP_ACCEPT", "*/*") in ("*/*", JSON)
        and not any(name in meta for name in STRANGE)
    )


def _booking(body: Any, principal: Principal) -> Work | None:
    """The booking of somebody who may book for everybody."""
    if type(body) is not dict or not NEEDED <= body.keys() <= KNOWN or body["category"] not in BOOKABLE:
        return None
    flags = {name: body.get(name, default) for name, default in FLAGS.items()}
    if any(type(flag) is not bool for flag in flags.values()) or (flags["hold"] and flags["arrived"]):
        return None
    slot_id, patient_id = _id_of(body["slot_id"]), _id_of(body["patient_id"])
    if slot_id is None or patient_id is None:
        return None
    booking = BookingRequest(patient_id=patient_id, category=Category(body["category"]), desk=True, **flags)
    return partial(service.book, slot_id=slot_id, request=booking, actor=principal.actor)


def _id_of(value: Any) -> UUID | None:
    if type(value) is not str or len(value) != len("00000000-0000-0000-0000-000000000000"):
        return None
    try:
        return UUID(value)
    except ValueError:
        return None


ACTS = {("POST", f"{PREFIX}tokens/"): Act("tokens.book", _booking, booked_answer)}

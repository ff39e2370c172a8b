"""The express lane of POST tokens/: the desk's plain booking, without the parts of the framework that it doesn't need.

It takes only what it knows in full: a signed-in desk, a well-formed body, no Idempotency-Key. Whatever else comes is
left to the ordinary lane, which answers it; so nothing can be refused here, and what is booked goes the same way in
both. The checks of access and rate are the ordinary lane's own classes. (Measured: the framework's part was half of a
booking's cost.)
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial, wraps
from typing import Any
from uuid import UUID

from django.conf import settings
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from rest_framework.exceptions import APIException

from accounts.authentication import JWTAuthentication
from accounts.matrix import Reach
from accounts.permissions import Allowed, reach_of
from accounts.principals import Principal
from accounts.throttling import PrincipalThrottle
from core import idempotency
from core.errors import EngineError
from core.parsers import parse
from core.writes import body_bytes, without_key
from tokens.api.serializers import BOOKABLE
from tokens.api.tokens import TokenListView, booked_answer, service
from tokens.policy.priority import Category
from tokens.services import BookingRequest

View = Callable[..., HttpResponseBase]

FLAGS = {"hold": False, "arrived": False, "join_waiting_list": True}
NEEDED = {"slot_id", "patient_id", "category"}
KNOWN = NEEDED | FLAGS.keys()
JSON = "application/json"


@dataclass(frozen=True, slots=True)
class Caller:
    """What the classes that check access and rate look at."""

    user: Any
    auth: Principal
    META: dict[str, Any]
    method: str = "POST"


def express(ordinary: View) -> View:
    """The view with an express lane before it."""

    @wraps(ordinary)
    def view(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        booking = _booking_of(request) if request.method == "POST" and settings.OPD_EXPRESS else None
        return ordinary(request, *args, **kwargs) if booking is None else _book(booking)

    return view


@dataclass(frozen=True, slots=True)
class _Booking:
    slot_id: UUID
    request: BookingRequest
    actor: str


def _book(booking: _Booking) -> HttpResponse:
    work = partial(service.book, slot_id=booking.slot_id, request=booking.request, actor=booking.actor)
    answer = without_key(work, booked_answer)
    return HttpResponse(body_bytes(answer), status=answer.status, content_type=JSON)


def _booking_of(request: HttpRequest) -> _Booking | None:
    """The booking of somebody who may book for everybody; None: this is for the ordinary lane."""
    headers = request.headers
    if (
        idempotency.HEADER in headers
        or headers.get("Content-Type") != JSON
        or headers.get("Accept", "*/*") not in ("*/*", JSON)
        or request.META["QUERY_STRING"]
    ):
        return None
    try:
        fields = _fields_of(parse(request.body))
        caller = _caller_of(request) if fields is not None else None
    except (EngineError, APIException):
        return None
    if fields is None or caller is None:
        return None
    slot_id = fields.pop("slot_id")
    return _Booking(slot_id, BookingRequest(**fields, desk=True), caller.actor)


def _caller_of(request: HttpRequest) -> Principal | None:
    found = JWTAuthentication().authenticate(request)  # type: ignore[arg-type]
    if found is None:
        return None
    caller = Caller(*found, request.META)
    view = TokenListView()
    may: Any = caller
    allowed = caller.auth.is_desk and Allowed().has_permission(may, view) and reach_of(may, view) is Reach.ALL
    return caller.auth if allowed and PrincipalThrottle().allow_request(may, view) else None


def _fields_of(body: Any) -> dict[str, Any] | None:
    """The fields of a well-formed booking; None for anything that the ordinary lane should look at."""
    if type(body) is not dict or not NEEDED <= body.keys() <= KNOWN or body["category"] not in BOOKABLE:
        return None
    flags = {name: body.get(name, default) for name, default in FLAGS.items()}
    if any(type(flag) is not bool for flag in flags.values()) or (flags["hold"] and flags["arrived"]):
        return None
    try:
        ids = {name: _id_of(body[name]) for name in ("slot_id", "patient_id")}
    except ValueError:
        return None
    return {**ids, **flags, "category": Category(body["category"])}


def _id_of(value: Any) -> UUID:
    if type(value) is not str or len(value) != len("00000000-0000-0000-0000-000000000000"):
        raise ValueError(value)
    return UUID(value)

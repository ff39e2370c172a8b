"""The express lane of those who look at a queue again and again: GET slots/{id}/tokens/, and nothing else.

A middleware before the lane of the desk's acts, by the same rules: it takes a plain request of somebody signed in who
may read, and leaves all others to the ordinary lane. Head, reach and list are the view's own functions.
"""

import re
from collections.abc import Callable
from uuid import UUID

from django.conf import settings
from django.core.exceptions import SuspiciousOperation
from django.db import DatabaseError
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.utils.cache import patch_vary_headers
from rest_framework.exceptions import APIException

from accounts.authentication import JWTAuthentication
from accounts.matrix import Reach
from accounts.permissions import reach_as_signed_in
from accounts.principals import Principal
from accounts.throttling import PrincipalThrottle
from core.errors import EngineError
from core.etags import JSON
from core.middleware import answer_failure
from tokens.api.express import PREFIX, STRANGE, Taken, _headers_behind
from tokens.api.slot_tokens import SlotTokensView, answer_list, head_for, whose_of

GetResponse = Callable[[HttpRequest], HttpResponseBase]

ROUTE = "slots/<uuid:slot_id>/tokens/"
PATH = re.compile(re.escape(PREFIX) + r"slots/([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})/tokens/")
KNOWN = {"": False, "in_queue=true": True}


class ReadingLane:
    """Middleware: answers what it knows in full and passes on everything else."""

    def __init__(self, get_response: GetResponse) -> None:
        self._get_response = get_response
        self._usual_headers: dict[bool, dict[str, str]] = {}

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        path = PATH.fullmatch(request.path_info) if request.method == "GET" and settings.OPD_EXPRESS else None
        caller = _caller_of(request) if path is not None else None
        if path is None or caller is None:
            return self._get_response(request)
        request.resolver_match = Taken(PREFIX.lstrip("/") + ROUTE)  # type: ignore[assignment]
        try:
            response = _read(request, UUID(path[1]), *caller)
        except Exception as error:
            response = answer_failure(error)
        secure = request.is_secure()
        if secure not in self._usual_headers:
            self._usual_headers[secure] = _headers_behind(request)
        for name, value in self._usual_headers[secure].items():
            if name == "Vary":
                patch_vary_headers(response, value.split(", "))
            else:
                response.headers.setdefault(name, value)
        return response


def _read(request: HttpRequest, slot_id: UUID, principal: Principal, reach: Reach) -> HttpResponse:
    head = head_for(principal, reach, slot_id)
    in_queue, known = KNOWN[request.META["QUERY_STRING"]], request.META.get("HTTP_IF_NONE_MATCH")
    response = answer_list(head, in_queue=in_queue, whose=whose_of(principal, reach), known=known)
    if response.content:
        response.headers["Content-Length"] = str(len(response.content))
    return response


def _caller_of(request: HttpRequest) -> tuple[Principal, Reach] | None:
    """Who asks and how far they may look; None: this is for the ordinary lane."""
    meta = request.META
    if (
        meta["QUERY_STRING"] not in KNOWN
        or meta.get("HTTP_ACCEPT", "*/*") not in ("*/*", JSON)
        or meta.get("CONTENT_LENGTH") not in (None, "", "0")
        or any(name in meta for name in STRANGE)
    ):
        return None
    try:
        request.get_host()
        found = JWTAuthentication().authenticate(request)  # type: ignore[arg-type]
        if found is None:
            return None
        principal = found[1]
        reach = reach_as_signed_in(principal, SlotTokensView.capability)
        if reach is Reach.NONE or not PrincipalThrottle().allows(principal.actor):
            return None
    except (EngineError, APIException, DatabaseError, SuspiciousOperation):
        return None
    return principal, reach

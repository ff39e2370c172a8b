"""The express lane of those who look at a queue again and again: GET slots/{id}/tokens/, and nothing else (see lanes).

It takes a plain request of somebody signed in who may read. Head, reach and list are the view's own functions.
"""

import re
from functools import partial
from uuid import UUID

from django.http import HttpRequest, HttpResponse

from accounts.authentication import JWTAuthentication
from accounts.matrix import Reach
from accounts.permissions import reach_as_signed_in
from accounts.principals import Principal
from accounts.throttling import PrincipalThrottle
from tokens.api.lanes import LEFT_TO_THE_ORDINARY_LANE, PREFIX, Lane, Taken, is_plain
from tokens.api.slot_tokens import SlotTokensView, answer_list, head_for, whose_of

ROUTE = PREFIX.lstrip("/") + "slots/<uuid:slot_id>/tokens/"
PATH = re.compile(re.escape(PREFIX) + r"slots/([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})/tokens/")
KNOWN = {"": False, "in_queue=true": True}


class ReadingLane(Lane):
    """The tokens of a slot."""

    def take(self, request: HttpRequest) -> Taken | None:
        """The list that is asked for, if the caller may read it."""
        path = PATH.fullmatch(request.path_info) if request.method == "GET" else None
        caller = _caller_of(request) if path is not None else None
        if path is None or caller is None:
            return None
        return Taken(ROUTE, partial(_read, request, UUID(path[1]), *caller))


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
    if meta["QUERY_STRING"] not in KNOWN or meta.get("CONTENT_LENGTH") not in (None, "", "0") or not is_plain(meta):
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
    except LEFT_TO_THE_ORDINARY_LANE:
        return None
    return principal, reach

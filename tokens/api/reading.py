"""The express lane of those who look at a queue again and again: GET slots/{id}/tokens/, and nothing else (see lanes).

It takes a plain request of somebody signed in who may read. Head, reach and list are the view's own functions.
"""

import re
from functools import partial
from uuid import UUID

from django.http import HttpRequest, HttpResponse

from accounts.access.permission_table import Reach
from accounts.access.permissions import reach_as_signed_in
from accounts.access.principal import Principal
from accounts.auth.authentication import Caller, claims_in
from accounts.limits.rates import PrincipalThrottle
from core.api.converters import IdConverter
from tokens.api.lanes import LEFT_TO_THE_ORDINARY_LANE, PREFIX, Lane, NotForThisLane, Taken, is_plain
from tokens.api.slot_tokens import SlotTokensView, answer_list, whose_of
from tokens.queries.access import refuse_foreign_doctor
from tokens.queries.queue_list import head_of

ROUTE = PREFIX.lstrip("/") + "slots/<id:slot_id>/tokens/"
PATH = re.compile(re.escape(PREFIX) + rf"slots/({IdConverter.regex})/tokens/")
CAPABILITY = SlotTokensView.capability
KNOWN = {"": False, "in_queue=true": True}


class ReadingLane(Lane):
    """The tokens of a slot."""

    def take(self, request: HttpRequest) -> Taken | None:
        """The list that is asked for; whether the caller may read it is looked up with it."""
        path = PATH.fullmatch(request.path_info) if request.method == "GET" else None
        caller = _caller_of(request) if path is not None else None
        if path is None or caller is None:
            return None
        return Taken(ROUTE, partial(_read, request, UUID(path[1]), caller))


def _read(request: HttpRequest, slot_id: UUID, caller: Caller) -> HttpResponse:
    try:
        head = head_of(slot_id=slot_id, caller=caller)
    except Exception:
        if caller.admitted is None:
            raise NotForThisLane from None
        raise
    principal = caller.admitted
    if principal is None or not PrincipalThrottle().allows(caller.actor):
        raise NotForThisLane
    reach = reach_as_signed_in(principal, CAPABILITY)
    refuse_foreign_doctor(head.doctor_id, principal=principal, reach=reach)
    request.auth = principal  # type: ignore[attr-defined]  # as DRF notes it in the ordinary lane
    in_queue, whose = KNOWN[request.META["QUERY_STRING"]], whose_of(principal, reach)
    response = answer_list(request, head, in_queue=in_queue, whose=whose)
    if response.content:
        response.headers["Content-Length"] = str(len(response.content))
    return response


def _caller_of(request: HttpRequest) -> Caller | None:
    """Who says that they ask; None: this is for the ordinary lane."""
    meta = request.META
    if meta["QUERY_STRING"] not in KNOWN or meta.get("CONTENT_LENGTH") not in (None, "", "0") or not is_plain(meta):
        return None
    try:
        request.get_host()
        claims = claims_in(request)
    except LEFT_TO_THE_ORDINARY_LANE:
        return None
    return None if claims is None else Caller(claims, may=_may)


def _may(principal: Principal) -> bool:
    return reach_as_signed_in(principal, CAPABILITY) is not Reach.NONE

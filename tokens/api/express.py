"""The express lane of the desk: what it does all day (see lanes and express_acts).

It takes a signed-in desk (by the role in the access token, confirmed by the session under the lock), a well-formed
request and no Idempotency-Key. What is done is done by the same service and told by the same function in both lanes.
"""

from functools import partial

from django.http import HttpRequest, HttpResponse

from accounts.access.permissions import may_for_everybody
from accounts.access.roles import DESK
from accounts.auth.authentication import Caller, JWTAuthentication, claims_in
from accounts.limits.rates import PrincipalThrottle
from core.api.commands import Work, body_bytes, without_key
from core.api.json_body import parse
from tokens.api.express_acts import Act, Found, Plain, find
from tokens.api.lanes import JSON, LEFT_TO_THE_ORDINARY_LANE, Lane, NotForThisLane, Taken, is_plain

MOST_BYTES = 4096


class ExpressLane(Lane):
    """The desk's acts."""

    def take(self, request: HttpRequest) -> Taken | None:
        """The act that is asked for, if a desk may do it."""
        found = find(request.method or "", request.path_info)
        if found is None or not _is_plain(request):
            return None
        try:
            request.get_host()
            return _taken(request, found)
        except LEFT_TO_THE_ORDINARY_LANE:
            return None


def _taken(request: HttpRequest, found: Found) -> Taken | None:
    claims = claims_in(request)
    if claims is None or claims.role not in DESK:
        return None  # before any lock is taken: what others ask for is carried out in the ordinary lane alone
    act = found.act
    caller = Caller(claims, may=lambda principal: principal.is_desk and may_for_everybody(principal, act.capability))
    work = act.read(Plain(parse(request.body) if request.body else {}, found.row_id, caller))
    if work is None or not PrincipalThrottle().allows(caller.actor):
        return None
    if act.in_crowd:
        return Taken(found.route, partial(_respond, act, work, caller))
    signed_in = JWTAuthentication().authenticate(request)  # type: ignore[arg-type]
    if signed_in is None or not caller.may(signed_in[1]):
        return None
    return Taken(found.route, partial(_respond, act, work))


def _respond(act: Act, work: Work, caller: Caller | None = None) -> HttpResponse:
    """Do the work and tell of it. A `caller` is looked up with the crowd: as long as they are not, nothing is done."""
    try:
        made = without_key(work, act.render)
    except Exception:
        if caller is not None and not caller.admitted:
            raise NotForThisLane from None
        raise
    return HttpResponse(body_bytes(made), status=made.status, content_type=JSON)


def _is_plain(request: HttpRequest) -> bool:
    meta = request.META
    length = meta.get("CONTENT_LENGTH") or "0"
    return (
        (meta.get("CONTENT_TYPE") == JSON or length == "0")
        and length.isascii()
        and length.isdigit()
        and int(length) <= MOST_BYTES
        and not meta["QUERY_STRING"]
        and is_plain(meta)
    )

"""tokens/{id}/link/ and track/{code}/: tracking links and what their holders may do."""

from collections.abc import Callable
from functools import partial
from typing import Any
from uuid import UUID

import orjson

from accounts.access.permissions import reach_of
from accounts.access.principal import principal_of
from core import clock
from core.api import etags
from core.api.answers import Answer
from core.api.commands import Reply, write
from core.api.endpoint import Endpoint
from core.api.renderers import to_json
from core.api.request import ApiRequest
from core.api.response_cache import tag_of
from core.api.serializers import write_time
from core.errors import VersionConflict
from core.local_time import zone_info
from live.api import openapi
from live.api.authentication import LinkAuthentication
from live.api.messages import TrackingLinkMessage, track_body
from live.api.serializers import LetPassRequest, NothingRequest, TrackCheckInRequest
from live.errors import CheckInNotOpen
from live.links import IssuedLink, issue_link
from live.presence import check_presence
from live.secrets import secret_of
from live.tracking import check_in_opens
from tokens import rules
from tokens.errors import InvalidTransition
from tokens.models import Token
from tokens.policy.lifecycle import Action, Status
from tokens.queries.access import refuse_hidden_token
from tokens.services import Cancelled, TokenAllocationService

service = TokenAllocationService()


@openapi.token_link
class LinkView(Endpoint):
    """The tracking link of a token: a new one revokes the one before."""

    capability = "tokens.book"

    def post(self, request: ApiRequest, token_id: UUID) -> Answer:
        NothingRequest.read_body(request.data)
        principal = principal_of(request)
        refuse_hidden_token(token_id=token_id, principal=principal, reach=reach_of(request, self))
        answer = write(request, partial(issue_link, token_id=token_id, actor=principal.actor), _stored_link)
        return _shown_link(request, answer)


def _stored_link(link: IssuedLink) -> Answer:
    """Return the answer as it is stored: with the seed in place of the code."""
    return Answer(201, {"seed": link.seed, "expires_at": write_time(link.expires_at, zone_info(link.zone))})


def _shown_link(request: ApiRequest, answer: Answer) -> Answer:
    stored: Any = orjson.loads(answer.body) if isinstance(answer.body, bytes) else answer.body
    code = secret_of(stored["seed"])
    url = request.build_absolute_uri(f"/t/{code}")
    body = TrackingLinkMessage.write(None, url=url, code=code, expires_at=stored["expires_at"])
    return Answer(answer.status, body, answer.headers)


class TrackEndpoint(Endpoint):
    """A route for the holder of a tracking link."""

    authentication_classes = [LinkAuthentication]
    capability = "token.follow"

    def act(self, request: ApiRequest, work: Callable[..., Any], form: Callable[[Any], Answer]) -> Answer:
        """Run an operation on the token; raise VersionConflict if the request is for another state of the token."""

        def conditional(*, reply: Reply) -> Any:
            named = request.META.get("HTTP_IF_MATCH")
            if named is not None and not etags.is_named(_content(request)[1], named):
                raise VersionConflict
            return work(reply=reply)

        return write(request, conditional, form)


@openapi.track
class TrackView(TrackEndpoint):
    """The state of the token."""

    def get(self, request: ApiRequest, code: str) -> Answer:
        body, tag = _content(request)
        if etags.is_named(tag, request.META.get("HTTP_IF_NONE_MATCH")):
            return etags.not_modified(tag=tag)
        return etags.answer(tag=tag, body=body)


@openapi.track_cancel
class TrackCancelView(TrackEndpoint):
    """The patient cancels."""

    def post(self, request: ApiRequest, code: str) -> Answer:
        NothingRequest.read_body(request.data)
        token: Token = request.token

        def cancel(*, reply: Reply) -> Any:
            if token.status == Status.BUFFER:  # cancelled already; only the desk gives up the seat that it keeps
                raise InvalidTransition(current_status=token.status, action=Action.CANCEL.value)
            return service.cancel(token_id=token.id, actor=principal_of(request).actor, reply=reply)

        return self.act(request, cancel, _cancelled)


@openapi.track_check_in
class TrackCheckInView(TrackEndpoint):
    """The patient has arrived."""

    def post(self, request: ApiRequest, code: str) -> Answer:
        presence = TrackCheckInRequest.read_body(request.data).get("presence")
        token: Token = request.token

        def check_in(*, reply: Reply) -> Any:
            opens_at = check_in_opens(token)
            if token.status == Status.CONFIRMED and clock.now() < opens_at:
                zone = zone_info(token.slot.facility.time_zone)
                raise CheckInNotOpen(opens_at=write_time(opens_at, zone))
            if token.status == Status.CONFIRMED and rules.in_force(token.slot.facility.rules).kiosk_presence:
                link_id = principal_of(request).id
                check_presence(facility_id=token.facility_id, link_id=link_id, code=presence, now=clock.now())
            return service.check_in(token_id=token.id, actor=principal_of(request).actor, reply=reply)

        return self.act(request, check_in, _token)


@openapi.track_let_pass
class TrackLetPassView(TrackEndpoint):
    """The patient lets others go first."""

    def post(self, request: ApiRequest, code: str) -> Answer:
        places = LetPassRequest.read_body(request.data)["places"]
        work = partial(service.let_pass, token_id=request.token.id, places=places, actor=principal_of(request).actor)
        return self.act(request, work, _token)


def _content(request: ApiRequest) -> tuple[bytes, str]:
    """Return the answer to GET and its ETag."""
    body = to_json(track_body(request.token, now=clock.now()))
    return body, tag_of(body)


def _cancelled(result: Cancelled) -> Answer:
    return _token(result.token)


def _token(token: Token) -> Answer:
    return Answer(200, track_body(token, now=clock.now()))

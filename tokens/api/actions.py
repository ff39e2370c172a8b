"""tokens/{id}/...: what the desk and the doctor do with one token."""

from collections.abc import Callable
from functools import partial
from typing import Any, ClassVar
from uuid import UUID

from accounts.access.permissions import reach_of
from accounts.access.principal import principal_of
from core import clock
from core.api.answers import Answer
from core.api.commands import write
from core.api.endpoint import Endpoint
from core.api.messages import StrictSerializer
from core.api.request import ApiRequest
from tokens.api import openapi
from tokens.api.messages import token_bodies
from tokens.api.serializers import CompleteCurrentRequest, NothingRequest, TriageRequest
from tokens.models import Token
from tokens.queries.access import refuse_hidden_token
from tokens.services import TokenAllocationService

service = TokenAllocationService()


class TokenActionView(Endpoint):
    """One action on one token: reads the body, checks that the caller may see the token, and lets the service act."""

    capability = "tokens.attend"
    body_class: ClassVar[type[StrictSerializer]] = NothingRequest
    act: ClassVar[Callable[..., Any]]

    def post(self, request: ApiRequest, token_id: UUID) -> Answer:
        body = self.body_class.read_body(request.data)
        principal = principal_of(request)
        refuse_hidden_token(token_id=token_id, principal=principal, reach=reach_of(request, self))
        work = partial(type(self).act, service, token_id=token_id, actor=principal.actor, **body)
        return write(request, work, token_answer)


def token_answer(token: Token) -> Answer:
    """The token as it stands now."""
    return Answer(200, token_bodies([token], now=clock.now())[0])


@openapi.action("Book", "Confirm a hold", "hold-expired")
class ConfirmView(TokenActionView):
    """Turn a hold into a booking."""

    capability = "tokens.book"
    act = TokenAllocationService.confirm


@openapi.action("Arrive", "The patient has arrived")
class CheckInView(TokenActionView):
    """The patient is here."""

    act = TokenAllocationService.check_in


@openapi.action("Call", "Call this patient in")
class CallView(TokenActionView):
    """Call this patient, out of turn if need be."""

    act = TokenAllocationService.call


@openapi.action("Call", "The consultation begins", "room-occupied", request=CompleteCurrentRequest)
class StartView(TokenActionView):
    """The patient enters the room."""

    body_class = CompleteCurrentRequest
    act = TokenAllocationService.start


@openapi.action("Call", "The consultation is over")
class CompleteView(TokenActionView):
    """The room is free."""

    act = TokenAllocationService.complete


@openapi.action("Call", "Called, but not at the door")
class RequeueView(TokenActionView):
    """Back into the queue at the old priority."""

    act = TokenAllocationService.requeue


@openapi.action("Arrive", "The patient is missing")
class NoShowView(TokenActionView):
    """The seat is kept until `grace_expires_at`."""

    act = TokenAllocationService.no_show


@openapi.action("Arrive", "The missing patient turned up", "grace-expired")
class ReinstateView(TokenActionView):
    """Back into the queue at the old priority."""

    act = TokenAllocationService.reinstate


@openapi.action("Emergency", "Set an emergency's acuity", request=TriageRequest)
class TriageView(TokenActionView):
    """1 is immediate, 5 the least urgent."""

    capability = "tokens.emergency"
    body_class = TriageRequest
    act = TokenAllocationService.triage

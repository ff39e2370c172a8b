"""tokens/{id}/...: actions of the desk and the doctor on one token."""

from collections.abc import Callable
from functools import partial
from typing import Any, ClassVar
from uuid import UUID

from accounts.access.permission_table import Reach, reach
from accounts.access.permissions import reach_of
from accounts.access.principal import principal_of
from core import clock
from core.api.answers import Answer
from core.api.commands import write
from core.api.endpoint import Endpoint
from core.api.request import ApiRequest
from core.api.serializers import StrictSerializer
from tokens.api import openapi
from tokens.api.duplicates import naming_existing_token
from tokens.api.messages import token_bodies, token_body
from tokens.api.results import MoveResultMessage
from tokens.api.serializers import (
    CallRequest,
    CompleteCurrentRequest,
    MoveRequest,
    NothingRequest,
    ReclassifyRequest,
    StepOutRequest,
    TriageRequest,
)
from tokens.models import Token
from tokens.policy.lifecycle import UNDOABLE_EVENTS
from tokens.queries.access import refuse_hidden_token
from tokens.services import Moved, TokenAllocationService

service = TokenAllocationService()
CANCELLATIONS = ("token.cancelled", "token.buffered")


class TokenActionView(Endpoint):
    """One action on one token: read the body, check that the caller may see the token, and call the service."""

    capability = "tokens.attend"
    body_class: ClassVar[type[StrictSerializer]] = NothingRequest
    act: ClassVar[Callable[..., Any]]

    def post(self, request: ApiRequest, token_id: UUID) -> Answer:
        body = self.body_class.read_body(request.data)
        principal = principal_of(request)
        refuse_hidden_token(token_id=token_id, principal=principal, reach=reach_of(request, self))
        facts = body | self.facts(request)
        work = partial(type(self).act, service, token_id=token_id, actor=principal.actor, **facts)
        return write(request, work, token_answer)

    def facts(self, request: ApiRequest) -> dict[str, Any]:
        """Return what the action has to know of the caller."""
        return {}


def token_answer(token: Token) -> Answer:
    """Return the answer with the current token."""
    return Answer(200, token_bodies([token], now=clock.now())[0])


@openapi.action("Book", "Confirm a hold", "hold-expired")
class ConfirmView(TokenActionView):
    """Turn a hold into a booking."""

    capability = "tokens.book"
    act = TokenAllocationService.confirm


@openapi.action("Arrive", "Check a patient in")
class CheckInView(TokenActionView):
    """Check a patient in."""

    act = TokenAllocationService.check_in


@openapi.action("Call", "Call this patient in", "slot-paused")
class CallView(TokenActionView):
    """Call this patient in, whatever their position."""

    body_class = CallRequest
    act = TokenAllocationService.call


@openapi.action("Call", "Call a called patient once more")
class RecallView(TokenActionView):
    """Call a called patient once more; the token stays CALLED."""

    act = TokenAllocationService.recall


@openapi.action("Call", "Start a consultation", "room-occupied")
class StartView(TokenActionView):
    """Start the consultation."""

    body_class = CompleteCurrentRequest
    act = TokenAllocationService.start


@openapi.action("Call", "End a consultation")
class CompleteView(TokenActionView):
    """End the consultation."""

    act = TokenAllocationService.complete


@openapi.action("Call", "Requeue a called patient")
class RequeueView(TokenActionView):
    """Put a called patient who did not appear back into the queue, at the old priority."""

    act = TokenAllocationService.requeue


@openapi.action("Call", "Skip a called patient")
class SkipView(TokenActionView):
    """Put a called patient who did not appear behind the next few of the queue; too often: mark a no-show."""

    act = TokenAllocationService.skip


@openapi.action("Arrive", "Let a patient step out")
class StepOutView(TokenActionView):
    """Take a patient out of the queue or the room for a while; the token keeps its seat."""

    body_class = StepOutRequest
    act = TokenAllocationService.step_out


@openapi.action("Arrive", "Take a patient back who stepped out")
class StepInView(TokenActionView):
    """Put a patient who stepped out back into the queue, at the old priority."""

    act = TokenAllocationService.step_in


@openapi.action("Arrive", "Mark a no-show")
class NoShowView(TokenActionView):
    """Mark a patient as missing; the seat is kept until `grace_expires_at`."""

    act = TokenAllocationService.no_show


@openapi.action("Arrive", "Reinstate a no-show", "grace-expired")
class ReinstateView(TokenActionView):
    """Put a missing patient who has arrived back into the queue, at the old priority."""

    act = TokenAllocationService.reinstate


@openapi.action("Arrive", "Change the category")
class ReclassifyView(TokenActionView):
    """Change the category of a token in the queue; the request keeps its time, and the priority follows."""

    capability = "tokens.reclassify"
    body_class = ReclassifyRequest
    act = TokenAllocationService.reclassify


@openapi.action("Arrive", "Undo the last action", "undo-impossible")
class UndoView(TokenActionView):
    """Undo the last action on the token, within `undo_seconds`, for whoever may perform that action."""

    capability = "tokens.undo"
    act = TokenAllocationService.undo

    def facts(self, request: ApiRequest) -> dict[str, Any]:
        """Return the types of the events that the caller may undo."""
        principal = principal_of(request)
        return {
            "may_undo": frozenset(
                event
                for event in UNDOABLE_EVENTS
                if reach(principal, "tokens.book" if event in CANCELLATIONS else "tokens.attend") is not Reach.NONE
                and (event != "token.buffered" or principal.is_desk)
            )
        }


@openapi.token_move
class MoveView(Endpoint):
    """A move to another slot."""

    capability = "tokens.move"

    def post(self, request: ApiRequest, token_id: UUID) -> Answer:
        body, principal, own = MoveRequest.read_body(request.data), principal_of(request), reach_of(request, self)
        refuse_hidden_token(token_id=token_id, principal=principal, reach=own)
        work = partial(
            service.move,
            token_id=token_id,
            **body,
            desk=principal.is_desk,
            confirmed_only=own is not Reach.ALL,
            actor=principal.actor,
        )
        with naming_existing_token(principal, slot_id=body["slot_id"], moved=token_id):
            return write(request, work, moved_answer)


def moved_answer(result: Moved) -> Answer:
    """Return the moved token and the promoted ones."""
    token = token_body(result.token, position=result.token.computed_position, now=clock.now())
    return Answer(200, MoveResultMessage.write(None, token=token, promoted=[str(one.id) for one in result.promoted]))


@openapi.action("Emergency", "Set an emergency's acuity")
class TriageView(TokenActionView):
    """Set an emergency's acuity, 1 (immediate) to 5."""

    capability = "tokens.emergency"
    body_class = TriageRequest
    act = TokenAllocationService.triage

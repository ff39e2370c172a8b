"""slots/{id}/...: the doctor's session in a slot."""

from collections.abc import Callable
from functools import partial
from typing import Any, ClassVar
from uuid import UUID

from drf_spectacular.utils import OpenApiExample, extend_schema, extend_schema_view
from rest_framework import serializers

from core import clock
from core.api.answers import Answer
from core.api.commands import write
from core.api.endpoint import Endpoint
from core.api.fields import ReasonField
from core.api.openapi import problems
from core.api.request import ApiRequest
from core.api.serializers import OutputSerializer, StrictIntegerField, StrictSerializer, StrictUUIDField
from tokens.api import examples
from tokens.api.messages import SlotMessage, slot_body
from tokens.api.serializers import DAY_MINUTES, NothingRequest
from tokens.api.slots import checked_principal, slot_answer
from tokens.sessions import Finished, SessionService

service = SessionService()


class PauseRequest(StrictSerializer):
    """How long the doctor is expected to be away, and why."""

    minutes = StrictIntegerField(min_value=1, max_value=DAY_MINUTES, required=False, allow_null=True)
    reason = ReasonField()

    class Meta:
        example = {"minutes": 20, "reason": "Called to the ward"}


class FinishRequest(StrictSerializer):
    """The slot that the patients who were not seen are moved to."""

    carry_over_to = StrictUUIDField(required=False, allow_null=True, help_text="Another slot of the same local day.")

    class Meta:
        example = {"carry_over_to": examples.SLOT_ID}


class FinishedMessage(OutputSerializer):
    """A finished slot, and the ids of its tokens that ended with it."""

    slot = SlotMessage()
    no_shows = serializers.ListField(child=serializers.UUIDField(), help_text="They did not come.")
    carried_over = serializers.ListField(child=serializers.UUIDField(), help_text="They were moved to the other slot.")
    not_seen = serializers.ListField(child=serializers.UUIDField(), help_text="They were here and were not seen.")

    class Meta:
        example = {
            "slot": {**examples.SLOT, "status": "CLOSED", "finished_at": "2026-03-02T10:05:00+05:30"},
            "no_shows": [examples.TOKEN["id"]],
            "carried_over": [],
            "not_seen": [],
        }


def _described(summary: str, *codes: str, description: str = "", answer: Any = SlotMessage) -> Callable[[Any], Any]:
    """Describe a POST of the view's `body_class` on one slot."""

    def described(view: Any) -> Any:
        example = getattr(getattr(view.body_class, "Meta", None), "example", None)
        return extend_schema_view(
            post=extend_schema(
                tags=["Call"],
                operation_id=f"slots_{view.act.__name__}",
                summary=summary,
                description=description,
                request=view.body_class,
                responses={200: answer, **problems("invalid-transition", "version-conflict", *codes)},
                examples=[OpenApiExample(summary, request_only=True, value=example)] if example else None,
            )
        )(view)

    return described


class SessionView(Endpoint):
    """One act on one slot: read the body, check that the caller may act on the slot, and call the service."""

    capability = "slots.run"
    body_class: ClassVar[type[StrictSerializer]] = NothingRequest
    act: ClassVar[Callable[..., Any]]
    answer: ClassVar[Callable[..., Answer]] = staticmethod(slot_answer)

    def post(self, request: ApiRequest, slot_id: UUID) -> Answer:
        body = self.body_class.read_body(request.data)
        principal = checked_principal(request, self, slot_id)
        if body.get("carry_over_to") is not None:
            checked_principal(request, self, body["carry_over_to"])
        work = partial(type(self).act, service, slot_id=slot_id, actor=principal.actor, **body)
        return write(request, work, type(self).answer, versioned=True)


def finished_answer(result: Finished) -> Answer:
    """Return the finished slot and the ids of its tokens."""
    names = ("no_shows", "carried_over", "not_seen")
    lists = {name: [str(token.id) for token in getattr(result, name)] for name in names}
    slot = result.slot
    return Answer(200, {"slot": slot_body(slot, now=clock.now()), **lists}, {"ETag": f'"{slot.version}"'})


@_described("Record that the doctor has arrived")
class BeginView(SessionView):
    """The doctor's arrival."""

    act = SessionService.begin


@_described("Pause calling", description="Bookings go on; no patient is expected before `paused_until`.")
class PauseView(SessionView):
    """The beginning of a pause."""

    body_class = PauseRequest
    act = SessionService.pause


@_described("Resume calling")
class ResumeView(SessionView):
    """The end of a pause."""

    act = SessionService.resume


@_described(
    "Finish a slot",
    "room-occupied",
    "slot-not-open",
    "doctor-inactive",
    description=(
        "The slot is closed and its waiting list ends. Patients who did not come are NO_SHOW without grace. Those who "
        "are here move, in the order of the queue, to `carry_over_to` while it has seats; the others are NOT_SEEN."
    ),
    answer=FinishedMessage,
)
class FinishView(SessionView):
    """The end of a session."""

    body_class = FinishRequest
    act = SessionService.finish
    answer = staticmethod(finished_answer)


@_described(
    "Reopen a slot",
    "undo-impossible",
    description="Takes back a close or finish within the facility's `undo_seconds`; tokens that ended stay ended.",
)
class ReopenView(SessionView):
    """The undoing of a close or finish."""

    act = SessionService.reopen

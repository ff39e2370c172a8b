"""The position of a token explained: the parts of its priority, the tokens ahead, and the events that moved it."""

from typing import Any

from django.db.models import Count, Q
from rest_framework import serializers

from accounts.access.principal import roles_of
from core.api.serializers import OutputSerializer
from events.models import Event
from tokens.api.messages import EventMessage, event_body
from tokens.models import Token
from tokens.policy.lifecycle import QUEUED
from tokens.policy.priority import BASE, Category
from tokens.queries.queue import ahead_of

EMERGENCY_EVENTS = ("token.emergency_admitted", "token.became_emergency", "token.triaged")
SLOT_EVENTS = (
    "slot.delayed", "slot.paused", "slot.resumed", "slot.cancelled", "slot.closed", "slot.finished", "slot.reopened",
)  # fmt: skip


class ExplanationMessage(OutputSerializer):
    """The reasons for a token's position."""

    token_number = serializers.IntegerField(allow_null=True)
    priority = serializers.FloatField()
    base = serializers.FloatField()
    time_bonus = serializers.FloatField()
    care_bonus = serializers.FloatField()
    ahead = serializers.DictField(child=serializers.IntegerField())
    history = EventMessage(many=True)


def explain_body(token: Token, *, names_staff: bool) -> dict[str, Any]:
    """Return the position of a token and the reasons for it.

    An emergency of another patient is shown without its token. Without `names_staff` an actor is shown as a role.
    """
    ahead = {}
    if token.status in QUEUED:
        groups = ahead_of(token=token).order_by("category").values_list("category")
        ahead = dict(groups.annotate(number=Count("id")))
    return ExplanationMessage.write(
        token,
        token_number=sum(ahead.values()) + 1 if token.status in QUEUED else None,
        base=float(BASE[Category(token.category)]),
        ahead=ahead,
        history=_shown_history(token, names_staff=names_staff),
    )


def _shown_history(token: Token, *, names_staff: bool) -> list[dict[str, Any]]:
    history = [_shown(event, token) for event in _history(token)]
    if not names_staff:
        roles = roles_of({each["actor"] for each in history if each["actor"]})
        history = [each | {"actor": roles.get(each["actor"])} for each in history]
    return history


def _history(token: Token) -> list[Event]:
    of_facility = Event.objects.filter(facility_id=token.facility_id)
    own = Q(token_id=token.id)
    arrivals = of_facility.filter(own, slot_id=token.slot_id).order_by("seq").values_list("at", flat=True)
    of_slot = Q(slot_id=token.slot_id, at__gte=arrivals.first() or token.created_at)
    moved_by = of_slot & Q(type__in=[*EMERGENCY_EVENTS, *SLOT_EVENTS])
    return list(of_facility.filter(own | moved_by).order_by("seq"))


def _shown(event: Event, token: Token) -> dict[str, Any]:
    body = event_body(event)
    if event.token_id not in (None, token.id):
        body |= {"token": None, "actor": None, "data": {"acuity": event.data.get("acuity")}}
    return body

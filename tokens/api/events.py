"""events/: the event log, for systems that follow it."""

from accounts.access.permissions import reach_of
from accounts.access.principal import principal_of
from core.api.answers import Answer
from core.api.endpoint import Endpoint
from core.api.request import ApiRequest
from core.errors import NotFound
from events.models import Event
from events.readers import after_event, complete_part
from tokens.api import openapi
from tokens.api.messages import event_body
from tokens.api.serializers import EventFilters
from tokens.engine.locate import of_slot, of_token
from tokens.queries.access import visible_events


@openapi.event_list
class EventListView(Endpoint):
    """The log, oldest first."""

    capability = "events.read"
    queryset = Event.objects.none()

    def get(self, request: ApiRequest) -> Answer:
        filters = EventFilters.read(request)
        events = visible = visible_events(principal=principal_of(request), reach=reach_of(request, self))
        if "slot" in filters:
            events = of_slot(events, slot_id=filters["slot"])
        if "token" in filters:
            events = of_token(events, token_id=filters["token"])
        if "slot" not in filters and "token" not in filters:
            # The lock of a slot orders its events. Over all slots, leave out events that a transaction still open may
            # precede: a reader would skip those of the transaction.
            events = complete_part(events)
        if "after" in filters:
            last = visible.filter(id=filters["after"]).first()
            if last is None:
                raise NotFound
            events = after_event(events, last=last)
        page = self.paginate_queryset(events.order_by("seq"))
        return self.get_paginated_response([event_body(event) for event in page or []])

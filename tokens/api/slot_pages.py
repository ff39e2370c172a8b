"""A page of slots with an ETag, because clients that look for a free seat poll the same page."""

from datetime import datetime
from typing import Any

from django.db.models import QuerySet

from clinics.models import Slot
from core.api import etags, response_cache
from core.api.answers import Answer
from core.api.endpoint import Endpoint
from core.api.renderers import to_json
from core.api.request import ApiRequest
from tokens.api import messages
from tokens.policy import estimates
from tokens.queries.estimates import moment_of_list

_CODE = response_cache.source_tag(messages, estimates)


def answer_page(request: ApiRequest, view: Endpoint, slots: QuerySet[Slot], *, now: datetime) -> Answer:
    """Return the requested page, or 304 if the request names its ETag."""
    page: Any = view.paginate_queryset(slots.select_related("doctor", "facility"))  # type: ignore[arg-type]
    moment = max((at for slot in page if (at := moment_of_list(slot=slot, now=now))), default=None)
    envelope: Any = view.get_paginated_response([]).body  # count, next, previous
    tag = response_cache.tag_of(_CODE, sorted(envelope.items()), [_facts(slot) for slot in page], moment)
    if etags.is_named(tag, request.META.get("HTTP_IF_NONE_MATCH")):
        return etags.not_modified(tag=tag)
    results = [messages.slot_body(slot, now=moment or now) for slot in page]
    return etags.answer(tag=tag, body=to_json({**envelope, "results": results}))


def _facts(slot: Slot) -> tuple[Any, ...]:
    """Return values that change whenever the slot's entry on a page changes."""
    return slot.id, slot.version, bytes(slot.last_event_hash), slot.doctor.name, slot.facility.time_zone

"""A page of slots with an ETag: a client that looks for a free seat asks for the same page again and again."""

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
    """The page that is asked for, or 304 if its ETag is named."""
    page: Any = view.paginate_queryset(slots.select_related("doctor", "facility"))  # type: ignore[arg-type]
    moment = max((at for slot in page if (at := moment_of_list(slot=slot, now=now))), default=None)
    around: Any = view.get_paginated_response([]).body  # count, next, previous
    tag = response_cache.tag_of(_CODE, sorted(around.items()), [_facts(slot) for slot in page], moment)
    if etags.is_named(tag, request.META.get("HTTP_IF_NONE_MATCH")):
        return etags.not_modified(tag=tag)
    results = [messages.slot_body(slot, now=moment or now) for slot in page]
    return etags.answer(tag=tag, body=to_json({**around, "results": results}))


def _facts(slot: Slot) -> tuple[Any, ...]:
    """What tells whether a slot on a page is still what it was: it never changes without its version."""
    return slot.id, slot.version, bytes(slot.last_event_hash), slot.doctor.name, slot.facility.time_zone

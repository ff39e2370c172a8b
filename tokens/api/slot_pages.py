"""A page of slots, ready to be sent as long as none of them changes: who looks for a free seat looks again and again.

As with a slot's tokens, what a page is made from is asked of the database each time: how many slots there are, and of
those on the page the version and what else it shows. Only the rest is kept.
"""

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from typing import Any, NamedTuple
from uuid import UUID

from django.db.models import QuerySet
from django.http import HttpResponse
from rest_framework.generics import GenericAPIView
from rest_framework.request import Request

from clinics.models import Slot
from core import clock
from core.api import etags, response_cache
from core.api.renderers import to_json
from tokens.api import messages
from tokens.policy import estimates
from tokens.queries.estimates import moment_of_list

PLACES = 1024
"""Pages share so many places in Redis, so that nobody fills it by asking for ever other pages."""
_CODE = response_cache.text_of(messages, estimates)


class SlotHead(NamedTuple):
    """What tells whether a slot on a page is still what it was; it never changes without its version."""

    id: UUID
    facility_id: UUID
    version: int
    last_event_hash: bytes
    doctor__name: str
    facility__time_zone: str
    start_time: datetime
    delay_minutes: int
    consultation_minutes: int
    first_called_at: datetime | None
    room_since: datetime | None

    @classmethod
    def of_row(cls, row: Iterable[Any]) -> "SlotHead":
        """The head of these columns."""
        head = cls._make(row)
        return head._replace(last_event_hash=bytes(head.last_event_hash))

    @classmethod
    def of(cls, slot: Slot) -> "SlotHead":
        """The head of a slot."""
        beside = {"doctor__name": slot.doctor.name, "facility__time_zone": slot.facility.time_zone}
        return cls.of_row(beside[name] if name in beside else getattr(slot, name) for name in cls._fields)

    @property
    def delayed_start(self) -> datetime:
        """When the slot starts: the planned start plus the delay in force."""
        return self.start_time + timedelta(minutes=self.delay_minutes)


def answer_page(request: Request, view: GenericAPIView[Slot], slots: QuerySet[Slot], *, now: datetime) -> HttpResponse:
    """The page that is asked for, or 304 for who has it."""
    rows: Any = view.paginate_queryset(slots.values_list(*SlotHead._fields))  # type: ignore[arg-type]
    heads = [SlotHead.of_row(row) for row in rows]
    around = view.get_paginated_response([]).data  # count, next, previous
    key = f"slots:{request.build_absolute_uri()}"
    tag = _tag(key, around, heads, now)
    if etags.is_named(tag, request.META.get("HTTP_IF_NONE_MATCH")):
        return etags.not_modified(tag=tag)

    def make() -> response_cache.Snapshot:
        moment = clock.now()
        among = Slot.objects.filter(facility_id__in={head.facility_id for head in heads})
        found = among.select_related("doctor", "facility").in_bulk([head.id for head in heads])
        there = [found[head.id] for head in heads if head.id in found]
        at_hand = [SlotHead.of(slot) for slot in there]
        shown = _moment(at_hand, moment) or moment
        results = [messages.slot_body(slot, now=shown) for slot in there]
        return response_cache.Snapshot(_tag(key, around, at_hand, moment), to_json({**around, "results": results}))

    place = f"slots:{int(response_cache.tag_of(key), 16) % PLACES}"
    snapshot = response_cache.ready(response_cache.Asked(key, tag, make, shared_place=place))
    return etags.answer(tag=snapshot.tag, body=snapshot.body)


def _moment(heads: Sequence[SlotHead], now: datetime) -> datetime | None:
    """The moment for which the page is made; None: it is the same at any time."""
    return max((moment for head in heads if (moment := moment_of_list(slot=head, now=now))), default=None)


def _tag(key: str, around: dict[str, Any], heads: Sequence[SlotHead], now: datetime) -> str:
    told = [around[name] for name in ("count", "next", "previous")]
    return response_cache.tag_of(_CODE, key, told, [tuple(head) for head in heads], _moment(heads, now))

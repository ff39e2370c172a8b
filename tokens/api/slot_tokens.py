"""slots/{id}/tokens/: the queue of a slot, cached while it does not change.

Each request reads the head of the list, one row, from the database. The head alone decides whether the client's list
(by its ETag) or the cached one is current, so an answer always includes every change committed before the request.
"""

from collections.abc import Sequence
from contextlib import suppress
from datetime import datetime
from functools import partial
from typing import Any
from uuid import UUID

from accounts.access.permission_table import Reach
from accounts.access.permissions import reach_of
from accounts.access.principal import Principal, principal_of
from accounts.access.roles import Role
from accounts.audit.read_trail import PatientList, record_list_read, record_read
from clinics.models import Slot
from core import clock
from core.api import etags, response_cache
from core.api.answers import Answer
from core.api.endpoint import Endpoint
from core.api.request import ApiRequest
from core.db.shared_reads import Wanted
from core.errors import NotFound
from tokens.api import messages, openapi
from tokens.api.serializers import QueueFilters
from tokens.audit.as_of import tokens_as_of
from tokens.policy import estimates
from tokens.queries import queue_list
from tokens.queries.access import refuse_foreign_doctor
from tokens.queries.estimates import moment_of_list
from tokens.queries.queue_list import Head, head_of, listed

MAX_READS = 5
"""Reads of head and tokens that do not match, after which the list is answered but not used again."""
_CODE = response_cache.source_tag(messages, estimates, queue_list)


@openapi.slot_tokens
class SlotTokensView(Endpoint):
    """The queue in order, then the rest by ticket."""

    capability = "queue.read"
    pagination_class = None

    @classmethod
    def first_reads(cls, **kwargs: Any) -> Sequence[Wanted]:
        with suppress(NotFound):
            return [queue_list.head_row(slot_id=kwargs["slot_id"])]
        return ()

    def get(self, request: ApiRequest, slot_id: UUID) -> Answer:
        principal, reach = principal_of(request), reach_of(request, self)
        head = head_of(slot_id=slot_id, rows=request.rows)
        refuse_foreign_doctor(head.doctor_id, principal=principal, reach=reach)
        filters = QueueFilters.read(request, zone=head.time_zone)
        in_queue, patient_ids = filters.get("in_queue", False), visible_patient_ids(principal, reach)
        if "as_of" in filters:
            tokens = _as_of(slot_id, filters["as_of"], in_queue=in_queue, patient_ids=patient_ids)
            record_read(request, [token["patient"] for token in tokens], what=self.capability)
            return Answer(200, tokens)
        return answer_list(request, head, in_queue=in_queue, patient_ids=patient_ids)


def visible_patient_ids(principal: Principal, reach: Reach) -> frozenset[UUID] | None:
    """Return the patients whose tokens the caller may see; None for all."""
    return None if reach is Reach.ALL or principal.role == Role.DOCTOR else principal.patient_ids


def answer_list(request: Any, head: Head, *, in_queue: bool, patient_ids: frozenset[UUID] | None) -> Answer:
    """Return the list and record the patients in it as read, or return 304, which shows the client nothing new."""
    now = clock.now()
    tag = _tag(head, _moment(head, now, in_queue), in_queue, patient_ids)
    if etags.is_named(tag, request.META.get("HTTP_IF_NONE_MATCH")):
        return etags.not_modified(tag=tag)
    name = f"tokens:{head.id}:{response_cache.tag_of(in_queue, _sorted(patient_ids))}"
    make = partial(_make, head, in_queue=in_queue, patient_ids=patient_ids)
    found = response_cache.cached(response_cache.BodyRequest(name, tag, make))
    record_list_read(request, found.about, what=SlotTokensView.capability)
    return etags.answer(tag=found.tag, body=found.content)


def _make(head: Head, *, in_queue: bool, patient_ids: frozenset[UUID] | None) -> response_cache.Body:
    """Make the current list. Head and tokens are read again until they match.

    If they do not match after MAX_READS, the tokens are newer than the tag: the list is correct, but not used again.
    """
    for number in range(MAX_READS):
        if number:
            head = head_of(slot_id=head.id)
        is_current, tokens = listed(head=head, in_queue=in_queue, patient_ids=patient_ids)
        if is_current:
            break
    now = clock.now()
    moment = _moment(head, now, in_queue)
    content = messages.list_bytes(head, tokens, now=moment or now)
    named = PatientList(token.patient_id for token in tokens)
    return response_cache.Body(_tag(head, moment, in_queue, patient_ids), content, named)


def _moment(head: Head, now: datetime, in_queue: bool) -> datetime | None:
    return moment_of_list(slot=head, now=now, stepped_out=0 if in_queue else head.stepped_out)


def _tag(head: Head, *rest: Any) -> str:
    moment, in_queue, patient_ids = rest
    return response_cache.tag_of(_CODE, tuple(head), moment, in_queue, _sorted(patient_ids))


def _sorted(patient_ids: frozenset[UUID] | None) -> list[UUID] | None:
    return None if patient_ids is None else sorted(patient_ids)


def _as_of(slot_id: UUID, moment: Any, *, in_queue: bool, patient_ids: frozenset[UUID] | None) -> list[dict[str, Any]]:
    """Return the list as it was at a moment, replayed from the log."""
    slot = Slot.objects.select_related("doctor", "facility").get(id=slot_id)
    queue, rest = tokens_as_of(slot=slot, moment=moment)
    tokens = messages.slot_token_bodies(queue=queue, rest=[] if in_queue else rest, now=moment)
    own = None if patient_ids is None else {str(patient_id) for patient_id in patient_ids}
    return [token for token in tokens if own is None or token["patient"] in own]

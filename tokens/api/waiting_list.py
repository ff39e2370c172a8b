"""waiting-list/: the entries of patients who wait for a seat."""

from functools import partial
from uuid import UUID

from accounts.access.permissions import reach_of
from accounts.access.principal import principal_of
from accounts.access.scoping import scoped
from accounts.audit.read_trail import record_read
from clinics.models import Slot
from core.api.answers import Answer
from core.api.commands import write
from core.api.endpoint import Endpoint
from core.api.request import ApiRequest
from core.db.replica import from_replica
from core.errors import NotFound
from tokens.api import openapi
from tokens.api.duplicates import naming_existing_token
from tokens.api.messages import entry_bodies, entry_body
from tokens.api.serializers import BySlotFilters, SeatRequest, WaitingListFilters
from tokens.engine.locate import facility_of_slot, of_slot, place_of_entry
from tokens.queries.access import visible_entries
from tokens.services import TokenAllocationService
from waitlist.models import EntryStatus, WaitlistEntry

service = TokenAllocationService()


@openapi.waiting_list
class WaitingListView(Endpoint):
    """The entries, slot by slot, in the order of promotion."""

    capability = "waiting_list.read"
    queryset = WaitlistEntry.objects.none()

    @from_replica
    def get(self, request: ApiRequest) -> Answer:
        filters = WaitingListFilters.read(request)
        entries = visible_entries(principal=principal_of(request), reach=reach_of(request, self))
        entries = entries.filter(status__in=filters.get("status", [EntryStatus.WAITING]))
        if "slot" in filters:
            entries = of_slot(entries, slot_id=filters["slot"])
        if "patient" in filters:
            entries = entries.filter(patient_id=filters["patient"])
        page = self.paginate_queryset(entries.order_by("slot_id", "priority", "arrival")) or []
        entries_shown = entry_bodies(page)
        record_read(request, [entry.patient_id for entry in page], what=self.capability)
        return self.get_paginated_response(entries_shown)


@openapi.waiting_list_by_slot
class WaitingListBySlotView(Endpoint):
    """The waiting list of one slot, in order."""

    capability = "waiting_list.read"
    pagination_class = None

    def get(self, request: ApiRequest) -> Answer:
        slot_id = BySlotFilters.read(request)["slot_id"]
        facility_id = facility_of_slot(slot_id)
        slots = scoped(Slot.objects.filter(facility_id=facility_id, id=slot_id), principal_of(request))
        if not slots.exists():
            raise NotFound
        entries = visible_entries(principal=principal_of(request), reach=reach_of(request, self))
        waiting = of_slot(entries, slot_id=slot_id).filter(status=EntryStatus.WAITING)
        in_order = list(waiting.order_by("priority", "arrival"))
        entries_shown = entry_bodies(in_order)
        record_read(request, [entry.patient_id for entry in in_order], what=self.capability)
        return Answer(200, entries_shown)


@openapi.waiting_list_entry
class WaitingListEntryView(Endpoint):
    """One entry."""

    capability = "waiting_list.write"

    def delete(self, request: ApiRequest, entry_id: UUID) -> Answer:
        principal = principal_of(request)
        visible = visible_entries(principal=principal, reach=reach_of(request, self))
        if not visible.filter(facility_id=place_of_entry(entry_id).facility_id, id=entry_id).exists():
            raise NotFound
        work = partial(service.withdraw, entry_id=entry_id, actor=principal.actor)
        return write(request, work, lambda entry: Answer(204))


@openapi.waiting_list_seat
class SeatView(Endpoint):
    """Giving a seat to an entry out of order."""

    capability = "waiting_list.seat"

    def post(self, request: ApiRequest, entry_id: UUID) -> Answer:
        reason = SeatRequest.read_body(request.data)["reason"]
        principal = principal_of(request)
        visible = visible_entries(principal=principal, reach=reach_of(request, self))
        facility_id, slot_id = place_of_entry(entry_id)
        patients = visible.filter(facility_id=facility_id, id=entry_id).values_list("patient_id", flat=True)
        if (patient_id := patients.first()) is None:
            raise NotFound
        work = partial(service.seat, entry_id=entry_id, reason=reason, actor=principal.actor)
        with naming_existing_token(principal, slot_id=slot_id, patient_id=patient_id):
            return write(request, work, lambda entry: Answer(200, entry_body(entry, position=None)))

"""slots/: planning slots, and actions on a whole slot."""

from collections.abc import Sequence
from dataclasses import asdict
from datetime import date, timedelta
from functools import partial
from typing import Any
from uuid import UUID

from django.db.models import F, QuerySet

from accounts.access.permissions import reach_of
from accounts.access.principal import Principal, principal_of
from accounts.access.scoping import scoped
from clinics.facilities import facility_of_doctor
from clinics.models import Doctor, Slot, SlotStatus
from clinics.timetables import BadTimetable, planned_days, slots_between
from core import clock
from core.api.answers import Answer
from core.api.commands import write
from core.api.endpoint import Endpoint
from core.api.request import ApiRequest
from core.api.scoped_ids import own_id
from core.errors import NotFound, ValidationFailed
from core.local_time import local_day
from tokens.api import openapi
from tokens.api.messages import slot_body, token_body
from tokens.api.results import (
    AffectedSlotMessage,
    BulkResultMessage,
    DelayResultMessage,
)
from tokens.api.serializers import (
    BulkSlotsRequest,
    CallNextRequest,
    CancelSlotRequest,
    CancelSlotsRequest,
    DelayRequest,
    DryRunFilters,
    NothingRequest,
    SlotFilters,
    SlotRequest,
    zone_of_doctor,
)
from tokens.api.slot_pages import answer_page
from tokens.engine.locate import facility_of_slot
from tokens.models import Token
from tokens.planning import PlanningService, SlotRange, SlotsCancelled
from tokens.queries.access import refuse_foreign_slot
from tokens.queries.due import DELAYED_END
from tokens.services import DelaySet, SlotCancelled, SlotPlan, TokenAllocationService

service = TokenAllocationService()
planning = PlanningService()

RANGE = ("start_date", "end_date", "weekdays", "week_interval")


def _slots(request: ApiRequest) -> QuerySet[Slot]:
    return scoped(Slot.objects.select_related("doctor", "facility"), principal_of(request))


def slot_answer(slot: Slot, *, status: int = 200) -> Answer:
    """Return the answer with a slot and its ETag."""
    return Answer(status, slot_body(slot, now=clock.now()), {"ETag": f'"{slot.version}"'})


@openapi.slot_list
class SlotListView(Endpoint):
    """The slots, by their start."""

    capabilities = {"GET": "slots.read", "POST": "slots.write"}
    queryset = Slot.objects.none()

    def get(self, request: ApiRequest) -> Answer:
        now = clock.now()
        slots = _slots(request)
        filters = SlotFilters.read(request)
        if "doctor" in filters:
            slots = slots.filter(doctor_id=filters["doctor"])
        if "facility" in filters:
            slots = slots.filter(facility_id=filters["facility"])
        if "date" in filters:
            slots = slots.filter(local_date=filters["date"])
        if "status" in filters:
            slots = slots.filter(status__in=filters["status"])
        if "available" in filters:
            open_now = slots.alias(ends=DELAYED_END).filter(
                status__in=[SlotStatus.ACTIVE, SlotStatus.DELAYED],
                ends__gt=now,
                max_capacity__gt=F("regular_seats") + F("emergency_seats"),
                doctor__is_active=True,
            )
            slots = open_now if filters["available"] else slots.exclude(id__in=open_now.values("id"))
        return answer_page(request, self, slots, now=now)

    def post(self, request: ApiRequest) -> Answer:
        plan = _read_plan(request)
        doctor_id, plan["rooms"] = plan.pop("doctor_id"), tuple(plan.get("rooms", ()))
        work = partial(
            service.create_slots,
            doctor_id=doctor_id,
            plans=lambda doctor, taken: [SlotPlan(**plan)],
            days=lambda zone: {local_day(plan["start_time"], zone)},
            actor=principal_of(request).actor,
        )
        return write(request, work, lambda made: slot_answer(made[0], status=201))


@openapi.slot_detail
class SlotView(Endpoint):
    """One slot."""

    capabilities = {"GET": "slots.read", "PUT": "slots.write", "PATCH": "slots.write", "DELETE": "slots.write"}

    def get(self, request: ApiRequest, slot_id: UUID) -> Answer:
        slot = _slots(request).filter(facility_id=facility_of_slot(slot_id), id=slot_id).first()
        if slot is None:
            raise NotFound
        return slot_answer(slot)

    def put(self, request: ApiRequest, slot_id: UUID) -> Answer:
        return self._change(request, slot_id, partly=False)

    def patch(self, request: ApiRequest, slot_id: UUID) -> Answer:
        return self._change(request, slot_id, partly=True)

    def delete(self, request: ApiRequest, slot_id: UUID) -> Answer:
        work = partial(service.delete_slot, slot_id=slot_id, actor=principal_of(request).actor)
        return write(request, work, lambda nothing: Answer(204), versioned=True)

    def _change(self, request: ApiRequest, slot_id: UUID, *, partly: bool) -> Answer:
        work = partial(
            service.change_slot,
            slot_id=slot_id,
            changes=_read_plan(request, slot_id=slot_id, partly=partly),
            actor=principal_of(request).actor,
        )
        return write(request, work, slot_answer, versioned=True)


@openapi.slot_bulk
class BulkSlotsView(Endpoint):
    """A doctor's timetable, laid out as slots."""

    capability = "slots.write"

    def post(self, request: ApiRequest) -> Answer:
        wanted = BulkSlotsRequest.read_body(request.data)
        doctor_id, capacity = _own_doctor_id(request, wanted.pop("doctor_id")), wanted.pop("max_capacity")
        rooms = tuple(wanted.pop("rooms", ()))
        skipped = 0

        def lay_out(taken: Sequence[Slot], zone: str) -> list[tuple[Any, Any]]:
            nonlocal skipped
            timetable = slots_between(**wanted, zone=zone, busy=[(slot.start_time, slot.end_time) for slot in taken])
            skipped = timetable.skipped
            return timetable.slots

        def plans(doctor: Doctor, taken: Sequence[Slot]) -> list[SlotPlan]:
            return [
                SlotPlan(start, end, capacity, rooms=rooms) for start, end in lay_out(taken, doctor.facility.time_zone)
            ]

        def days(zone: str) -> set[date]:
            try:
                lay_out([], zone)  # raises BadTimetable before anything is locked
            except BadTimetable as error:
                raise ValidationFailed.of(error.field, error.code, error.detail) from error
            # Without any planned day, the doctor is still locked and checked.
            planned = planned_days(**{name: wanted[name] for name in RANGE}) or [wanted["start_date"]]
            # A slot of the day before may reach into a day, and the hours of a day into the next one.
            return {day + timedelta(days=number) for day in planned for number in (-1, 0, 1)}

        def render(made: list[Slot]) -> Answer:
            message = f"{len(made)} slots created, {skipped} skipped."
            return Answer(201, BulkResultMessage.write(None, message=message, count=len(made), skipped=skipped))

        work = partial(
            service.create_slots, doctor_id=doctor_id, plans=plans, days=days, actor=principal_of(request).actor
        )
        return write(request, work, render)


@openapi.slot_delay
class DelaySlotView(Endpoint):
    """The delay of a slot."""

    capability = "slots.run"

    def put(self, request: ApiRequest, slot_id: UUID) -> Answer:
        body = DelayRequest.read_body(request.data)
        dry_run = DryRunFilters.read(request).get("dry_run", False)
        principal = checked_principal(request, self, slot_id)
        work = partial(
            service.delay_slot,
            slot_id=slot_id,
            delay_minutes=body["delay_minutes"],
            dry_run=dry_run,
            actor=principal.actor,
        )
        form = partial(_delay_answer, dry_run=dry_run)
        return write(request, work, form, store=not dry_run, versioned=True)


def _delay_answer(result: DelaySet, *, dry_run: bool) -> Answer:
    affected, tokens = result.delayed.affected, result.delayed.affected_tokens
    verb = "would change" if dry_run else "changed"
    return Answer(
        200,
        DelayResultMessage.write(
            None,
            message=f"Delay {result.slot.delay_minutes} minutes: {len(affected)} slots, {tokens} tokens {verb}.",
            slot=slot_body(result.slot, now=clock.now()),
            affected_slots=[AffectedSlotMessage.write(ledger.slot) for ledger in affected],
            affected_tokens=tokens,
        ),
    )


@openapi.slot_cancel
class CancelSlotView(Endpoint):
    """The cancellation of a slot."""

    capability = "slots.cancel"

    def post(self, request: ApiRequest, slot_id: UUID) -> Answer:
        body = CancelSlotRequest.read_body(request.data)
        dry_run = DryRunFilters.read(request).get("dry_run", False)
        work = partial(
            service.cancel_slot,
            slot_id=slot_id,
            reason=body["reason"],
            dry_run=dry_run,
            actor=principal_of(request).actor,
        )
        return write(request, work, _counts, store=not dry_run, versioned=True)


@openapi.slot_cancel_range
class CancelSlotsView(Endpoint):
    """The cancellation of a doctor's slots in a range of time."""

    capability = "slots.cancel"

    def post(self, request: ApiRequest) -> Answer:
        doctor_id = request.data.get("doctor") if isinstance(request.data, dict) else None
        body = CancelSlotsRequest(data=request.data, context={"zone": partial(_zone, request, doctor_id)})
        body.is_valid(raise_exception=True)
        wanted = body.validated_data
        dry_run = DryRunFilters.read(request).get("dry_run", False)
        work = partial(
            planning.cancel_slots,
            doctor_id=_own_doctor_id(request, wanted["doctor_id"]),
            wanted=SlotRange(wanted["start"], wanted["end"]),
            reason=wanted["reason"],
            dry_run=dry_run,
            actor=principal_of(request).actor,
        )
        return write(request, work, _counts, store=not dry_run)


def _counts(result: SlotCancelled | SlotsCancelled) -> Answer:
    return Answer(200, asdict(result))


@openapi.slot_close
class CloseSlotView(Endpoint):
    """The end of bookings for a slot; its queue goes on."""

    capability = "slots.run"

    def post(self, request: ApiRequest, slot_id: UUID) -> Answer:
        NothingRequest.read_body(request.data)
        principal = checked_principal(request, self, slot_id)
        work = partial(service.close_slot, slot_id=slot_id, actor=principal.actor)
        return write(request, work, slot_answer, versioned=True)


@openapi.slot_call_next
class CallNextView(Endpoint):
    """Calling the next patient of a slot."""

    capability = "slots.run"

    def post(self, request: ApiRequest, slot_id: UUID) -> Answer:
        body = CallNextRequest.read_body(request.data)
        principal = checked_principal(request, self, slot_id)
        work = partial(service.call_next, slot_id=slot_id, **body, actor=principal.actor)
        return write(request, work, called_answer, versioned=True)


def called_answer(token: Token) -> Answer:
    """Return the called token, which has left the queue."""
    return Answer(200, token_body(token, position=None, now=clock.now()))


def checked_principal(request: ApiRequest, view: Endpoint, slot_id: UUID) -> Principal:
    """Return the caller; raise NotFound for a doctor if the slot is another doctor's."""
    principal = principal_of(request)
    refuse_foreign_slot(slot_id=slot_id, principal=principal, reach=reach_of(request, view))
    return principal


def _read_plan(request: ApiRequest, *, slot_id: UUID | None = None, partly: bool = False) -> dict[str, Any]:
    doctor_id = request.data.get("doctor") if isinstance(request.data, dict) else None
    if doctor_id is None and slot_id is not None:
        doctor_id = _doctor_of(slot_id)
    body = SlotRequest(data=request.data, partial=partly, context={"zone": partial(_zone, request, doctor_id)})
    body.is_valid(raise_exception=True)
    plan = dict(body.validated_data)
    if "doctor_id" in plan:
        plan["doctor_id"] = _own_doctor_id(request, plan["doctor_id"])
    return plan


def _own_doctor_id(request: ApiRequest, doctor_id: UUID) -> UUID:
    return own_id(doctor_id, facility_of=facility_of_doctor, within=principal_of(request).facility_id)


def _zone(request: ApiRequest, doctor_id: Any) -> str:
    return zone_of_doctor(doctor_id, within=principal_of(request).facility_id)


def _doctor_of(slot_id: UUID) -> UUID | None:
    slots = Slot.objects.filter(facility_id=facility_of_slot(slot_id), id=slot_id)
    return slots.values_list("doctor_id", flat=True).first()

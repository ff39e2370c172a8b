"""Planning, changing, closing, cancelling and deleting slots."""

from collections import defaultdict
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any
from uuid import UUID

from django.db.models import Q, Value
from django.db.models.functions import Left, StrIndex

from clinics.errors import DoctorInactive, PatientInRoom
from clinics.models import Doctor, Slot, SlotStatus
from clinics.rooms import check_rooms
from core.db.sql import send
from core.errors import InUse, ValidationFailed
from core.local_time import local_day
from events.log import ChainEnd, Draft, appending, chain
from events.models import Event
from tokens.engine.ledger import Ledger, close_all
from tokens.errors import CapacityInUse, InvalidTransition
from tokens.models import IS_LIVE, Token
from tokens.operations.expiring import expire_waiting
from tokens.policy.lifecycle import Action, Status
from tokens.queries.queue import tokens_of
from waitlist.models import EntryStatus, WaitlistEntry
from waitlist.order import waiting_in

DELAYABLE = (SlotStatus.ACTIVE, SlotStatus.DELAYED)


@dataclass(frozen=True, slots=True)
class SlotPlan:
    """The plan of a new slot; without `consultation_minutes` the slot gets the doctor's."""

    start_time: datetime
    end_time: datetime
    max_capacity: int
    consultation_minutes: int | None = None
    rooms: tuple[UUID, ...] = ()


@dataclass(frozen=True, slots=True)
class SlotCancelled:
    """The number of tokens cancelled and of waiting-list entries withdrawn with the slot."""

    cancelled_tokens: int
    withdrawn_entries: int


def plan(*, doctor: Doctor, plans: Iterable[SlotPlan], now: datetime, actor: str) -> list[Slot]:
    """Write new slots of one doctor with their first event, in a fixed number of statements.

    The caller holds the doctor's lock and has read the doctor under it. Raise DoctorInactive; the database raises
    SlotOverlap if a slot overlaps another of the doctor that is not cancelled.
    """
    if not doctor.is_active:
        raise DoctorInactive
    plans = list(plans)
    check_rooms(facility_id=doctor.facility_id, room_ids={room for wanted in plans for room in wanted.rooms})
    dated = [(local_day(wanted.start_time, doctor.facility.time_zone), wanted) for wanted in plans]
    prefixes = TicketPrefixes(doctor, days={day for day, _ in dated})
    slots: list[Slot] = []
    events: list[Event] = []
    for day, wanted in dated:
        slot = Slot(
            facility=doctor.facility,
            doctor=doctor,
            local_date=day,
            start_time=wanted.start_time,
            end_time=wanted.end_time,
            max_capacity=wanted.max_capacity,
            consultation_minutes=wanted.consultation_minutes or doctor.consultation_minutes,
            rooms=list(wanted.rooms),
            ticket_prefix=prefixes.take(day),
            created_at=now,
        )
        created = Draft("slot.created", actor, data=facts(slot))
        chained, end = chain([created], facility_id=slot.facility_id, slot_id=slot.id, at=now, after=ChainEnd(0, b""))
        slot.last_event, slot.last_event_hash = end.number, end.hash
        slots.append(slot)
        events += chained
    Slot.objects.bulk_create(slots, batch_size=1000)
    send(appending(events))
    return slots


def change(ledger: Ledger, *, doctor: Doctor, changes: dict[str, Any]) -> None:
    """Change the plan of a slot under its lock.

    Raise InvalidTransition for a cancelled slot; CapacityInUse; DoctorInactive for a new doctor, whose
    lock the caller also holds; InUse for a move to another doctor or day while the slot has live tokens or waiting-list
    entries; PatientInRoom if the slot would lose a room in use. The database raises SlotOverlap.
    """
    slot = ledger.slot
    if slot.status == SlotStatus.CANCELLED:
        raise InvalidTransition(current_status=slot.status, action="change")
    different = {name: value for name, value in changes.items() if getattr(slot, name) != value}
    if not different:
        return
    if different.get("end_time", slot.end_time) <= different.get("start_time", slot.start_time):
        raise ValidationFailed.of("end_time", "invalid", "A slot ends after it starts.")
    if different.get("max_capacity", slot.max_capacity) < slot.regular_seats:
        raise CapacityInUse
    if doctor.id != slot.doctor_id and not Doctor.objects.filter(id=doctor.id, is_active=True).exists():
        raise DoctorInactive
    if "rooms" in different:
        _check_new_rooms(slot, different["rooms"])
    day = slot.local_date
    if "start_time" in different:
        day = local_day(different["start_time"], doctor.facility.time_zone)
    if doctor.id != slot.doctor_id or day != slot.local_date:
        if slot.waiting_count or tokens_of(slot=slot).filter(IS_LIVE).exists():
            raise InUse("The slot has live tokens: it can't move to another doctor or day.")
        different |= {"local_date": day, "ticket_prefix": TicketPrefixes(doctor, days=[day]).take(day)}
    ledger.change_slot(**different)
    ledger.note("slot.changed", **facts(slot))


def _check_new_rooms(slot: Slot, rooms: Sequence[UUID]) -> None:
    check_rooms(facility_id=slot.facility_id, room_ids=set(rooms) - set(slot.rooms))
    called = tokens_of(slot=slot).filter(status__in=[Status.CALLED, Status.IN_CONSULTATION])
    allowed: set[UUID | None] = set(rooms) or {None}
    if not set(called.values_list("room", flat=True)) <= allowed:
        raise PatientInRoom


def close(ledger: Ledger) -> None:
    """Close the slot for bookings and end its waiting list; the queue goes on.

    Raise InvalidTransition if the slot is closed or cancelled.
    """
    slot = ledger.slot
    if slot.status not in DELAYABLE:
        raise InvalidTransition(current_status=slot.status, action="close")
    expire_waiting(ledger)
    ledger.change_slot(status=SlotStatus.CLOSED)
    ledger.note("slot.closed")


def cancel(ledger: Ledger, *, reason: str) -> SlotCancelled:
    """Cancel the slot, its waiting list and its tokens, except the one in consultation.

    Raise InvalidTransition if the slot is cancelled.
    """
    slot = ledger.slot
    if slot.status == SlotStatus.CANCELLED:
        raise InvalidTransition(current_status=slot.status, action="cancel")
    cancellable = IS_LIVE & ~Q(status=Status.IN_CONSULTATION) | Q(status=Status.BUFFER)  # each of them holds a seat
    cancelled = list(tokens_of(slot=slot).filter(cancellable).order_by("arrival")) if slot.current_capacity else []
    for token in cancelled:
        ledger.move(token, Action.CANCEL_WITH_SLOT, due_at=None)
    waiting = waiting_in(slot=slot) if slot.waiting_count else []
    withdrawn = ledger.settle_entries(waiting, to=EntryStatus.WITHDRAWN)
    ledger.change_slot(status=SlotStatus.CANCELLED, cancel_reason=reason)
    ledger.note("slot.cancelled", cancelled_tokens=len(cancelled), withdrawn_entries=withdrawn)
    return SlotCancelled(len(cancelled), withdrawn)


def delete(ledgers: Sequence[Ledger]) -> None:
    """Delete slots of one facility; raise InUse if a token refers to one of them.

    The log keeps their events and records the deletion.
    """
    if not ledgers:
        return
    facility_id, ids = ledgers[0].slot.facility_id, [ledger.slot.id for ledger in ledgers]
    if Token.objects.filter(facility_id=facility_id, slot_id__in=ids).exists():
        raise InUse("Tokens refer to this slot: cancel it instead.")
    for ledger in ledgers:
        ledger.note("slot.deleted")
    close_all(ledgers)
    WaitlistEntry.objects.filter(facility_id=facility_id, slot_id__in=ids).delete()
    Slot.objects.filter(facility_id=facility_id, id__in=ids).delete()


class TicketPrefixes:
    """Assigns ticket prefixes: the doctor's letters, and the number of the doctor's slot on that day.

    A prefix that is on any ticket of the day is never used again, even if its slot has moved to another day.
    """

    def __init__(self, doctor: Doctor, *, days: Collection[date]) -> None:
        self._letters = doctor.ticket_letters
        self._taken: dict[date, set[str]] = defaultdict(set)
        of_the_days = {"facility_id": doctor.facility_id, "doctor_id": doctor.id, "local_date__in": set(days)}
        printed = StrIndex("ticket", Value("-")) - 1
        slots = Slot.objects.filter(**of_the_days).values_list("local_date", "ticket_prefix")
        tokens = (
            # A token may have moved to another doctor's slot with its ticket.
            Token.objects.filter(
                facility_id=doctor.facility_id, local_date__in=set(days), ticket__startswith=doctor.ticket_letters
            )
            .values_list("local_date", Left("ticket", printed))
            .distinct()
        )
        for day, prefix in [*slots, *tokens]:
            self._taken[day].add(prefix)

    def take(self, day: date) -> str:
        """Return the first prefix that no slot or ticket of the doctor has on that day, and mark it as used."""
        taken = self._taken[day]
        number = len(taken) + 1
        while (prefix := f"{self._letters}{number}") in taken:
            number += 1
        taken.add(prefix)
        return prefix


def facts(slot: Slot) -> dict[str, Any]:
    """Return the plan of a slot as the log records it."""
    return {
        "doctor": str(slot.doctor_id),
        "local_date": slot.local_date.isoformat(),
        "start_time": slot.start_time.isoformat(),
        "end_time": slot.end_time.isoformat(),
        "max_capacity": slot.max_capacity,
        "consultation_minutes": slot.consultation_minutes,
        "rooms": [str(room) for room in slot.rooms],
    }

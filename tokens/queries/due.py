"""Slots in which a hold, grace, buffer or waiting list has ended, and slots that are still in use."""

from datetime import date, datetime, timedelta
from uuid import UUID

from django.db.models import DateTimeField, DurationField, ExpressionWrapper, F, Q, Value

from clinics.models import Slot, SlotStatus
from tokens.engine.locate import facility_of_slot
from tokens.models import IS_LIVE, Token

DELAYED_END = ExpressionWrapper(
    F("end_time") + ExpressionWrapper(F("delay_minutes") * Value(timedelta(minutes=1)), output_field=DurationField()),
    output_field=DateTimeField(),
)


def slots_due(*, now: datetime) -> list[UUID]:
    """Return the ids of the slots with an ended hold, grace or buffer, or that are over and have a waiting list.

    Also those whose waiting list could get a free seat, because the doctor has become active again.
    """
    ended = Q(next_due_at__lte=now)
    over = Q(waiting_count__gt=0, end_time__lte=now, ends__lte=now)
    waits = Q(
        waiting_count__gt=0,
        doctor__is_active=True,
        status__in=[SlotStatus.ACTIVE, SlotStatus.DELAYED],
        ends__gt=now,
        max_capacity__gt=F("regular_seats") + F("emergency_seats"),
    )
    due = Slot.objects.alias(ends=DELAYED_END).filter(ended | over | waits)
    return list(due.order_by("next_due_at", "id").values_list("id", flat=True))


def are_in_use(*, facility_id: UUID, since: date, now: datetime) -> bool:
    """Return whether any slot of the facility that is not over has a live token or a waiting-list entry.

    `since`: a local day before which every slot is over.
    """
    ahead = Slot.objects.alias(ends=DELAYED_END).filter(facility_id=facility_id, local_date__gte=since, ends__gt=now)
    live = Token.objects.filter(IS_LIVE, facility_id=facility_id, slot_id__in=ahead.values("id"))
    return ahead.filter(waiting_count__gt=0).exists() or live.exists()


def slots_with_ended_place(*, slot_id: UUID, patient_id: UUID, now: datetime) -> list[UUID]:
    """Return the other slots of the same doctor and day in which a token of the patient is due but not yet ended."""
    slot = Slot.objects.filter(facility_id=facility_of_slot(slot_id), id=slot_id)
    return [
        other_slot_id
        for day in slot.values("facility_id", "doctor_id", "local_date")
        for other_slot_id in Token.objects.filter(IS_LIVE, **day, patient_id=patient_id, due_at__lte=now)
        .exclude(slot_id=slot_id)
        .values_list("slot_id", flat=True)
    ]

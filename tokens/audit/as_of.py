"""A past state of a slot, rebuilt from the log, and its present state from the tables, in the same form."""

from datetime import datetime
from typing import Any
from uuid import UUID

from clinics.models import Doctor, Slot
from events.models import Event
from patients.models import Patient
from tokens.audit.replay import EntryThen, SlotThen, TokenThen, replay
from tokens.models import Token
from waitlist.models import WaitlistEntry

SLOT_FACTS = (
    "doctor_id", "start_time", "end_time", "max_capacity", "consultation_minutes", "status", "own_delay_minutes",
    "delay_minutes", "first_called_at", "in_consultation_since", "rooms",
    "began_at", "paused_since", "paused_until", "finished_at",
)  # fmt: skip
TOKEN_FACTS = (
    "id", "ticket", "patient_id", "category", "priority", "acuity", "arrival", "place", "status", "created_at",
    "updated_at", "arrived_at", "called_at", "times_called", "skips", "actual_time", "completed_at", "returns_by",
    "undo_until", "expires_at", "grace_expires_at", "last_estimate", "room", "room_name",
)  # fmt: skip
ENTRY_FACTS = ("id", "patient_id", "category", "priority", "arrival", "status", "token_id")


def slot_as_of(*, slot_id: UUID, moment: datetime | None = None, facility_id: UUID | None = None) -> SlotThen | None:
    """Return the slot at that moment, rebuilt only from the log; None before it was created.

    Without a facility, which is unknown for a deleted slot, search the whole log.
    """
    events: Any = Event.objects.filter(slot_id=slot_id).order_by("number")
    if facility_id is not None:
        events = events.filter(facility_id=facility_id)
    return replay(events if moment is None else events.filter(at__lte=moment), until=moment)


def slot_as_it_is(*, slot: Slot) -> SlotThen:
    """Return the present state of the slot from the tables."""
    tokens = Token.objects.filter(facility_id=slot.facility_id, slot_id=slot.id)
    entries = WaitlistEntry.objects.filter(facility_id=slot.facility_id, slot_id=slot.id)
    return SlotThen(
        **{name: getattr(slot, name) for name in SLOT_FACTS},
        events=slot.last_event,
        tokens={token.id: _token(token) for token in tokens},
        entries={entry.id: EntryThen(**{name: getattr(entry, name) for name in ENTRY_FACTS}) for entry in entries},
    )


def _token(token: Token) -> TokenThen:
    return TokenThen(in_grace=token.in_grace, **{name: getattr(token, name) for name in TOKEN_FACTS})


def tokens_as_of(*, slot: Slot, moment: datetime) -> tuple[list[Token], list[Token]]:
    """Return the queue of the slot at that moment and the rest of its tokens, as unsaved instances."""
    then = slot_as_of(slot_id=slot.id, moment=moment, facility_id=slot.facility_id)
    if then is None:
        return [], []
    for name in SLOT_FACTS:
        setattr(slot, name, getattr(then, name))
    if slot.doctor.id != then.doctor_id:
        slot.doctor = Doctor.objects.get(id=then.doctor_id)
    patients = Patient.objects.in_bulk([token.patient_id for token in then.tokens.values()])

    def row(token: TokenThen) -> Token:
        facts = {name: getattr(token, name) for name in TOKEN_FACTS if name != "patient_id"}
        return Token(slot=slot, patient=patients[token.patient_id], **facts)

    return [row(token) for token in then.queue], [row(token) for token in then.rest]

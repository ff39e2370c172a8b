"""What race tests need besides the builders of tests.factories: consistency checks of one slot."""

from uuid import UUID

from clinics.models import Slot
from core import clock
from events.models import Event
from patients.models import Patient
from tests.factories import a_doctor as a_doctor
from tests.factories import a_patient as a_patient
from tests.factories import a_slot as a_slot
from tests.factories import book as book
from tests.factories import service as service
from tokens.models import IS_LIVE, IS_QUEUED, Token
from tokens.policy.lifecycle import holds_seat
from waitlist.models import WaitlistEntry


def fresh(token: Token) -> Token:
    return Token.objects.get(id=token.id)


def inconsistencies_of(slot: Slot) -> list[str]:
    """Return each statement of the slot's row or of its events that its tokens contradict."""
    row = Slot.objects.get(id=slot.id)
    tokens = list(Token.objects.filter(slot_id=slot.id))
    seated = [token for token in tokens if holds_seat(status=token.status, in_grace=token.in_grace)]
    waiting = WaitlistEntry.objects.filter(slot_id=slot.id, status="WAITING").count()
    counted = {
        "regular_seats": sum(token.category != "EMERGENCY" for token in seated),
        "emergency_seats": sum(token.category == "EMERGENCY" for token in seated),
        "queue_length": Token.objects.filter(IS_QUEUED, slot_id=slot.id).count(),
        "waiting_count": waiting,
    }
    problems = [
        f"{name} is {getattr(row, name)}, not {actual}"
        for name, actual in counted.items()
        if getattr(row, name) != actual
    ]
    if counted["regular_seats"] > row.max_capacity:
        problems.append("oversold")
    if waiting and row.is_bookable(now=clock.now()) and len(seated) < row.max_capacity:
        problems.append("an entry is waiting while a seat is free")
    return problems + [problem for token in tokens for problem in _history_problems(token)]


def _history_problems(token: Token) -> list[str]:
    at: str | None = None
    problems = []
    for event in Event.objects.filter(token_id=token.id, data__has_key="to").order_by("seq"):
        if event.data["from"] != at:
            problems.append(f"{event.type} from {event.data['from']}, though the token was {at}")
        at = event.data["to"]
    return problems if at == token.status else [*problems, f"{token.status} without an event"]


def live_tokens(patient: Patient) -> int:
    return Token.objects.filter(IS_LIVE, patient=patient).count()


def events_of(slot_id: UUID, kind: str) -> int:
    return Event.objects.filter(slot_id=slot_id, type=kind).count()

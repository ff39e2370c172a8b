"""Moving a token to another slot: it takes a seat there and frees its own, or nothing changes."""

from dataclasses import dataclass
from typing import Any

from clinics.errors import DoctorInactive
from tokens.engine.ledger import Ledger, write_all
from tokens.errors import InvalidTransition, SlotFull, SlotNotOpen
from tokens.models import Token
from tokens.operations.booking import ActiveBookings, leave_waiting_list, use_kept_seat
from tokens.operations.emergencies import takes_emergencies
from tokens.operations.promoting import promote
from tokens.policy.lifecycle import MOVE_TO, Action, Status
from tokens.policy.ordering import AT_ARRIVAL, RETURN_BAND, OrderKey, place_behind, return_place
from tokens.policy.priority import Category, priority_of
from tokens.queries.locked import key_before, key_of_later_request


@dataclass(frozen=True, slots=True)
class Moved:
    """A moved token, and the tokens that were promoted into the seat that it left."""

    token: Token
    promoted: list[Token]


def move(
    source: Ledger, target: Ledger, *, token: Token, reason: str, desk: bool = False, confirmed_only: bool = False
) -> Moved:
    """Move a token to another slot, and promote into the seat that it leaves.

    On the same local day the token keeps its ticket, status and priority, and its request its time. On another day it
    gets a new ticket, is CONFIRMED and requests anew. Raise InvalidTransition, SlotNotOpen, DoctorInactive or SlotFull;
    the database raises DuplicateBooking.
    """
    status = Status(token.status)
    if source is target:
        raise InvalidTransition("The token is in this slot.", current_status=status, action="move")
    if status not in MOVE_TO or (confirmed_only and status != Status.CONFIRMED):
        raise InvalidTransition(current_status=status, action="move")
    _take_seat(target, token, desk=desk)
    data = {"reason": reason} if reason else {}
    if token.local_date == target.slot.local_date:
        take_over(source, target, token=token, action=MOVE_TO[status], data=data)
    else:
        _request_anew(source, target, token, data)
    write_all([source, target])
    return Moved(token, promote(source))


def take_over(source: Ledger, target: Ledger, *, token: Token, action: Action, data: dict[str, Any]) -> None:
    """Move a token to another slot of the same day, whose capacity the caller has checked."""
    place, by_request = _place_in(target, token)
    target.take_over(token, source=source, action=action, data=data, place=place, placed_by_request=by_request)


def _take_seat(target: Ledger, token: Token, *, desk: bool) -> None:
    """Check that the slot has a seat for the token; release a seat that is kept for the desk if need be."""
    slot, patient = target.slot, token.patient
    is_emergency = token.category == Category.EMERGENCY
    if not (takes_emergencies(target) if is_emergency else slot.is_bookable(now=target.now)):
        raise SlotNotOpen
    if not slot.doctor.is_active:
        raise DoctorInactive
    # The token itself is live. The constraint refuses a third token of the patient with that doctor on that day.
    active = ActiveBookings(slots=[slot], patient_ids=[patient.id], held=[])
    if not is_emergency and not target.has_free_seat and not (desk and use_kept_seat(target, patient, active)):
        raise SlotFull
    if active.waits(patient.id, slot):
        leave_waiting_list(target, patient)


def _request_anew(source: Ledger, target: Ledger, token: Token, data: dict[str, Any]) -> None:
    slot = target.slot
    priority = priority_of(
        category=Category(token.category),
        requested_at=target.now,
        planned_start=slot.start_time,
        born=token.patient.date_of_birth,
        needs_assistance=token.patient.needs_assistance,
        local_day=slot.local_date,
    )
    target.take_over(
        token,
        source=source,
        action=Action.MOVE,
        data=data,
        place=None,
        placed_by_request=False,
        ticket=f"{slot.ticket_prefix}-{target.count('last_ticket', 1):03d}",
        priority=priority.value,
        time_bonus=priority.time_bonus,
        care_bonus=priority.care_bonus,
        times_called=0,
        skips=0,
        **dict.fromkeys(
            ("arrived_at", "called_at", "actual_time", "returns_by", "expires_at", "due_at", "last_estimate")
        ),
    )


def _place_in(target: Ledger, token: Token) -> tuple[OrderKey | None, bool]:
    """Return the place in a slot of the same day, and whether it follows from the time of the request.

    The token goes in front of the requests of the same priority that were made later, if there are any. One that left
    the consultation stays ahead of all who are not emergencies; an emergency counts as the newest.
    """
    if token.place is not None and token.place[1] == RETURN_BAND:
        return return_place(arrival=target.slot.last_arrival + 1), False
    if token.category == Category.EMERGENCY:
        return None, False
    later = key_of_later_request(token=token, slot=target.slot)
    if later is None:
        return None, False
    priority, band, arrival, fraction = later
    before = key_before(later, slot=target.slot)
    if before is None:
        before = (priority, band, arrival - (fraction == AT_ARRIVAL), AT_ARRIVAL)
    return place_behind(before, next_fraction=fraction if before[:3] == later[:3] else None), True

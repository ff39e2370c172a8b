"""What the holder of a tracking link sees and may do: the state of one token, without any personal data."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from live.rooms import joined_names, room_names
from tokens import rules
from tokens.models import Token
from tokens.policy.lifecycle import LIVE, Action, Status, allows
from tokens.queries.estimates import estimate_at
from tokens.queries.queue import position_of

STEP = timedelta(minutes=5)
NEAR = 2
"""Up to this position the patient is asked to sit near the room."""

_MESSAGES: dict[str, str] = {
    Status.PENDING: "confirm_booking",
    Status.CALLED: "go_to_room",
    Status.IN_CONSULTATION: "in_consultation",
    Status.STEPPED_OUT: "stepped_out",
    Status.COMPLETED: "completed",
    Status.NOT_SEEN: "not_seen",
    Status.CANCELLED: "cancelled",
    Status.BUFFER: "cancelled",
    Status.EXPIRED: "hold_expired",
}
MESSAGES = sorted(
    {*_MESSAGES.values(), "come_later", "check_in_open", "waiting", "next", "missed_come_to_desk", "missed"}
)
ACTIONS = ["cancel", "check_in", "let_pass"]


@dataclass(frozen=True, slots=True)
class TrackedToken:
    """A token at one moment, as the holder of its link sees it."""

    ticket: str
    status: str
    token_number: int | None
    ahead: int | None
    estimated_time: datetime | None
    estimated_from: datetime | None
    estimated_to: datetime | None
    room_name: str | None
    doctor_name: str
    start_time: datetime
    facility_name: str
    message_key: str
    actions: list[str]


def check_in_opens(token: Token) -> datetime:
    """Return when patients of the token's slot can check themselves in."""
    minutes = rules.in_force(token.slot.facility.rules).check_in_opens_minutes
    return token.slot.start_time - timedelta(minutes=minutes)


def tracked(token: Token, *, now: datetime) -> TrackedToken:
    """Return what the holder of the link of this token of `token.slot` sees, with at most two queries."""
    slot, position = token.slot, position_of(token=token)
    estimate = token.last_estimate if position is None else estimate_at(slot=slot, position=position, now=now)
    earliest, latest = _range(token, estimate, position, now)
    return TrackedToken(
        ticket=token.ticket,
        status=token.status,
        token_number=position,
        ahead=None if position is None else position - 1,
        estimated_time=estimate,
        estimated_from=earliest,
        estimated_to=latest,
        room_name=token.room_name or _room_names(token),
        doctor_name=slot.doctor.name,
        start_time=slot.start_time,
        facility_name=slot.facility.shown_name,
        message_key=_message_key(token, position, now),
        actions=_actions(token, position, now),
    )


def _room_names(token: Token) -> str | None:
    """Return the rooms in which a patient who waits will be seen; None once the visit is over."""
    if token.status not in LIVE:
        return None
    rooms = token.slot.rooms
    return joined_names(rooms, room_names(facility_id=token.facility_id, room_ids=rooms))


def _range(
    token: Token, estimate: datetime | None, position: int | None, now: datetime
) -> tuple[datetime | None, datetime | None]:
    """Return the range of the expected time in steps of 5 minutes: a quarter of the consultations ahead either way."""
    if estimate is None or position is None:
        return None, None
    margin = max(
        STEP, timedelta(minutes=token.slot.consultation_minutes) * ((position - 1) // token.slot.room_count) / 4
    )
    earliest = max(estimate - margin, min(now, estimate), min(token.slot.delayed_start, estimate))
    return _down(earliest), _down(estimate + margin + STEP - timedelta(microseconds=1))


def _down(moment: datetime) -> datetime:
    return moment - timedelta(seconds=moment.timestamp() % STEP.total_seconds())


def _message_key(token: Token, position: int | None, now: datetime) -> str:
    if token.status == Status.CONFIRMED:
        return "check_in_open" if now >= check_in_opens(token) else "come_later"
    if token.status == Status.CHECKED_IN:
        return "next" if position is not None and position <= NEAR else "waiting"
    if token.status == Status.NO_SHOW:
        return "missed_come_to_desk" if token.in_grace and now < (token.due_at or now) else "missed"
    return _MESSAGES[token.status]


def _actions(token: Token, position: int | None, now: datetime) -> list[str]:
    actions = []
    if allows(action=Action.CANCEL, status=token.status) and token.status != Status.BUFFER:
        actions.append("cancel")
    if token.status == Status.CONFIRMED and now >= check_in_opens(token):
        actions.append("check_in")
    if token.status == Status.CHECKED_IN and position is not None and position < token.slot.queue_length:
        actions.append("let_pass")
    return actions

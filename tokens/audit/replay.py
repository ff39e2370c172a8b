"""Rebuilds a past state of a slot only from its events, as a pure function without access to the tables."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, fields, replace
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any, Protocol
from uuid import UUID

from tokens.policy.lifecycle import HAS_ROOM, QUEUED, Status, holds_seat
from tokens.policy.ordering import OrderKey, order_key
from tokens.policy.priority import Category


class Happened(Protocol):
    """The fields of an event that replay reads."""

    type: str
    at: datetime
    token_id: UUID | None
    data: dict[str, Any]


@dataclass(frozen=True, slots=True)
class TokenThen:
    """A past state of a token."""

    id: UUID
    ticket: str
    patient_id: UUID
    category: str
    priority: Decimal
    acuity: int | None
    arrival: int
    status: str
    in_grace: bool
    created_at: datetime
    updated_at: datetime
    place: OrderKey | None = None
    arrived_at: datetime | None = None
    called_at: datetime | None = None
    times_called: int = 0
    skips: int = 0
    actual_time: datetime | None = None
    completed_at: datetime | None = None
    returns_by: datetime | None = None
    undo_until: datetime | None = None
    expires_at: datetime | None = None
    grace_expires_at: datetime | None = None
    last_estimate: datetime | None = None
    room: UUID | None = None
    room_name: str | None = None

    @property
    def order(self) -> OrderKey:
        """The sort key in the queue: the token with the lower key is seen first."""
        return order_key(
            category=self.category,
            priority=self.priority,
            acuity=self.acuity,
            arrival=self.arrival,
            place=self.place,
        )

    @property
    def holds_seat(self) -> bool:
        return holds_seat(status=self.status, in_grace=self.in_grace)


@dataclass(frozen=True, slots=True)
class EntryThen:
    """A past state of a waiting-list entry."""

    id: UUID
    patient_id: UUID
    category: str
    priority: Decimal
    arrival: int
    status: str
    token_id: UUID | None = None


@dataclass(slots=True)
class SlotThen:
    """A past state of a slot, with its tokens and entries."""

    doctor_id: UUID
    start_time: datetime
    end_time: datetime
    max_capacity: int
    consultation_minutes: int
    status: str = "ACTIVE"
    own_delay_minutes: int = 0
    delay_minutes: int = 0
    first_called_at: datetime | None = None
    began_at: datetime | None = None
    paused_since: datetime | None = None
    paused_until: datetime | None = None
    finished_at: datetime | None = None
    in_consultation_since: list[datetime] = field(default_factory=list)
    rooms: list[UUID] = field(default_factory=list)
    deleted: bool = False
    events: int = 0
    tokens: dict[UUID, TokenThen] = field(default_factory=dict)
    entries: dict[UUID, EntryThen] = field(default_factory=dict)

    @property
    def queue(self) -> list[TokenThen]:
        """The tokens in the queue, in the order in which they are seen."""
        return sorted((t for t in self.tokens.values() if t.status in QUEUED), key=lambda token: token.order)

    @property
    def rest(self) -> list[TokenThen]:
        """The tokens that are not in the queue, by ticket."""
        others = (t for t in self.tokens.values() if t.status not in QUEUED)
        return sorted(others, key=lambda token: (len(token.ticket), token.ticket))

    @property
    def waiting(self) -> list[EntryThen]:
        """The WAITING entries, best first."""
        entries = (e for e in self.entries.values() if e.status == "WAITING")
        return sorted(entries, key=lambda entry: (entry.priority, entry.arrival))

    @property
    def regular_seats(self) -> int:
        return sum(t.holds_seat for t in self.tokens.values() if t.category != Category.EMERGENCY)

    @property
    def emergency_seats(self) -> int:
        return sum(t.holds_seat for t in self.tokens.values() if t.category == Category.EMERGENCY)


def replay(events: Iterable[Happened], *, until: datetime | None = None) -> SlotThen | None:
    """Return the slot after all its events up to and including `until`; None if there are none.

    `events` are the events of one slot, in order of their numbers; without `until`, all of them are applied.
    """
    slot: SlotThen | None = None
    for event in events:
        if until is not None and event.at > until:
            break
        if event.type == "slot.created":
            slot = SlotThen(**_plan(event.data))
        elif slot is not None:
            _apply(slot, event)
        if slot is not None:
            slot.events += 1
    return slot


def token_then(events: Iterable[Happened]) -> TokenThen | None:
    """Return a token after all its events, in order, in whatever slots they were recorded; None if there are none."""
    beginning = datetime.min.replace(tzinfo=UTC)
    slot = SlotThen(UUID(int=0), beginning, beginning, max_capacity=0, consultation_minutes=0)
    for event in events:
        if event.token_id is not None:
            _on_token(slot, event, event.token_id)
    return next(iter(slot.tokens.values()), None)


def _apply(slot: SlotThen, event: Happened) -> None:
    kind = event.type.partition(".")[0]
    if kind == "token" and event.token_id is not None:
        _on_token(slot, event, event.token_id)
    elif kind == "waitlist":
        _on_entry(slot, event)
    elif kind == "patient":
        _on_merge(slot, UUID(event.data["patient"]), UUID(event.data["into"]))
    elif (change := SLOT_CHANGES.get(event.type)) is not None:
        for name, value in change(slot, {**event.data, "event_at": event.at}).items():
            setattr(slot, name, value)


def _on_merge(slot: Any, patient_id: UUID, into: UUID) -> None:
    for rows in (slot.tokens, slot.entries):
        for row_id, row in rows.items():
            if row.patient_id == patient_id:
                rows[row_id] = replace(row, patient_id=into)


def _plan(data: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "doctor_id": UUID(data["doctor"]),
        "start_time": datetime.fromisoformat(data["start_time"]),
        "end_time": datetime.fromisoformat(data["end_time"]),
        "max_capacity": data["max_capacity"],
        "consultation_minutes": data["consultation_minutes"],
        "rooms": [UUID(room) for room in data.get("rooms", ())],
    }


def _delay(slot: SlotThen, data: Mapping[str, Any]) -> dict[str, Any]:
    delay = data["delay_minutes"]
    status = slot.status if slot.status in ("CLOSED", "CANCELLED") else ("DELAYED" if delay else "ACTIVE")
    return {"delay_minutes": delay, "own_delay_minutes": data["own_delay_minutes"], "status": status}


SLOT_CHANGES: dict[str, Callable[[SlotThen, Mapping[str, Any]], dict[str, Any]]] = {
    "slot.changed": lambda slot, data: _plan(data),
    "slot.delayed": _delay,
    "slot.closed": lambda slot, data: {"status": "CLOSED"},
    "slot.began": lambda slot, data: {"began_at": data["event_at"]},
    "slot.paused": lambda slot, data: {
        "paused_since": data["event_at"],
        "paused_until": _moment(data["paused_until"]),
    },
    "slot.resumed": lambda slot, data: {"paused_since": None, "paused_until": None},
    "slot.finished": lambda slot, data: {
        "status": "CLOSED",
        "finished_at": data["event_at"],
        "paused_since": None,
        "paused_until": None,
    },
    "slot.reopened": lambda slot, data: {
        "status": "DELAYED" if slot.delay_minutes else "ACTIVE",
        "finished_at": None,
    },
    "slot.cancelled": lambda slot, data: {"status": "CANCELLED"},
    "slot.deleted": lambda slot, data: {"deleted": True, "entries": {}},
}


def _on_token(slot: SlotThen, event: Happened, token_id: UUID) -> None:
    data = event.data
    if event.type == "token.moved_out":
        slot.tokens.pop(token_id, None)
        return
    times: dict[str, Any] = {OF_TOKEN[name]: _moment(data[name]) for name in OF_TOKEN if name in data}
    known = slot.tokens.get(token_id)
    if known is None:
        if "patient" not in data:
            return  # the event that made the token is missing; `differences` and `verify_log` report it
        slot.tokens[token_id] = TokenThen(
            id=token_id,
            ticket=data["ticket"],
            patient_id=UUID(data["patient"]),
            category=data["category"],
            priority=Decimal(data["priority"]),
            acuity=data["acuity"],
            arrival=data["arrival"],
            status=data["to"],
            in_grace=False,
            updated_at=event.at,
            **{"created_at": event.at} | times,
            **{name: data[name] for name in ("times_called", "skips") if name in data},
            place=_place(data.get("place")),
        )
        return
    changed: dict[str, Any] = {name: data[name] for name in NUMBERS_AND_WORDS if name in data}
    if "place" in data:
        changed["place"] = _place(data["place"])
    if "priority" in data:
        changed["priority"] = Decimal(data["priority"])
    if "room" in data:
        changed |= {"room": UUID(data["room"]), "room_name": data["room_name"]}
    elif data["to"] not in HAS_ROOM:
        changed |= {"room": None, "room_name": None}
    if event.type == "token.undone":
        if "first_called_at" in data:
            slot.first_called_at = _moment(data["first_called_at"])
    elif data["to"] == Status.IN_CONSULTATION:
        changed["actual_time"] = event.at
    elif data["to"] == Status.CALLED and slot.first_called_at is None:
        slot.first_called_at = event.at
    slot.tokens[token_id] = replace(
        known,
        status=data["to"],
        in_grace=data["to"] == Status.NO_SHOW and data.get("grace_expires_at") is not None,
        updated_at=event.at,
        **times,
        **changed,
    )
    if Status.IN_CONSULTATION in (data["from"], data["to"]):
        now_in = (t for t in slot.tokens.values() if t.status == Status.IN_CONSULTATION)
        slot.in_consultation_since = sorted(token.actual_time for token in now_in if token.actual_time)


def _on_entry(slot: SlotThen, event: Happened) -> None:
    data = event.data
    entry_id = UUID(data["entry"])
    if event.type == "waitlist.joined":
        slot.entries[entry_id] = EntryThen(
            id=entry_id,
            patient_id=UUID(data["patient"]),
            category=data["category"],
            priority=Decimal(data["priority"]),
            arrival=data["arrival"],
            status="WAITING",
        )
    elif entry_id in slot.entries:
        status = event.type.partition(".")[2].upper()
        slot.entries[entry_id] = replace(slot.entries[entry_id], status=status, token_id=event.token_id)


OF_TOKEN = {
    "expires_at": "expires_at",
    "grace_expires_at": "grace_expires_at",
    "estimated_time": "last_estimate",
    "arrived_at": "arrived_at",
    "called_at": "called_at",
    "completed_at": "completed_at",
    "returns_by": "returns_by",
    "undo_until": "undo_until",
    "created_at": "created_at",
    "actual_time": "actual_time",
}
NUMBERS_AND_WORDS = ("category", "acuity", "arrival", "times_called", "skips")


def _moment(text: str | None) -> datetime | None:
    return None if text is None else datetime.fromisoformat(text)


def _place(logged: list[Any] | None) -> OrderKey | None:
    if logged is None:
        return None
    priority, band, arrival, fraction = logged
    return (Decimal(priority), band, arrival, Decimal(fraction))


def differences(then: SlotThen, now: SlotThen) -> list[str]:
    """Return a line for each field in which two states of a slot differ; the number of events is not compared."""
    lines = [
        f"slot.{each.name}: {getattr(then, each.name)} / {getattr(now, each.name)}"
        for each in fields(SlotThen)
        if each.name not in ("tokens", "entries", "events") and getattr(then, each.name) != getattr(now, each.name)
    ]
    for name in ("tokens", "entries"):
        past, present = getattr(then, name), getattr(now, name)
        for row_id in sorted(past.keys() | present.keys()):
            before, after = past.get(row_id), present.get(row_id)
            if before != after:
                lines.append(f"{name} {row_id}: {before} / {after}")
    return lines

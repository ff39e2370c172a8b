"""Replaying events into a queue."""

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from tokens.audit.replay import SlotThen, differences, replay

NINE = datetime(2026, 3, 2, 3, 30, tzinfo=UTC)
DOCTOR, ENTRY = UUID(int=1), UUID(int=2)


@dataclass
class Event:
    type: str
    at: datetime
    token_id: UUID | None = None
    data: dict[str, Any] = field(default_factory=dict)


def created() -> Event:
    plan = {"doctor": str(DOCTOR), "max_capacity": 2, "consultation_minutes": 10}
    times = {"start_time": NINE.isoformat(), "end_time": (NINE + timedelta(hours=1)).isoformat()}
    return Event("slot.created", NINE, data=plan | times)


def issued(number: int, minute: int, *, category: str = "WALKIN", priority: str = "5.00", **facts: Any) -> Event:
    data = {
        "from": None,
        "to": "CONFIRMED",
        "ticket": f"A1-{number:03d}",
        "patient": str(UUID(int=100 + number)),
        "category": category,
        "priority": priority,
        "acuity": None,
        "arrival": number,
    }
    return Event("token.booked", NINE + timedelta(minutes=minute), UUID(int=1000 + number), data | facts)


def moved(number: int, minute: int, before: str, after: str, kind: str = "moved", **facts: Any) -> Event:
    data = {"from": before, "to": after, "ticket": f"A1-{number:03d}"}
    return Event(f"token.{kind}", NINE + timedelta(minutes=minute), UUID(int=1000 + number), data | facts)


def after(*events: Event, until: datetime | None = None) -> SlotThen:
    slot = replay([created(), *events], until=until)
    assert slot
    return slot


def tickets(slot: SlotThen) -> list[str]:
    return [token.ticket for token in slot.queue]


def test_nothing_before_the_slot_was_created() -> None:
    assert replay([]) is None
    assert replay([created()], until=NINE - timedelta(seconds=1)) is None


def test_the_queue_is_in_order_and_a_moment_is_included() -> None:
    events = [issued(1, 1), issued(2, 2, category="ONLINE", priority="4.00"), moved(1, 3, "CONFIRMED", "CANCELLED")]
    assert tickets(after(*events, until=NINE + timedelta(minutes=2))) == ["A1-002", "A1-001"]
    assert tickets(after(*events)) == ["A1-002"]
    assert [token.ticket for token in after(*events).rest] == ["A1-001"]


def test_emergencies_newest_first_then_by_acuity() -> None:
    urgent = {"category": "EMERGENCY", "priority": "1.00", "to": "CHECKED_IN"}
    slot = after(issued(1, 1, **urgent), issued(2, 2, **urgent, acuity=2), issued(3, 3, **urgent), issued(4, 4))
    assert tickets(slot) == ["A1-003", "A1-001", "A1-002", "A1-004"]
    assert (slot.regular_seats, slot.emergency_seats) == (1, 3)


def test_a_missing_patient_holds_the_seat_while_the_grace_runs() -> None:
    missing = moved(1, 2, "CONFIRMED", "NO_SHOW", grace_expires_at=(NINE + timedelta(minutes=17)).isoformat())
    assert after(issued(1, 1), missing).regular_seats == 1
    assert after(issued(1, 1), missing, moved(1, 20, "NO_SHOW", "NO_SHOW")).regular_seats == 0


def test_times_come_and_go_with_the_moves() -> None:
    ends = NINE + timedelta(minutes=3)
    held = issued(1, 1, to="PENDING", expires_at=ends.isoformat())
    assert next(iter(after(held).tokens.values())).expires_at == ends
    confirmed = moved(1, 2, "PENDING", "CONFIRMED", expires_at=None)
    assert next(iter(after(held, confirmed).tokens.values())).expires_at is None


def test_the_room_and_the_first_call() -> None:
    call, start = moved(1, 2, "CONFIRMED", "CALLED"), moved(1, 3, "CALLED", "IN_CONSULTATION")
    slot = after(issued(1, 1), call, start)
    assert (slot.first_called_at, slot.in_consultation_since) == (call.at, [start.at])
    assert slot.tokens[UUID(int=1001)].actual_time == start.at
    complete = moved(1, 9, "IN_CONSULTATION", "COMPLETED")
    assert after(issued(1, 1), call, start, complete).in_consultation_since == []


def test_the_slot_and_its_waiting_list() -> None:
    joined = {"entry": str(ENTRY), "patient": str(UUID(int=9)), "category": "WALKIN", "priority": "5.00", "arrival": 3}
    join = Event("waitlist.joined", NINE, data=joined)
    delay = Event("slot.delayed", NINE, data={"delay_minutes": 15, "own_delay_minutes": 15, "before_minutes": 0})
    close = Event("slot.closed", NINE)
    expire = Event("waitlist.expired", NINE, data={"entry": str(ENTRY)})
    slot = after(join, delay)
    assert (slot.status, slot.delay_minutes, [entry.id for entry in slot.waiting]) == ("DELAYED", 15, [ENTRY])
    slot = after(join, delay, expire, close)
    assert (slot.status, slot.waiting, slot.entries[ENTRY].status) == ("CLOSED", [], "EXPIRED")


def test_what_the_log_does_not_know_yet_is_passed_over() -> None:
    assert after(Event("slot.painted", NINE, data={"colour": "green"})).status == "ACTIVE"


def test_a_log_with_gaps_is_replayed_as_far_as_it_goes() -> None:
    gone = Event("waitlist.expired", NINE, data={"entry": str(ENTRY)})
    slot = after(moved(1, 2, "CONFIRMED", "CALLED"), gone, issued(2, 3))
    assert (tickets(slot), slot.entries, slot.first_called_at) == (["A1-002"], {}, None)


def test_differences_name_what_differs() -> None:
    one, other = after(issued(1, 1)), after(issued(1, 1, priority="4.50"), Event("slot.closed", NINE))
    assert differences(one, one) == []
    assert len(differences(one, other)) == 2

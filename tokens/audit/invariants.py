"""The invariants of section 11 of the contract, checked on the tables and on the log."""

import json
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator
from decimal import Decimal
from itertools import pairwise
from typing import Any
from uuid import UUID

from django.contrib.postgres.aggregates import ArrayAgg
from django.db import connection
from django.db.models import Count, F, Min, Q, Value

from clinics.models import Slot, SlotStatus
from core import clock
from core.db.transactions import atomic
from core.models import IdempotencyRecord
from events.models import Event
from tokens.models import IS_LIVE, IS_QUEUED, QUEUE_ORDER, Token
from tokens.policy.lifecycle import MOVES, UNDOABLE_EVENTS, UNDONE, Status
from tokens.policy.priority import Category
from tokens.queries.access import SLOT_OF_ITS_FACILITY
from tokens.queries.estimates import estimate_at
from waitlist.models import EntryStatus, WaitlistEntry

IN_GRACE = Q(status=Status.NO_SHOW, due_at__isnull=False)
HOLDS_SEAT = IS_LIVE | Q(status__in=[Status.COMPLETED, Status.BUFFER])
MOVES_OF_EVENT: dict[str, list[Any]] = defaultdict(list)
for _move in MOVES.values():
    MOVES_OF_EVENT[_move.event].append(_move)


def broken() -> Iterator[str]:
    """Yield a line for each broken invariant, read from one snapshot of the database; write nothing."""
    with atomic(durable=True):
        with connection.cursor() as cursor:
            cursor.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY")
        for number, check in CHECKS.items():
            for line in check():
                yield f"{number}. {line}"


def _counters() -> Iterator[str]:
    emergency = Q(category=Category.EMERGENCY)
    counted = {
        row["slot_id"]: row
        for row in Token.objects.values("slot_id")
        .annotate(
            regular=Count("id", filter=HOLDS_SEAT & ~emergency),
            emergencies=Count("id", filter=HOLDS_SEAT & emergency),
            queued=Count("id", filter=IS_QUEUED),
            stepped_out=Count("id", filter=Q(status=Status.STEPPED_OUT)),
            in_room=ArrayAgg(
                "actual_time", filter=Q(status=Status.IN_CONSULTATION), order_by="actual_time", default=Value([])
            ),
            due=Min("due_at"),
        )
        .order_by()
    }
    waiting = dict(
        WaitlistEntry.objects.filter(status=EntryStatus.WAITING)
        .values_list("slot_id")
        .annotate(number=Count("id"))
        .order_by()
    )
    nothing: dict[str, Any] = {
        "regular": 0,
        "emergencies": 0,
        "queued": 0,
        "stepped_out": 0,
        "in_room": [],
        "due": None,
    }
    for slot in Slot.objects.iterator():
        found = counted.get(slot.id, nothing)
        counters = {
            "regular_seats": (slot.regular_seats, found["regular"]),
            "emergency_seats": (slot.emergency_seats, found["emergencies"]),
            "queue_length": (slot.queue_length, found["queued"]),
            "stepped_out": (slot.stepped_out, found["stepped_out"]),
            "waiting_count": (slot.waiting_count, waiting.get(slot.id, 0)),
            "in_consultation_since": (slot.in_consultation_since, found["in_room"]),
        }
        for name, (stored, actual) in counters.items():
            if stored != actual:
                yield f"slot {slot.id}: {name} is {stored}, its rows count {actual}"
        due = found["due"]
        if due is not None and (slot.next_due_at is None or slot.next_due_at > due):
            yield f"slot {slot.id}: next_due_at is {slot.next_due_at}, but a token is due at {due}"


def oversold_slots() -> Iterator[str]:
    held = Token.objects.filter(HOLDS_SEAT, SLOT_OF_ITS_FACILITY).exclude(category=Category.EMERGENCY)
    rows = held.values("slot_id", "slot__max_capacity").annotate(number=Count("id")).order_by()
    for row in rows.filter(number__gt=F("slot__max_capacity")):
        yield "slot {slot_id}: {number} seats without emergencies, of max_capacity {slot__max_capacity}".format(**row)


def _one_live_token() -> Iterator[str]:
    held = Token.objects.filter(IS_LIVE).values("facility_id", "patient_id", "doctor_id", "local_date")
    for row in held.annotate(number=Count("id")).filter(number__gt=1).order_by():
        yield "patient {patient_id}: {number} live tokens with doctor {doctor_id} on {local_date}".format(**row)


def _positions() -> Iterator[str]:
    queued = Token.objects.filter(IS_QUEUED).order_by("slot_id", *QUEUE_ORDER)
    last: Token | None = None
    for token in queued.iterator():
        if last is not None and last.slot_id == token.slot_id and last.order_key >= token.order_key:
            yield f"slot {token.slot_id}: token {token.id} is behind a token that it should be ahead of"
        last = token


def _nobody_waits_for_a_free_seat() -> Iterator[str]:
    now = clock.now()
    for slot in Slot.objects.filter(waiting_count__gt=0, doctor__is_active=True):
        if slot.is_bookable(now=now) and slot.current_capacity < slot.max_capacity:
            yield f"slot {slot.id}: {slot.waiting_count} entries wait while {slot.available_capacity} seats are free"


def _stored_responses() -> Iterator[tuple[UUID, UUID]]:
    """Yield (record id, token id) of each stored response that reported a new token to a client."""
    for record_id, body in IdempotencyRecord.objects.filter(status=201).values_list("id", "body").iterator():
        response = json.loads(bytes(body))
        token = response.get("token", response)
        if isinstance(token, dict) and "ticket" in token:
            yield record_id, UUID(token["id"])


def _acknowledged() -> Iterator[str]:
    for _, token_id in _stored_responses():
        if not Token.objects.filter(id=token_id).exists():
            yield f"token {token_id} was acknowledged under an idempotency key and does not exist"


def _one_token_per_key() -> Iterator[str]:
    keys: dict[UUID, int] = defaultdict(int)
    for _, token_id in _stored_responses():
        keys[token_id] += 1
    for token_id, number in keys.items():
        if number > 1:
            yield f"token {token_id} was the response to {number} idempotency keys"


def _histories() -> Iterator[tuple[UUID, list[tuple[str, UUID, dict[str, Any]]]]]:
    """Yield (token id, its changes of status in order, each with its slot) for every token that has events."""
    current: UUID | None = None
    history: list[tuple[str, UUID, dict[str, Any]]] = []
    events = Event.objects.filter(token_id__isnull=False, type__startswith="token.").exclude(type="token.moved_out")
    in_order = events.order_by("token_id", "seq")
    for token_id, event_type, slot_id, data in in_order.values_list("token_id", "type", "slot_id", "data").iterator():
        if token_id != current:
            if current is not None:
                yield current, history
            current, history = token_id, []
        history.append((event_type, slot_id, data))
    if current is not None:
        yield current, history


def _one_event_per_change() -> Iterator[str]:
    status_of = dict(Token.objects.values_list("id", "status").iterator())
    for token_id, history in _histories():
        if token_id not in status_of:
            yield f"token {token_id} has events and does not exist"
            continue
        if (last := history[-1][2].get("to")) != (status := status_of.pop(token_id)):
            yield f"token {token_id} is {status}, but its last event led to {last}"
    for token_id in status_of:
        yield f"token {token_id} has no event"


def _legal_histories() -> Iterator[str]:
    slot_of = dict(Token.objects.values_list("id", "slot_id").iterator())
    left = Counter(
        Event.objects.filter(type="token.moved_out").values_list("token_id", "slot_id", "data__to_slot").iterator()
    )
    for token_id, history in _histories():
        before: str | None = None
        at: UUID | None = None
        undoable: tuple[str | None, str | None] | None = None
        for event_type, slot_id, data in history:
            if event_type == "token.moved":
                left[token_id, UUID(data["from_slot"]), str(slot_id)] -= 1
            if at not in (None, UUID(data["from_slot"]) if event_type == "token.moved" else slot_id):
                yield f"token {token_id}: {event_type} in slot {slot_id}, but the token was in slot {at}"
            at = slot_id
            start, end = data.get("from"), data.get("to")
            if event_type == UNDONE:
                legal = undoable == (end, start)  # it reverses the action before it
            else:
                legal = any(
                    end == move.target and (start in move.sources if move.sources else start is None)
                    for move in MOVES_OF_EVENT.get(event_type, [])
                )
            if not legal or start != before:
                yield f"token {token_id}: {event_type} from {start} to {end} after {before} is not a legal move"
            before = end
            undoable = (start, end) if event_type in UNDOABLE_EVENTS else None
        if slot_of.get(token_id, at) != at:
            yield f"token {token_id} is in slot {slot_of[token_id]}, but its last event is of slot {at}"
    for (moved_id, source, target), difference in left.items():
        if difference:
            yield f"token {moved_id}: its move from slot {source} to {target} is in the log of one of them alone"


def cancelled_slots() -> Iterator[str]:
    left = Token.objects.filter(IS_LIVE, SLOT_OF_ITS_FACILITY, slot__status=SlotStatus.CANCELLED)
    left = left.exclude(status=Status.IN_CONSULTATION)
    for token_id, slot_id in left.values_list("id", "slot_id"):
        yield f"slot {slot_id} is cancelled, but its token {token_id} is live"


def _promoted_in_order() -> Iterator[str]:
    waiting: dict[UUID, dict[str, tuple[Decimal, int]]] = defaultdict(dict)
    events = Event.objects.filter(type__startswith="waitlist.").order_by("slot_id", "number")
    for slot_id, event_type, data in events.values_list("slot_id", "type", "data").iterator():
        entry = data["entry"]
        if event_type == "waitlist.joined":
            waiting[slot_id][entry] = (Decimal(data["priority"]), data["arrival"])
            continue
        rank = waiting[slot_id].pop(entry, None)
        if rank is None:
            yield f"slot {slot_id}: entry {entry} left the waiting list, but was not on it"
            continue
        in_order = event_type == "waitlist.promoted" and not data.get("out_of_order")
        if in_order and any(other < rank for other in waiting[slot_id].values()):
            yield f"slot {slot_id}: entry {entry} was promoted before a better entry"


def _estimates() -> Iterator[str]:
    now = clock.now()
    for slot in Slot.objects.filter(queue_length__gt=1):
        times = [estimate_at(slot=slot, position=position, now=now) for position in range(1, slot.queue_length + 1)]
        if any(later < earlier for earlier, later in pairwise(times)):
            yield f"slot {slot.id}: an estimate decreases along the queue"


CHECKS: dict[int, Callable[[], Iterator[str]]] = {
    1: _counters,
    2: oversold_slots,
    3: _one_live_token,
    4: _positions,
    5: _nobody_waits_for_a_free_seat,
    6: _acknowledged,
    7: _one_token_per_key,
    8: _one_event_per_change,
    9: _legal_histories,
    10: cancelled_slots,
    11: _promoted_in_order,
    12: _estimates,
}

"""A locked slot and its changes: collected while an operation runs, written at its end."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime, timedelta
from functools import cached_property
from typing import Any
from uuid import UUID

from clinics.models import Slot
from core.db.sql import Change, Found, Rows, Statement, send
from events.log import ChainEnd, Draft, appending, chain
from events.models import Event
from patients.models import Patient
from tokens.engine.logged import facts_of, logged
from tokens.errors import InvalidTransition
from tokens.models import Token, columns_of_place
from tokens.policy.lifecycle import HAS_ROOM, MOVES, QUEUED, UNDOABLE, Action, Status, holds_seat
from tokens.policy.priority import Category, Priority
from tokens.queries.queue import position_queries, set_positions
from tokens.rules import Rules, in_force
from waitlist import moves
from waitlist.models import EntryStatus, WaitlistEntry

_slots, _tokens, _entries = Rows(Slot), Rows(Token), Rows(WaitlistEntry)

ENTRY_EVENTS = {
    EntryStatus.PROMOTED: "waitlist.promoted",
    EntryStatus.WITHDRAWN: "waitlist.withdrawn",
    EntryStatus.EXPIRED: "waitlist.expired",
}


class Ledger:
    """The row of a locked slot, the time of the operation, and every change that the operation makes.

    Rows are changed in memory first, so that an operation sees its own changes; `write` and `close` save them with a
    number of statements that does not grow with the number of rows.
    """

    def __init__(self, slot: Slot, *, now: datetime, actor: str) -> None:
        self.slot = slot
        self.now = now
        self.actor = actor
        self.promoted: set[UUID] = set()
        self.needs_position: list[Token | WaitlistEntry] = []
        self._drafts: list[Draft] = []
        self._counted: Counter[str] = Counter()
        self._slot_changes: dict[str, Any] = {}
        self._issued: list[Token] = []
        self._token_changes: dict[UUID, dict[str, Any]] = defaultdict(dict)
        self._joined: list[WaitlistEntry] = []
        self._settled: list[WaitlistEntry] = []

    @contextmanager
    def acting_as(self, actor: str) -> Iterator[None]:
        """Record the events noted inside the block under another actor."""
        before, self.actor = self.actor, actor
        try:
            yield
        finally:
            self.actor = before

    @cached_property
    def rules(self) -> Rules:
        """The rules of the slot's facility, as read with the locked row."""
        return in_force(self.slot.facility.rules)

    # Numbers from the locked row

    def count(self, counter: str, by: int) -> int:
        """Add to a counter of the slot and return its new value."""
        if by:
            self._counted[counter] += by
            setattr(self.slot, counter, getattr(self.slot, counter) + by)
        return int(getattr(self.slot, counter))

    def next_arrival(self) -> int:
        """Return the next number in the slot's order of requests."""
        return self.count("last_arrival", 1)

    @property
    def has_free_seat(self) -> bool:
        return self.slot.current_capacity < self.slot.max_capacity

    # Tokens

    def issue(
        self,
        *,
        action: Action,
        patient: Patient,
        category: Category,
        priority: Priority,
        arrival: int,
        **fields: Any,
    ) -> Token:
        """Create a token with the next ticket of the slot, and note its event."""
        slot, move = self.slot, MOVES[action]
        number = self.count("last_ticket", 1)
        token = Token(
            facility_id=slot.facility_id,
            slot=slot,
            doctor_id=slot.doctor_id,
            local_date=slot.local_date,
            patient=patient,
            ticket=f"{slot.ticket_prefix}-{number:03d}",
            category=category,
            priority=priority.value,
            time_bonus=priority.time_bonus,
            care_bonus=priority.care_bonus,
            arrival=arrival,
            status=move.target,
            created_at=self.now,
            updated_at=self.now,
            **fields,
        )
        self._issued.append(token)
        self.needs_position.append(token)
        self._count_token(token, +1)
        self._note_due(token.due_at)
        self.note(
            move.event,
            token_id=token.id,
            **{"from": None, "to": token.status},
            ticket=token.ticket,
            patient=str(patient.id),
            category=token.category,
            priority=str(token.priority),
            acuity=token.acuity,
            arrival=arrival,
            **logged(fields),
        )
        return token

    def move(self, token: Token, action: Action, *, data: dict[str, Any] | None = None, **changes: Any) -> None:
        """Apply an action of the lifecycle table to a token and note its event; raise InvalidTransition."""
        move = MOVES[action]
        if token.status not in move.sources:
            raise InvalidTransition(current_status=token.status, action=action.value)
        before = token.status
        self._count_token(token, -1)
        if action in UNDOABLE and self.rules.undo_seconds:
            changes["undo_until"] = self.now + timedelta(seconds=self.rules.undo_seconds)
        elif token.undo_until is not None:
            changes["undo_until"] = None
        recorded = logged(changes)
        if "place" in changes:
            changes |= columns_of_place(changes.pop("place")) | {"placed_by_request": False}
        if token.room is not None and move.target not in HAS_ROOM:
            changes |= {"room": None, "room_name": None}
        changes |= {"status": move.target, "updated_at": self.now}
        for name, value in changes.items():
            setattr(token, name, value)
        self._count_token(token, +1)
        self._note_due(token.due_at)
        self._token_changes[token.id] |= changes
        self.note(
            move.event,
            token_id=token.id,
            **{"from": before, "to": token.status},
            ticket=token.ticket,
            **recorded,
            **(data or {}),
        )

    def take_over(
        self, token: Token, *, source: "Ledger", action: Action, data: dict[str, Any], **changes: Any
    ) -> None:
        """Move a token from another locked slot to this one, and note an event in the log of each.

        The event of this slot records the whole token, so that the slot can be rebuilt from its own log. Raise
        InvalidTransition.
        """
        move, slot, before = MOVES[action], self.slot, token.status
        if before not in move.sources:
            raise InvalidTransition(current_status=before, action="move")
        source._count_token(token, -1)
        source.note("token.moved_out", token_id=token.id, ticket=token.ticket, to_slot=str(slot.id))
        changes |= columns_of_place(changes.pop("place"))
        changes |= {
            "slot_id": slot.id,
            "doctor_id": slot.doctor_id,
            "local_date": slot.local_date,
            "arrival": self.next_arrival(),
            "undo_until": None,
            "status": move.target,
            "updated_at": self.now,
        }
        for name, value in changes.items():
            setattr(token, name, value)
        token.slot = slot
        self._count_token(token, +1)
        self._note_due(token.due_at)
        self._token_changes[token.id] |= changes
        self.needs_position.append(token)
        self.note(
            move.event,
            token_id=token.id,
            **{"from": before, "to": token.status},
            **facts_of(token),
            from_slot=str(source.slot.id),
            **data,
        )

    def restore(self, token: Token, *, undone: Event, data: dict[str, Any], **former: Any) -> None:
        """Give a token its former values, and note that this undid an event."""
        before = token.status
        self._count_token(token, -1)
        place = columns_of_place(former.pop("place"))
        changes = former | place | {"undo_until": None, "updated_at": self.now}
        for name, value in changes.items():
            setattr(token, name, value)
        self._count_token(token, +1)
        self._note_due(token.due_at)
        self._token_changes[token.id] |= changes
        facts = {"from": before, "to": token.status, **facts_of(token)}
        self.note("token.undone", token_id=token.id, **facts, event=str(undone.id), undone=undone.type, **data)

    def _count_token(self, token: Token, sign: int) -> None:
        if holds_seat(status=token.status, in_grace=token.in_grace):
            self.count("emergency_seats" if token.category == Category.EMERGENCY else "regular_seats", sign)
        if token.status in QUEUED:
            self.count("queue_length", sign)
        elif token.status == Status.STEPPED_OUT:
            self.count("stepped_out", sign)
        elif token.status == Status.IN_CONSULTATION:
            self._count_consultation(token.actual_time, sign)

    def _count_consultation(self, since: datetime | None, sign: int) -> None:
        running = list(self.slot.in_consultation_since)
        if since is not None:
            running.append(since) if sign > 0 else running.remove(since)
            self.change_slot(in_consultation_since=sorted(running))

    def _note_due(self, due_at: datetime | None) -> None:
        if due_at is not None and (self.slot.next_due_at is None or due_at < self.slot.next_due_at):
            self.change_slot(next_due_at=due_at)

    # The waiting list

    def join(self, entry: WaitlistEntry) -> WaitlistEntry:
        """Put a new entry on the slot's waiting list, and note its event."""
        self._joined.append(entry)
        self.needs_position.append(entry)
        self.count("waiting_count", 1)
        self.note(
            "waitlist.joined",
            entry=str(entry.id),
            patient=str(entry.patient_id),
            category=entry.category,
            priority=str(entry.priority),
            arrival=entry.arrival,
        )
        return entry

    def settle_entries(
        self, entries: Iterable[WaitlistEntry], *, to: EntryStatus, token_id: UUID | None = None, **data: Any
    ) -> int:
        """Take WAITING entries off the list; return how many there were. `data`: more facts for the events."""
        count = 0
        for entry in entries:
            moves.move(entry, to=to, now=self.now, token_id=token_id)
            self._settled.append(entry)
            self.note(ENTRY_EVENTS[to], token_id=token_id, entry=str(entry.id), patient=str(entry.patient_id), **data)
            count += 1
        self.count("waiting_count", -count)
        return count

    # The slot

    def change_slot(self, **changes: Any) -> None:
        """Change fields of the slot's row that are not counters."""
        for name, value in changes.items():
            setattr(self.slot, name, value)
        self._slot_changes |= changes

    def note(self, event_type: str, *, token_id: UUID | None = None, **data: Any) -> None:
        """Note an event; it is recorded when the ledger is closed."""
        self._drafts.append(Draft(event_type, self.actor, token_id, data))

    # Writing

    @property
    def has_changes(self) -> bool:
        """Whether there are events or slot changes to write."""
        return bool(self._drafts or self._slot_changes)

    def write(self) -> None:
        """Save the changes of tokens and entries, so that later queries see them."""
        if self._token_changes or self._issued or self._settled or self._joined:
            write_all([self])

    def close(self) -> None:
        """Save the remaining changes, the events and the slot's row."""
        close_all([self])

    def seal(self) -> list[Event]:
        """Return the noted events, chained to the slot's log."""
        slot = self.slot
        if not self._drafts:
            return []
        events, end = chain(
            self._drafts,
            facility_id=slot.facility_id,
            slot_id=slot.id,
            at=self.now,
            after=ChainEnd(slot.last_event, bytes(slot.last_event_hash)),
        )
        self.change_slot(last_event=end.number, last_event_hash=end.hash)
        self._drafts.clear()
        return events

    def slot_change(self) -> Change | None:
        """Return the change of the slot's row, or None if it does not change.

        Counters change by increments, so that even without a lock the CHECK constraint would refuse an oversold seat.
        """
        slot = self.slot
        if not self._slot_changes:
            return None
        slot.version += 1
        by = {name: number for name, number in sorted(self._counted.items()) if number} | {"version": 1}
        change = Change(slot.id, dict(sorted(self._slot_changes.items())), by)
        self._counted.clear()
        self._slot_changes.clear()
        return change


def write_all(ledgers: Sequence[Ledger], *, closing: bool = False, queries: Sequence[Statement] = ()) -> list[Found]:
    """Save the tokens and entries of ledgers of one facility, and with `closing` their events and slots too; then run
    the queries and return the rows of each. `closing` also notes the positions of the new tokens and entries.

    All of it takes one round trip, with a number of statements that does not grow with the number of ledgers. Updates
    precede inserts, which frees seats and unique values, and a token that enters the room follows the one that left it.
    """
    if not ledgers:
        return []
    facility_id = ledgers[0].slot.facility_id
    changes = [
        Change(token_id, dict(sorted(to.items())), {})
        for ledger in ledgers
        for token_id, to in ledger._token_changes.items()
    ]
    changes.sort(key=lambda change: change.to["status"] == Status.IN_CONSULTATION)
    statements = [
        *_tokens.updating(changes, facility_id=facility_id),
        *_tokens.inserting([token for ledger in ledgers for token in ledger._issued]),
        *moves.move_statements([entry for ledger in ledgers for entry in ledger._settled]),
        *_entries.inserting([entry for ledger in ledgers for entry in ledger._joined]),
    ]
    if closing:
        statements += appending([event for ledger in ledgers for event in ledger.seal()])
        slot_changes = [change for ledger in ledgers if (change := ledger.slot_change()) is not None]
        statements += _slots.updating(slot_changes, facility_id=facility_id)
    needing = [row for ledger in ledgers for row in ledger.needs_position] if closing else []
    positions = position_queries(needing)
    found = send(statements, queries=[*positions, *queries])
    set_positions(needing, found[: len(positions)])
    for ledger in ledgers:
        ledger._token_changes.clear()
        ledger._issued.clear()
        ledger._settled.clear()
        ledger._joined.clear()
    return found[len(positions) :]


def close_all(ledgers: Sequence[Ledger]) -> None:
    """Save the remaining changes of several ledgers of one facility, their events and their slots."""
    write_all(ledgers, closing=True)

"""A reference implementation of the contract in plain Python, compared with the real engine step by step.

Written from the contract's text alone, without Django, a database or locks, and as simply as the text
allows: every query scans all tokens. The test moves its clock.
"""

from datetime import UTC, date, datetime, timedelta
from decimal import ROUND_DOWN, Decimal
from zoneinfo import ZoneInfo

from tests.model.objects import IN_QUEUE, Doctor, Entry, Patient, Refused, Slot, Token
from tests.model.sessions import Sessions
from tests.model.visits import Visits

BASE = {"EMERGENCY": 1, "PRIORITY_PAID": 2, "FOLLOWUP": 3, "ONLINE": 4, "WALKIN": 5}
CENT = Decimal("0.01")
LATE = datetime.max.replace(tzinfo=UTC)


class Reference(Sessions, Visits):
    """A hospital with one facility, kept in the state that the contract requires."""

    def __init__(self, *, now: datetime, zone: str, hold: timedelta, grace: timedelta, buffer: timedelta) -> None:
        self.now, self.zone, self.hold, self.grace, self.buffer = now, ZoneInfo(zone), hold, grace, buffer
        self.slots: list[Slot] = []
        self.tokens: list[Token] = []
        self.asked = 0

    # Queries

    def queue(self, slot: Slot) -> list[Token]:
        return sorted((t for t in slot.tokens if t.status in IN_QUEUE), key=lambda t: t.rank)

    def seats(self, slot: Slot) -> int:
        return sum(t.seated for t in slot.tokens)

    def waiting(self, slot: Slot) -> list[Entry]:
        found = (e for e in slot.entries if e.status == "WAITING")
        return sorted(found, key=lambda e: (e.priority, e.asked))

    def in_room(self, slot: Slot, room: str | None = None) -> Token | None:
        return next((t for t in slot.tokens if t.status == "IN_CONSULTATION" and t.room == room), None)

    def queue_start(self, slot: Slot) -> datetime:
        start = slot.start + timedelta(minutes=slot.delay)
        if slot.paused_until:
            start = max(start, slot.paused_until)
        if slot.called_somebody:
            start = max(start, self.now)
            inside = [self.in_room(slot, room) for room in slot.rooms or (None,)]
            begun = [token.started for token in inside if token and token.started]
            if len(begun) == len(inside):
                start = max(start, min(begun) + timedelta(minutes=slot.doctor.consultation_minutes))
        return start

    def estimates(self, slot: Slot) -> list[datetime]:
        minutes = slot.doctor.consultation_minutes
        start = self.queue_start(slot)
        rooms = max(1, len(slot.rooms))
        return [start + timedelta(minutes=minutes * (ahead // rooms)) for ahead in range(len(self.queue(slot)))]

    def estimate(self, token: Token) -> datetime | None:
        """Return the estimated time; a token that left the queue keeps its last estimate."""
        queue = self.queue(token.slot)
        return self.estimates(token.slot)[queue.index(token)] if token in queue else token.told

    def bookable(self, slot: Slot) -> bool:
        return slot.state == "OPEN" and self.now < slot.delayed_end

    def day(self, slot: Slot) -> date:
        return slot.start.astimezone(self.zone).date()

    def live_token(self, patient: Patient, slot: Slot) -> Token | None:
        return next(
            (
                t
                for t in patient.tokens
                if t.live and t.slot.doctor is slot.doctor and self.day(t.slot) == self.day(slot)
            ),
            None,
        )

    def price(self, slot: Slot, patient: Patient, category: str) -> Decimal:
        if category == "EMERGENCY":
            return Decimal("1.00")
        hours = Decimal(int((slot.start - self.now) / timedelta(microseconds=1))) / Decimal(3_600_000_000)
        bonus = min(Decimal("0.90"), max(Decimal(0), hours / 10)).quantize(CENT, ROUND_DOWN)
        return BASE[category] - bonus - (Decimal("0.09") if patient.cared_for else 0)

    # Expiry

    def sweep(self) -> None:
        """Expire everything that is due, in all slots, earliest first."""
        due = {s.number: min((t.due for t in s.tokens if t.due), default=LATE) for s in self.slots}
        for slot in sorted(self.slots, key=lambda s: (due[s.number], s.number)):
            self.settle(slot)

    def settle(self, slot: Slot) -> None:
        """Expire the slot's due holds, graces, buffers and waiting list; promote into the freed seats."""
        over = [t for t in slot.tokens if t.due and t.due <= self.now]
        for token in sorted(over, key=lambda t: t.due or LATE):
            if token.in_grace:
                token.in_grace, token.due = False, None
            else:
                token.move("EXPIRED" if token.status == "PENDING" else "CANCELLED")
        if self.now >= slot.delayed_end:
            self._end_waiting(slot, "EXPIRED")
        self._promote(slot)

    def _settle_places(self, patient: Patient, slot: Slot) -> None:
        """Settle the slot, and each other slot where the patient's place with this doctor on this day has expired."""
        self.settle(slot)
        held = self.live_token(patient, slot)
        if held and held.due and held.due <= self.now:
            self.settle(held.slot)

    def _settle_day(self, slot: Slot) -> None:
        for other in self.slots:
            if other.doctor is slot.doctor and self.day(other) == self.day(slot):
                self.settle(other)

    # Operations

    def add_slot(self, doctor: Doctor, start: datetime, end: datetime, capacity: int) -> Slot:
        if any(s.doctor is doctor and s.state != "CANCELLED" and s.start < end and start < s.end for s in self.slots):
            raise Refused("slot-overlap")
        slot = Slot(len(self.slots), doctor, start, end, capacity)
        self.slots.append(slot)
        self._cascade(slot)
        self._settle_day(slot)
        return slot

    def book(
        self,
        slot: Slot,
        patient: Patient,
        category: str,
        *,
        hold: bool = False,
        arrived: bool = False,
        join: bool = True,
        desk: bool = True,
    ) -> Token | Entry:
        self._settle_places(patient, slot)
        if not self.bookable(slot):
            raise Refused("slot-not-open")
        if self.live_token(patient, slot):
            raise Refused("duplicate-booking")
        waits = [e for e in self.waiting(slot) if e.patient is patient]
        priority, asked = self.price(slot, patient, category), self._ask()
        if self.seats(slot) >= slot.capacity:
            kept = [t for t in slot.tokens if t.status == "BUFFER"]
            if desk and kept and self.seats(slot) - 1 < slot.capacity:
                min(kept, key=lambda t: t.due or LATE).move("CANCELLED")
            elif waits:
                raise Refused("duplicate-booking")
            elif not join:
                raise Refused("slot-full")
            else:
                slot.entries.append(Entry(slot, patient, category, priority, asked))
                return slot.entries[-1]
        for entry in waits:
            entry.status = "WITHDRAWN"
        status = "PENDING" if hold else ("CHECKED_IN" if arrived else "CONFIRMED")
        return self._token(slot, patient, category, priority, asked, status, self.now + self.hold if hold else None)

    def emergency(self, slot: Slot, patient: Patient, acuity: int | None = None) -> Token:
        self._settle_places(patient, slot)
        if not self.takes_emergencies(slot):
            raise Refused("slot-not-open")
        held = self.live_token(patient, slot)
        if held and (held.slot is not slot or held.status not in IN_QUEUE):
            raise Refused("duplicate-booking")
        for entry in self.waiting(slot):
            if entry.patient is patient:
                entry.status = "WITHDRAWN"
        if held is None:
            return self._token(slot, patient, "EMERGENCY", Decimal("1.00"), self._ask(), "CHECKED_IN", None, acuity)
        held.category, held.priority, held.acuity, held.asked = "EMERGENCY", Decimal("1.00"), acuity, self._ask()
        held.place = None
        if held.status != "CHECKED_IN":
            held.move("CHECKED_IN")
        return held

    def takes_emergencies(self, slot: Slot) -> bool:
        running = any(t.status in IN_QUEUE | {"CALLED", "IN_CONSULTATION"} for t in slot.tokens)
        return slot.state != "CANCELLED" and not slot.finished and (self.now < slot.delayed_end or running)

    def triage(self, token: Token, acuity: int) -> None:
        self.settle(token.slot)
        if token.category != "EMERGENCY" or token.status not in IN_QUEUE:
            raise Refused("invalid-transition")
        token.acuity, token.place = acuity, None

    def confirm(self, token: Token) -> None:
        self.settle(token.slot)
        self._only(token, "PENDING", hold_over="EXPIRED")
        token.move("CONFIRMED")

    def check_in(self, token: Token) -> None:
        self.settle(token.slot)
        self._only(token, "CONFIRMED")
        token.move("CHECKED_IN")

    def call(self, token: Token, *, room: str | None = None) -> None:
        self.settle(token.slot)
        room = self._room(token.slot, room)
        self._not_paused(token.slot)
        self._only(token, "CONFIRMED", "CHECKED_IN")
        self._call(token, room)

    def call_next(self, slot: Slot, *, complete_current: bool = False, room: str | None = None) -> Token:
        self.settle(slot)
        room = self._room(slot, room)
        self._not_paused(slot)
        first = next((t for t in self.queue(slot) if t.status == "CHECKED_IN"), None)
        if first is None:
            raise Refused("queue-empty")
        current = self.in_room(slot, room)
        if complete_current and current:
            current.move("COMPLETED")
        self._call(first, room)
        return first

    def start(self, token: Token, *, complete_current: bool = False) -> None:
        self.settle(token.slot)
        self._only(token, "CALLED")
        room = self.in_room(token.slot, token.room)
        if room:
            if not complete_current:
                raise Refused("room-occupied")
            room.move("COMPLETED")
        token.started = self.now
        token.move("IN_CONSULTATION")

    def complete(self, token: Token) -> None:
        self.settle(token.slot)
        self._only(token, "IN_CONSULTATION")
        token.move("COMPLETED")

    def requeue(self, token: Token) -> None:
        self.settle(token.slot)
        self._only(token, "CALLED")
        token.move("CHECKED_IN")

    def no_show(self, token: Token) -> None:
        self.settle(token.slot)
        self._only(token, "CONFIRMED", "CHECKED_IN", "CALLED")
        expected = self.estimate(token)
        token.move("NO_SHOW", max(self.now, expected or self.now) + self.grace)

    def reinstate(self, token: Token) -> None:
        self.settle(token.slot)
        if token.status == "NO_SHOW" and not token.in_grace:
            raise Refused("grace-expired")
        self._only(token, "NO_SHOW")
        token.move("CHECKED_IN")

    def cancel(self, token: Token, *, buffer: bool = False) -> list[Token]:
        self.settle(token.slot)
        self._only(token, "PENDING", "CONFIRMED", "CHECKED_IN", "CALLED", "BUFFER")
        if buffer and token.status in {"CONFIRMED", "CHECKED_IN"} and not self.waiting(token.slot):
            token.move("BUFFER", self.now + self.buffer)
            return []
        token.move("CANCELLED")
        return self._promote(token.slot)

    def withdraw(self, entry: Entry) -> None:
        self.settle(entry.slot)
        if entry.status != "WAITING":
            raise Refused("invalid-transition")
        entry.status = "WITHDRAWN"

    def set_capacity(self, slot: Slot, capacity: int) -> None:
        self._settle_day(slot)
        if slot.state == "CANCELLED":
            raise Refused("invalid-transition")
        if capacity < sum(t.seated for t in slot.tokens if t.category != "EMERGENCY"):
            raise Refused("capacity-in-use")
        slot.capacity = capacity
        self._promote(slot)

    def set_delay(self, slot: Slot, minutes: int) -> dict[int, int]:
        """Set the doctor's own delay; return {number: delay} of the changed slots."""
        self._settle_day(slot)
        if slot.state == "CANCELLED":
            raise Refused("slot-not-open")
        slot.own_delay = minutes
        changed = self._cascade(slot)
        self._settle_day(slot)
        return changed

    def cancel_slot(self, slot: Slot) -> tuple[int, int]:
        self._settle_day(slot)
        if slot.state == "CANCELLED":
            raise Refused("invalid-transition")
        slot.state = "CANCELLED"
        gone = [t for t in slot.tokens if t.live or t.status == "BUFFER"]
        gone = [t for t in gone if t.status != "IN_CONSULTATION"]
        for token in gone:
            token.move("CANCELLED")
        withdrawn = self._end_waiting(slot, "WITHDRAWN")
        self._cascade(slot)
        self._settle_day(slot)
        return len(gone), withdrawn

    def close_slot(self, slot: Slot) -> None:
        self.settle(slot)
        if slot.state != "OPEN":
            raise Refused("invalid-transition")
        slot.state, slot.closed_at = "CLOSED", self.now
        self._end_waiting(slot, "EXPIRED")

    # Internals

    def _call(self, token: Token, room: str | None) -> None:
        token.told, token.room = self.estimate(token), room
        token.times_called += 1
        token.slot.called_somebody = True
        token.move("CALLED")

    def _ask(self) -> int:
        self.asked += 1
        return self.asked

    def _only(self, token: Token, *allowed: str, hold_over: str = "") -> None:
        if token.status not in allowed:
            raise Refused("hold-expired" if token.status == hold_over else "invalid-transition")

    def _token(
        self,
        slot: Slot,
        patient: Patient,
        category: str,
        priority: Decimal,
        asked: int,
        status: str,
        due: datetime | None = None,
        acuity: int | None = None,
    ) -> Token:
        token = Token(slot, patient, category, priority, asked, status, acuity, due, path=[status])
        self.tokens.append(token)
        slot.tokens.append(token)
        patient.tokens.append(token)
        return token

    def _promote(self, slot: Slot) -> list[Token]:
        promoted: list[Token] = []
        while self.bookable(slot) and self.seats(slot) < slot.capacity and self.waiting(slot):
            entry = self.waiting(slot)[0]
            if self.live_token(entry.patient, slot):
                entry.status = "WITHDRAWN"
                continue
            entry.status = "PROMOTED"
            entry.token = self._token(slot, entry.patient, entry.category, entry.priority, entry.asked, "CONFIRMED")
            promoted.append(entry.token)
        return promoted

    def _end_waiting(self, slot: Slot, status: str) -> int:
        entries = self.waiting(slot)
        for entry in entries:
            entry.status = status
        return len(entries)

    def _cascade(self, changed: Slot) -> dict[int, int]:
        """Recompute the doctor's whole day; return the slots whose delay changed."""
        before = {s.number: s.delay for s in self.slots}
        line = [s for s in self.slots if s.doctor is changed.doctor and self.day(s) == self.day(changed)]
        ends: datetime | None = None
        for slot in sorted(line, key=lambda s: s.start):
            if slot.state == "CANCELLED":
                continue
            forced = max(0, -(-int((ends - slot.start).total_seconds()) // 60)) if ends else 0
            slot.delay = max(slot.own_delay, forced)
            ends = slot.delayed_end
        return {s.number: s.delay for s in self.slots if s.delay != before[s.number]}

"""The real service behind the reference's method names, so that both can run the same operations."""

from collections import Counter
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from secrets import token_hex
from typing import Any
from uuid import UUID

from clinics.models import Slot as SlotRow
from clinics.rooms import create_room
from core.clock import ManualClock
from core.errors import EngineError
from tests.factories import DoctorFactory, PatientFactory, ensure_facility
from tests.model.objects import Doctor, Entry, Patient, Slot, Token
from tests.model.reference import Reference, Refused
from tokens.models import IS_QUEUED, QUEUE_ORDER
from tokens.models import Token as TokenRow
from tokens.operations.booking import BookingRequest
from tokens.operations.slots import SlotPlan
from tokens.policy.lifecycle import HAS_ROOM
from tokens.policy.priority import Category
from tokens.queries.estimates import estimate_at, expected_end
from tokens.queries.queue import positions_of, tokens_of
from tokens.services import TokenAllocationService
from tokens.sessions import SessionService
from waitlist.models import WaitlistEntry

ACTOR = "user:model"


class Real:
    """An adapter of the service; `_of` maps an object of the reference to its database row."""

    def __init__(self, reference: Reference, clock: ManualClock) -> None:
        self.reference, self.clock = reference, clock
        self.service, self.sessions = TokenAllocationService(), SessionService()
        self.facility = ensure_facility()
        self.doctors: dict[Doctor, UUID] = {}
        self.patients: dict[Patient, UUID] = {}
        self.slots: dict[Slot, UUID] = {}
        self.tokens: dict[Token, UUID] = {}
        self.rooms: dict[str, UUID] = {}

    def ask(self, name: str, *args: Any, **facts: Any) -> Any:
        """Perform one operation; raise an engine error as the reference's Refused."""
        try:
            return getattr(self, name)(*args, **facts)
        except EngineError as error:
            raise Refused(error.code) from error

    # The same names as the reference

    def add_slot(self, doctor: Doctor, start: datetime, end: datetime, capacity: int) -> None:
        (row,) = self.service.create_slots(
            doctor_id=self._doctor(doctor),
            plans=lambda _doctor, _taken: [SlotPlan(start, end, capacity)],
            days=lambda _zone: {start.astimezone(self.reference.zone).date()},
            actor=ACTOR,
        )
        self.slots[self.reference.slots[-1]] = row.id

    def book(self, slot: Slot, patient: Patient, category: str, **how: bool) -> str:
        request = BookingRequest(
            slot_id=self.slots[slot],
            actor=ACTOR,
            patient_id=self._patient(patient),
            category=Category(category),
            hold=how.get("hold", False),
            arrived=how.get("arrived", False),
            join_waiting_list=how.get("join", True),
            desk=how.get("desk", True),
        )
        return type(self.service.book(request)).__name__

    def emergency(self, slot: Slot, patient: Patient, acuity: int | None = None) -> None:
        self.service.admit_emergency(
            slot_id=self.slots[slot], patient_id=self._patient(patient), acuity=acuity, actor=ACTOR
        )

    def triage(self, token: Token, acuity: int) -> None:
        self.service.triage(token_id=self._of(token), acuity=acuity, actor=ACTOR)

    def step_out(self, token: Token, minutes: int = 30) -> None:
        self.service.step_out(token_id=self._of(token), reason="LAB", minutes=minutes, actor=ACTOR)

    def move(self, token: Token, slot: Slot) -> int:
        moved = self.service.move(token_id=self._of(token), slot_id=self.slots[slot], desk=True, actor=ACTOR)
        return len(moved.promoted)

    def reclassify(self, token: Token, category: str) -> None:
        self.service.reclassify(
            token_id=self._of(token), category=Category(category), reason="at the desk", actor=ACTOR
        )

    def let_pass(self, token: Token, places: int) -> None:
        self.service.let_pass(token_id=self._of(token), places=places, actor=ACTOR)

    def start(self, token: Token, *, complete_current: bool = False) -> None:
        self.service.start(token_id=self._of(token), complete_current=complete_current, actor=ACTOR)

    def call(self, token: Token, *, room: str | None = None) -> None:
        self.service.call(token_id=self._of(token), room=self._room(room), actor=ACTOR)

    def call_next(self, slot: Slot, *, complete_current: bool = False, room: str | None = None) -> None:
        self.service.call_next(
            slot_id=self.slots[slot], complete_current=complete_current, room=self._room(room), actor=ACTOR
        )

    def set_rooms(self, slot: Slot, rooms: tuple[str, ...]) -> None:
        ids = [self._room(room) for room in rooms]
        self.service.change_slot(slot_id=self.slots[slot], changes={"rooms": ids}, actor=ACTOR)

    def cancel(self, token: Token, *, buffer: bool = False) -> int:
        return len(self.service.cancel(token_id=self._of(token), keep_seat=buffer, actor=ACTOR).promoted)

    def withdraw(self, entry: Entry) -> None:
        mine = [e for e in entry.slot.entries if e.patient is entry.patient]
        rows = self._entries(entry.slot).filter(patient_id=self._patient(entry.patient)).order_by("id")
        self.service.withdraw(entry_id=rows[mine.index(entry)].id, actor=ACTOR)

    def set_capacity(self, slot: Slot, capacity: int) -> None:
        self.service.change_slot(slot_id=self.slots[slot], changes={"max_capacity": capacity}, actor=ACTOR)

    def set_delay(self, slot: Slot, minutes: int) -> dict[int, int]:
        told = self.service.delay_slot(slot_id=self.slots[slot], delay_minutes=minutes, dry_run=True, actor=ACTOR)
        done = self.service.delay_slot(slot_id=self.slots[slot], delay_minutes=minutes, actor=ACTOR)
        assert _delays(told) == _delays(done), "the dry run said something else than what was done"
        numbers = {row_id: slot.number for slot, row_id in self.slots.items()}
        return {numbers[row_id]: delay for row_id, delay in _delays(done).items()}

    def cancel_slot(self, slot: Slot) -> tuple[int, int]:
        result = self.service.cancel_slot(slot_id=self.slots[slot], actor=ACTOR)
        return result.cancelled_tokens, result.withdrawn_entries

    def close_slot(self, slot: Slot) -> None:
        self.service.close_slot(slot_id=self.slots[slot], actor=ACTOR)

    def begin(self, slot: Slot) -> None:
        self.sessions.begin(slot_id=self.slots[slot], actor=ACTOR)

    def pause(self, slot: Slot, minutes: int | None = None) -> None:
        self.sessions.pause(slot_id=self.slots[slot], minutes=minutes, actor=ACTOR)

    def resume(self, slot: Slot) -> None:
        self.sessions.resume(slot_id=self.slots[slot], actor=ACTOR)

    def finish(self, slot: Slot) -> tuple[list[int], ...]:
        result = self.sessions.finish(slot_id=self.slots[slot], actor=ACTOR)
        people = {row_id: patient.number for patient, row_id in self.patients.items()}
        lists = (result.no_shows, result.carried_over, result.not_seen)
        return tuple([people[token.patient_id] for token in each] for each in lists)

    def reopen(self, slot: Slot) -> None:
        self.sessions.reopen(slot_id=self.slots[slot], actor=ACTOR)

    def sweep(self) -> None:
        self.service.sweep()

    def __getattr__(self, name: str) -> Any:
        """Forward operations on one token: confirm, check_in, recall, skip, complete, step_in and others."""
        method = getattr(self.service, name)
        return lambda token: method(token_id=self._of(token), actor=ACTOR)

    # Queries

    def pictures(self) -> dict[Slot, dict[str, Any]]:
        """Return every slot as the database and the queries show it."""
        now, slots = self.clock.now(), {row_id: slot for slot, row_id in self.slots.items()}
        people = {row_id: patient.number for patient, row_id in self.patients.items()}
        rows = list(SlotRow.objects.select_related("doctor", "facility").filter(id__in=slots))
        tokens = list(TokenRow.objects.filter(slot_id__in=slots))
        entries = list(WaitlistEntry.objects.filter(slot_id__in=slots).order_by("priority", "arrival"))
        numbers = positions_of(tokens=tokens)
        return {slots[row.id]: self._picture(row, tokens, entries, numbers, people, now) for row in rows}

    def _picture(
        self,
        row: SlotRow,
        tokens: list[TokenRow],
        entries: list[WaitlistEntry],
        numbers: dict[UUID, int],
        people: dict[UUID, int],
        now: datetime,
    ) -> dict[str, Any]:
        tokens = [token for token in tokens if token.slot_id == row.id]
        entries = [entry for entry in entries if entry.slot_id == row.id]
        queue = (
            list(tokens_of(slot=row).filter(IS_QUEUED).order_by(*QUEUE_ORDER))
            if any(token.id in numbers for token in tokens)
            else []
        )
        assert queue == sorted(queue, key=lambda token: token.order_key), "SQL and policy order the queue differently"
        return {
            "status": row.status,
            "session": (row.began_at is not None, row.paused_since is not None, row.finished_at is not None),
            "delay": (row.delay_minutes, row.cascaded_minutes),
            "seats": (row.current_capacity, row.max_capacity, row.available_capacity),
            "expected_end": expected_end(slot=row, now=now),
            "queue": [
                (numbers[t.id], people[t.patient_id], t.category, t.priority, t.acuity,
                 estimate_at(slot=row, position=numbers[t.id], now=now))
                for t in queue
            ],
            "waiting": [(people[e.patient_id], e.category, e.priority) for e in entries if e.status == "WAITING"],
            "waiting_count": row.waiting_count,
            "called": sorted(
                (people[t.patient_id], t.status, t.room_name or "") for t in tokens if t.status in HAS_ROOM
            ),
            "tokens": sorted(
                (people[t.patient_id], t.category, t.status, t.due_at is not None, t.due_at or t.created_at.min,
                 t.times_called, t.skips, t.returns_by or t.created_at.min)
                for t in tokens
            ),
            "entries": sorted((people[e.patient_id], e.status) for e in entries),
        }  # fmt: skip

    # Rows

    def _doctor(self, doctor: Doctor) -> UUID:
        if doctor not in self.doctors:
            row = DoctorFactory(facility=self.facility, consultation_minutes=doctor.consultation_minutes)
            self.doctors[doctor] = row.id
        return self.doctors[doctor]

    def _patient(self, patient: Patient) -> UUID:
        if patient not in self.patients:
            self.patients[patient] = PatientFactory(needs_assistance=patient.cared_for).id
        return self.patients[patient]

    def _room(self, room: str | None) -> UUID | None:
        if room is None:
            return None
        if room not in self.rooms:
            self.rooms[room] = create_room(facility_id=self.facility.id, name=room, code=token_hex(8)).id
        return self.rooms[room]

    def _tokens(self, slot: Slot) -> Any:
        return TokenRow.objects.filter(slot_id=self.slots[slot])

    def _entries(self, slot: Slot) -> Any:
        return WaitlistEntry.objects.filter(slot_id=self.slots[slot])

    def _of(self, token: Token) -> UUID:
        """Return the row of an object; a patient's n-th unknown token in a slot is the n-th unknown row."""
        if token not in self.tokens:
            mine = [t for t in token.slot.tokens if t.patient is token.patient and t not in self.tokens]
            rows = self._tokens(token.slot).filter(patient_id=self._patient(token.patient)).order_by("id")
            rows = rows.exclude(id__in=self.tokens.values())
            self.tokens[token] = rows[mine.index(token)].id
        return self.tokens[token]


def _delays(delay_set: Any) -> dict[UUID, int]:
    return {ledger.slot.id: ledger.slot.delay_minutes for ledger in delay_set.delayed.affected}


def picture_of(reference: Reference, slot: Slot) -> dict[str, Any]:
    """Return the slot as the reference shows it."""
    queue, estimates = reference.queue(slot), reference.estimates(slot)
    one = timedelta(minutes=slot.doctor.consultation_minutes)
    beginning = datetime.min
    return {
        "status": slot.status,
        "session": (slot.began, slot.paused, slot.finished),
        "delay": (slot.delay, slot.delay - slot.own_delay),
        "seats": (reference.seats(slot), slot.capacity, max(0, slot.capacity - reference.seats(slot))),
        "expected_end": max([slot.delayed_end, *(estimate + one for estimate in estimates)]),
        "queue": [
            (n, t.patient.number, t.category, t.priority, t.acuity, estimate)
            for n, (t, estimate) in enumerate(zip(queue, estimates, strict=True), 1)
        ],
        "waiting": [(e.patient.number, e.category, e.priority) for e in reference.waiting(slot)],
        "waiting_count": len(reference.waiting(slot)),
        "called": sorted((t.patient.number, t.status, t.room or "") for t in slot.tokens if t.status in HAS_ROOM),
        "tokens": sorted(
            (
                t.patient.number,
                t.category,
                t.status,
                t.due is not None,
                t.due or beginning,
                t.times_called,
                t.skips,
                t.returns_by or beginning,
            )
            for t in slot.tokens
        ),
        "entries": sorted((e.patient.number, e.status) for e in slot.entries),
    }


def outcome_of(action: Callable[..., Any], *args: Any, **facts: Any) -> tuple[Any, str]:
    """Return the result and "done", or None and the refusal's code."""
    try:
        return action(*args, **facts), "done"
    except Refused as refused:
        return None, refused.code


class Pair:
    """The reference and the real service with the same requests; any difference fails the test."""

    def __init__(self, reference: Reference, clock: ManualClock) -> None:
        self.reference, self.clock = reference, clock
        self.real = Real(reference, clock)
        self.counted: Counter[str] = Counter()

    def at(self, moment: datetime) -> None:
        """Set both clocks."""
        self.reference.now = moment.astimezone(UTC)
        self.clock.set(moment)

    def act(self, name: str, *args: Any, **facts: Any) -> Any:
        """Perform an operation on both sides; settle what a refusal left unsettled, then raise it."""
        for token in (each for each in args if isinstance(each, Token)):
            self.real._of(token)  # its row, before the reference moves it to another slot
        expected, wanted = outcome_of(getattr(self.reference, name), *args, **facts)
        told, had = outcome_of(self.real.ask, name, *args, **facts)
        self.counted[f"{name}: {had}"] += 1
        assert had == wanted, f"{name}{args}{facts}: the contract says {wanted}, the engine {had}"
        if wanted != "done":
            self.reference.sweep()
            self.real.sweep()
            raise Refused(wanted)
        if name == "book":
            assert told == {"Token": "Token", "Entry": "WaitlistEntry"}[type(expected).__name__]
        elif name in ("cancel", "move"):
            assert told == len(expected)
        elif name in ("set_delay", "cancel_slot", "finish"):
            assert told == expected, f"{name}: the engine answers {told}, the contract {expected}"
        return expected

    def differences(self) -> list[str]:
        """Return one line per difference between the two sides."""
        found = []
        pictures = self.real.pictures()
        for slot in self.reference.slots:
            want, have = picture_of(self.reference, slot), pictures[slot]
            for name in want:
                if name == "expected_end" and not want["queue"]:
                    continue
                if _plain(want[name]) != _plain(have[name]):
                    found.append(f"slot {slot.number} {name}:\n  contract {want[name]}\n  engine   {have[name]}")
        return found


def _plain(value: Any) -> Any:
    """Convert values for comparison; datetimes become POSIX timestamps."""
    if isinstance(value, datetime):
        return value.replace(tzinfo=value.tzinfo or UTC).timestamp() if value.year > 1 else 0.0
    if isinstance(value, list | tuple):
        return tuple(_plain(each) for each in value)
    return value

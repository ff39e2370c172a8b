"""A random OPD day from a seed: 300 patients and 6 doctors, with the usual disruptions.

The same seed plays the same day, on the reference engine alone or with the real service beside it.
`python -m tests.model.day SEED` replays one and prints a summary of the outcomes.
"""

import sys
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from random import Random
from typing import Any
from zoneinfo import ZoneInfo

from tests.model.invariants import illegal_histories, invariant_violations
from tests.model.objects import FINAL, IN_QUEUE, Doctor, Entry, Patient, Slot, Token
from tests.model.reference import Reference, Refused

ZONE = "Asia/Kolkata"
MORNING = datetime(2031, 3, 3, 7, 30, tzinfo=ZoneInfo(ZONE))
MINUTES = 13 * 60
TIERS = ("PRIORITY_PAID", "FOLLOWUP", "ONLINE", "WALKIN")
ROOMS = ("R1", "R2")
SESSIONS = ((90, 120), (225, 120), (390, 90))  # minutes after 07:30, and how long


def new_reference(now: datetime = MORNING) -> Reference:
    """Return a reference engine with the contract's default durations."""
    return Reference(
        now=now, zone=ZONE, hold=timedelta(seconds=120), grace=timedelta(minutes=15), buffer=timedelta(minutes=10)
    )


@dataclass
class Visit:
    """One patient's plan for the day; `arrives` is None for a patient who never comes."""

    patient: Patient
    category: str
    asks: int
    arrives: int | None
    regrets: int | None
    hold: bool
    confirms: bool
    deaf: bool
    returns: bool
    token: Token | None = None
    entry: Entry | None = None


@dataclass
class Day:
    """Simulates the day minute by minute; every request goes through `act(name, *args, **kw)`."""

    seed: int
    reference: Reference
    act: Callable[..., Any]
    tick: Callable[[datetime], None]
    patients: int = 300
    doctors: int = 6
    check: Callable[[], list[str]] = list
    random: Random = field(init=False)
    log: Counter[str] = field(default_factory=Counter)

    def __post_init__(self) -> None:
        self.random = Random(self.seed)

    def play(self) -> "Day":
        """Simulate the whole day; fail at the first violated invariant."""
        self._morning()
        for minute in range(MINUTES):
            self.tick(MORNING + timedelta(minutes=minute))
            self._desk(minute)
            self._doctors(minute)
            self._mishaps(minute)
            self._try("sweep")
            broken = invariant_violations(self.reference) + self.check()
            assert not broken, f"seed {self.seed}, minute {minute}: {broken}"
        assert not illegal_histories(self.reference), f"seed {self.seed}: {illegal_histories(self.reference)}"
        return self

    def unexplained(self) -> list[str]:
        """Return the tokens that ended the day neither in a final state nor in another expected state."""
        loose = [t for t in self.reference.tokens if t.status not in FINAL]
        return [
            f"seed {self.seed}: patient {t.patient.number} is left {t.status} in slot {t.slot.number}" for t in loose
        ]

    def _try(self, name: str, *args: Any, **facts: Any) -> Any:
        try:
            answer = self.act(name, *args, **facts)
        except Refused as refusal:
            self.log[refusal.code] += 1
            return None
        self.log[name] += 1
        return answer

    def _morning(self) -> None:
        r = self.random
        doctors = [Doctor(n, r.choice((5, 6, 8, 10))) for n in range(self.doctors)]
        self.slots: list[Slot] = []
        for doctor in doctors:
            for start, length in SESSIONS:
                begins = MORNING + timedelta(minutes=start)
                capacity = length // doctor.consultation_minutes + r.randint(-6, 1)
                slot = self._try("add_slot", doctor, begins, begins + timedelta(minutes=length), max(4, capacity))
                self._try("set_rooms", slot, ROOMS[: r.choice((0, 0, 1, 2))])
                self.slots.append(slot)
        self.visits = [self._visit(n) for n in range(self.patients)]
        self.consulting: dict[Token, int] = {}

    def _visit(self, number: int) -> Visit:
        r = self.random
        category = r.choices(TIERS, (2, 3, 8, 6))[0]
        asks = r.randint(60, 450) if category == "WALKIN" else r.randint(0, 330)
        waits = 0 if category == "WALKIN" else r.randint(5, 150)
        comes = r.random() < 0.9
        return Visit(
            patient=Patient(number, cared_for=r.random() < 0.2),
            category=category,
            asks=asks,
            arrives=asks + waits if comes else None,
            regrets=asks + r.randint(1, 120) if r.random() < 0.1 else None,
            hold=category == "ONLINE" and r.random() < 0.4,
            confirms=r.random() < 0.8,
            deaf=r.random() < 0.06,
            returns=comes,
        )

    def _desk(self, minute: int) -> None:
        for visit in self.visits:
            if visit.asks == minute:
                self._book(visit)
            self._follow_entry(visit)
            token = visit.token
            if token is None or token.status in ("COMPLETED", "CANCELLED"):
                continue
            if token.status == "PENDING" and visit.confirms and minute == visit.asks + 1:
                self._try("confirm", token)
            if token.status == "CONFIRMED" and visit.arrives is not None and visit.arrives <= minute:
                self._try("check_in", token)
            if visit.regrets == minute:
                self._try("cancel", token, buffer=self.random.random() < 0.3)
            if token.status == "NO_SHOW" and visit.returns and self.random.random() < 0.1:
                visit.returns = self._try("reinstate", token) is not None
        for token in [t for t in self.reference.tokens if t.status == "STEPPED_OUT"]:
            if self.random.random() < 0.2:
                self._try("step_in", token)
        for slot in self.slots:
            if slot.delayed_end <= self.reference.now:
                for token in [t for t in slot.tokens if t.status in ("CONFIRMED", "PENDING")]:
                    self._try("no_show" if token.status == "CONFIRMED" else "cancel", token)

    def _follow_entry(self, visit: Visit) -> None:
        if visit.entry is not None and visit.entry.token is not None:
            visit.token, visit.entry = visit.entry.token, None

    def _book(self, visit: Visit) -> None:
        open_slots = [s for s in self.slots if self.reference.bookable(s)]
        if not open_slots:
            return
        slot = self.random.choice(open_slots[: max(1, len(open_slots) * 2 // 3)])
        here = visit.category == "WALKIN" and visit.arrives is not None and self.random.random() < 0.5
        answer = self._try(
            "book",
            slot,
            visit.patient,
            visit.category,
            hold=visit.hold,
            arrived=here,
            join=self.random.random() < 0.9,
            desk=visit.category != "ONLINE",
        )
        if isinstance(answer, Token):
            visit.token = answer
        elif isinstance(answer, Entry):
            visit.entry = answer

    def _doctors(self, minute: int) -> None:
        deaf = {v.patient for v in self.visits if v.deaf}
        for slot in self.slots:
            if slot.start + timedelta(minutes=slot.delay) > self.reference.now:
                continue
            self._session(slot)
            for room in slot.rooms or (None,):
                self._consult(slot, room, minute, deaf)

    def _session(self, slot: Slot) -> None:
        """Let the doctor arrive, pause now and then, and finish some time after the end."""
        r = self.random
        if not slot.began and slot.state != "CANCELLED" and not slot.finished:
            self._try("begin", slot)
        elif slot.paused and r.random() < 0.2:
            self._try("resume", slot)
        elif not slot.finished and not slot.paused and r.random() < 0.005:
            self._try("pause", slot, r.choice((None, 5, 15)))
        elif not slot.finished and self.reference.now > slot.delayed_end and r.random() < 0.02:
            self._try("finish", slot)
        elif slot.finished and r.random() < 0.01:
            self._try("reopen", slot)

    def _consult(self, slot: Slot, room: str | None, minute: int, deaf: set[Patient]) -> None:
        inside = self.reference.in_room(slot, room)
        if inside is not None and self.consulting[inside] <= minute:
            self._try("complete", inside)
            inside = None
        elif inside is not None and self.random.random() < 0.01:
            self._try("step_out", inside, self.random.choice((10, 20, 30)))
            inside = None
        called = next((t for t in slot.tokens if t.status == "CALLED" and t.room == room), None)
        if called is not None and called.patient in deaf and self.random.random() < 0.7:
            self._try(self.random.choice(("no_show", "no_show", "requeue", "skip", "skip")), called)
        elif called is not None and self.random.random() < 0.1:
            self._try("recall" if self.random.random() < 0.5 else "step_out", called)
        elif called is not None and inside is None:
            self._try("start", called)
            length = slot.doctor.consultation_minutes + self.random.randint(-4, 4)
            self.consulting[called] = minute + max(1, length)
        elif called is None and self.random.random() < self._eagerness(slot, inside):
            self._try("call_next", slot, room=room)

    def _eagerness(self, slot: Slot, room: Token | None) -> float:
        """Return the probability that the doctor calls the next patient now; low if nobody is there."""
        if not any(t.status == "CHECKED_IN" for t in slot.tokens):
            return 0.02
        return 1.0 if room is None else 0.05

    def _mishaps(self, minute: int) -> None:
        r = self.random
        slot = r.choice(self.slots)
        chance = r.random()
        if chance < 0.03:
            patient = r.choice(self.visits).patient if r.random() < 0.5 else Patient(1000 + minute)
            token = self._try("emergency", slot, patient, r.choice((None, None, 1, 2, 3, 4, 5)))
            if token is not None and r.random() < 0.3:
                self._try("triage", token, r.randint(1, 5))
        elif chance < 0.04:
            here = [t for t in slot.tokens if t.status == "CHECKED_IN"]
            if here:
                self._try("let_pass", r.choice(here), r.randint(1, 4))
        elif chance < 0.045:
            queued = self.reference.queue(slot)
            if queued:
                self._try("move", r.choice(queued), r.choice(self.slots))
        elif chance < 0.05:
            self._try("set_delay", slot, r.choice((0, 10, 15, 20, 30, 45)))
        elif chance < 0.06:
            self._try("set_capacity", slot, max(1, slot.capacity + r.randint(-3, 3)))
        elif chance < 0.064:
            self._try("close_slot" if r.random() < 0.7 else "cancel_slot", slot)
        elif chance < 0.075:
            entries = self.reference.waiting(slot)
            if entries:
                self._try("withdraw", r.choice(entries))


def simulate_on_reference(seed: int) -> Day:
    """Simulate the day of this seed on the reference engine alone."""
    reference = new_reference()

    def tick(now: datetime) -> None:
        reference.now = now

    return Day(seed, reference, lambda name, *a, **kw: getattr(reference, name)(*a, **kw), tick).play()


def story(day: Day) -> str:
    """Summarise the outcomes in a few lines."""
    ends = Counter(t.status for t in day.reference.tokens)
    tiers = Counter(t.category for t in day.reference.tokens)
    queued = sum(t.status in IN_QUEUE for t in day.reference.tokens)
    return "\n".join(
        [
            f"seed {day.seed}: {len(day.reference.tokens)} tokens, {queued} still in a queue",
            f"  ended as   {dict(sorted(ends.items()))}",
            f"  tiers      {dict(sorted(tiers.items()))}",
            f"  requests   {dict(sorted(day.log.items()))}",
        ]
    )


if __name__ == "__main__":
    for argument in sys.argv[1:] or ["1"]:
        print(story(simulate_on_reference(int(argument))))

"""The reference engine's objects: doctors, slots, patients, tokens and waiting list entries."""

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal
from fractions import Fraction

IN_QUEUE = {"PENDING", "CONFIRMED", "CHECKED_IN"}
LIVE = IN_QUEUE | {"CALLED", "IN_CONSULTATION", "STEPPED_OUT"}
ALWAYS_SEATED = LIVE | {"COMPLETED", "BUFFER"}
Rank = tuple[Decimal, int, int, Fraction]
FINAL = {"COMPLETED", "CANCELLED", "EXPIRED", "NO_SHOW", "NOT_SEEN"}


class Refused(Exception):
    """A refusal; `code` is the contract's error code."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


@dataclass(eq=False)
class Doctor:
    number: int
    consultation_minutes: int


@dataclass(eq=False)
class Slot:
    number: int
    doctor: Doctor
    start: datetime
    end: datetime
    capacity: int
    own_delay: int = 0
    delay: int = 0
    state: str = "OPEN"  # OPEN, CLOSED or CANCELLED
    called_somebody: bool = False
    rooms: tuple[str, ...] = ()
    began: bool = False
    paused: bool = False
    paused_until: datetime | None = None
    finished: bool = False
    closed_at: datetime | None = None
    tokens: list["Token"] = field(default_factory=list, repr=False)
    entries: list["Entry"] = field(default_factory=list, repr=False)

    @property
    def status(self) -> str:
        return self.state if self.state != "OPEN" else ("DELAYED" if self.delay else "ACTIVE")

    @property
    def delayed_end(self) -> datetime:
        return self.end + timedelta(minutes=self.delay)


@dataclass(eq=False)
class Patient:
    number: int
    cared_for: bool = False
    tokens: list["Token"] = field(default_factory=list, repr=False)


@dataclass(eq=False)
class Token:
    slot: Slot
    patient: Patient
    category: str
    priority: Decimal
    asked: int
    status: str
    acuity: int | None = None
    due: datetime | None = None  # when the hold, the grace or the buffer ends
    in_grace: bool = False
    started: datetime | None = None
    told: datetime | None = None
    returns_by: datetime | None = None
    times_called: int = 0
    room: str | None = None
    skips: int = 0
    place: "Rank | None" = None  # where it was put, if not where its request puts it
    path: list[str] = field(default_factory=list)

    def move(self, status: str, due: datetime | None = None) -> None:
        self.status, self.due, self.in_grace = status, due, status == "NO_SHOW"
        if status not in {"CALLED", "IN_CONSULTATION", "COMPLETED"}:
            self.room = None
        self.path.append(status)

    @property
    def seated(self) -> bool:
        return self.status in ALWAYS_SEATED or self.in_grace

    @property
    def live(self) -> bool:
        return self.status in LIVE or self.in_grace

    @property
    def rank(self) -> Rank:
        if self.place is not None:
            return self.place
        if self.category == "EMERGENCY":
            return self.priority, self.acuity or 0, self.asked if self.acuity else -self.asked, Fraction(0)
        return self.priority, 0, self.asked, Fraction(0)


@dataclass(eq=False)
class Entry:
    slot: Slot
    patient: Patient
    category: str
    priority: Decimal
    asked: int
    status: str = "WAITING"
    token: Token | None = None

"""The table of moves: the states from which and to which an action takes a token, and which states hold a seat.

Source: sections 4 and 14 of the contract. `docs/lifecycle.md` is generated from this table.
"""

from dataclasses import dataclass
from enum import StrEnum


class Status(StrEnum):
    PENDING = "PENDING"
    CONFIRMED = "CONFIRMED"
    CHECKED_IN = "CHECKED_IN"
    CALLED = "CALLED"
    IN_CONSULTATION = "IN_CONSULTATION"
    STEPPED_OUT = "STEPPED_OUT"
    COMPLETED = "COMPLETED"
    NO_SHOW = "NO_SHOW"
    NOT_SEEN = "NOT_SEEN"
    BUFFER = "BUFFER"
    CANCELLED = "CANCELLED"
    EXPIRED = "EXPIRED"


class Action(StrEnum):
    BOOK = "book"
    BOOK_ARRIVED = "book_arrived"
    HOLD = "hold"
    PROMOTE = "promote"
    ADMIT_EMERGENCY = "admit_emergency"
    BECOME_EMERGENCY = "become_emergency"
    CONFIRM = "confirm"
    EXPIRE = "expire"
    CHECK_IN = "check_in"
    CALL = "call"
    RECALL = "recall"
    START = "start"
    REQUEUE = "requeue"
    SKIP = "skip"
    LET_PASS = "let_pass"  # noqa: S105 - not a password
    COMPLETE = "complete"
    STEP_OUT = "step_out"
    STEP_IN = "step_in"
    NO_SHOW = "no_show"
    REINSTATE = "reinstate"
    END_GRACE = "end_grace"
    END_ABSENT = "end_absent"
    END_UNSEEN = "end_unseen"
    CANCEL = "cancel"
    CANCEL_WITH_SLOT = "cancel_with_slot"
    BUFFER = "buffer"
    RELEASE_BUFFER = "release_buffer"
    TRIAGE = "triage"
    RECLASSIFY_HELD = "reclassify_held"
    RECLASSIFY = "reclassify"
    RECLASSIFY_ARRIVED = "reclassify_arrived"
    MOVE_HELD = "move_held"
    MOVE = "move"
    MOVE_ARRIVED = "move_arrived"
    MOVE_STEPPED_OUT = "move_stepped_out"


class StepOutReason(StrEnum):
    """Why a patient steps out."""

    LAB = "LAB"
    XRAY = "XRAY"
    PAYMENT = "PAYMENT"
    WASHROOM = "WASHROOM"
    OTHER = "OTHER"


QUEUED = frozenset({Status.PENDING, Status.CONFIRMED, Status.CHECKED_IN})
"""The token is in the slot's queue."""

LIVE = QUEUED | {Status.CALLED, Status.IN_CONSULTATION, Status.STEPPED_OUT}
"""The token is always live; a NO_SHOW is live only while its grace runs."""

SEATED = LIVE | {Status.COMPLETED, Status.BUFFER}
"""The token always holds a seat; a NO_SHOW holds one only while its grace runs."""

HAS_ROOM = frozenset({Status.CALLED, Status.IN_CONSULTATION, Status.COMPLETED})
"""The token keeps the room that the patient was called to; in every other state it has none."""


@dataclass(frozen=True, slots=True)
class Move:
    """A row of the table: the states that the action may start from (none: it creates the token), the state that it
    leads to, and the type of its event.
    """

    sources: frozenset[Status]
    target: Status
    event: str
    meaning: str


def _move(target: Status, event: str, meaning: str, *sources: Status) -> Move:
    return Move(frozenset(sources), target, f"token.{event}", meaning)


RECLASSIFIED = "the category changes, and with it the priority"

MOVES: dict[Action, Move] = {
    Action.BOOK: _move(Status.CONFIRMED, "booked", "a seat is booked"),
    Action.BOOK_ARRIVED: _move(Status.CHECKED_IN, "booked", "the desk books for a patient who is present"),
    Action.HOLD: _move(Status.PENDING, "held", "a seat is held until `expires_at`"),
    Action.PROMOTE: _move(Status.CONFIRMED, "promoted", "the best waiting-list entry gets a freed seat"),
    Action.ADMIT_EMERGENCY: _move(Status.CHECKED_IN, "emergency_admitted", "an emergency arrives"),
    Action.BECOME_EMERGENCY: _move(
        Status.CHECKED_IN, "became_emergency", "a booked patient becomes an emergency", *QUEUED
    ),
    Action.CONFIRM: _move(Status.CONFIRMED, "confirmed", "the hold is confirmed in time", Status.PENDING),
    Action.EXPIRE: _move(Status.EXPIRED, "expired", "the hold ran out; the seat is freed", Status.PENDING),
    Action.CHECK_IN: _move(Status.CHECKED_IN, "checked_in", "the patient is here", Status.CONFIRMED),
    Action.CALL: _move(Status.CALLED, "called", "the patient is called in", Status.CONFIRMED, Status.CHECKED_IN),
    Action.RECALL: _move(Status.CALLED, "recalled", "the patient is called once more", Status.CALLED),
    Action.START: _move(Status.IN_CONSULTATION, "started", "the consultation begins", Status.CALLED),
    Action.REQUEUE: _move(
        Status.CHECKED_IN, "requeued", "a called patient did not appear: back at the old priority", Status.CALLED
    ),
    Action.SKIP: _move(
        Status.CHECKED_IN,
        "skipped",
        "a called patient did not appear: back into the queue behind the next few; too often: a no-show",
        Status.CALLED,
    ),
    Action.LET_PASS: _move(
        Status.CHECKED_IN, "let_pass", "the patient lets some of those behind go ahead", Status.CHECKED_IN
    ),
    Action.COMPLETE: _move(Status.COMPLETED, "completed", "the consultation is over", Status.IN_CONSULTATION),
    Action.STEP_OUT: _move(
        Status.STEPPED_OUT,
        "stepped_out",
        "the patient goes to the laboratory, for example, and is expected back by `returns_by`",
        Status.CHECKED_IN,
        Status.CALLED,
        Status.IN_CONSULTATION,
    ),
    Action.STEP_IN: _move(
        Status.CHECKED_IN, "stepped_in", "the patient is back: in the queue at the old priority", Status.STEPPED_OUT
    ),
    Action.NO_SHOW: _move(
        Status.NO_SHOW,
        "no_show",
        "the patient is missing; the seat is kept until `grace_expires_at`",
        Status.CONFIRMED,
        Status.CHECKED_IN,
        Status.CALLED,
    ),
    Action.REINSTATE: _move(
        Status.CHECKED_IN, "reinstated", "the patient turned up in the grace: back at the old priority", Status.NO_SHOW
    ),
    Action.END_GRACE: _move(Status.NO_SHOW, "grace_ended", "the grace ran out; the seat is freed", Status.NO_SHOW),
    Action.END_ABSENT: _move(
        Status.NO_SHOW, "no_show", "the slot ended and the patient did not come: no grace", Status.CONFIRMED
    ),
    Action.END_UNSEEN: _move(
        Status.NOT_SEEN,
        "not_seen",
        "the slot ended before the patient was seen; the seat is freed",
        Status.CHECKED_IN,
        Status.STEPPED_OUT,
    ),
    Action.CANCEL: _move(
        Status.CANCELLED,
        "cancelled",
        "the token is cancelled; the seat is freed",
        Status.PENDING,
        Status.CONFIRMED,
        Status.CHECKED_IN,
        Status.CALLED,
        Status.BUFFER,
    ),
    Action.CANCEL_WITH_SLOT: _move(
        Status.CANCELLED,
        "cancelled_with_slot",
        "the slot is cancelled",
        Status.PENDING,
        Status.CONFIRMED,
        Status.CHECKED_IN,
        Status.CALLED,
        Status.STEPPED_OUT,
        Status.NO_SHOW,
        Status.BUFFER,
    ),
    Action.BUFFER: _move(
        Status.BUFFER,
        "buffered",
        "the desk cancels and keeps the seat for a short while",
        Status.CONFIRMED,
        Status.CHECKED_IN,
    ),
    Action.RELEASE_BUFFER: _move(
        Status.CANCELLED, "buffer_released", "the kept seat is booked by the desk, or its time is over", Status.BUFFER
    ),
    Action.RECLASSIFY_HELD: _move(Status.PENDING, "reclassified", RECLASSIFIED, Status.PENDING),
    Action.RECLASSIFY: _move(Status.CONFIRMED, "reclassified", RECLASSIFIED, Status.CONFIRMED),
    Action.RECLASSIFY_ARRIVED: _move(Status.CHECKED_IN, "reclassified", RECLASSIFIED, Status.CHECKED_IN),
    Action.MOVE_HELD: _move(Status.PENDING, "moved", "to another slot of the day", Status.PENDING),
    Action.MOVE: _move(
        Status.CONFIRMED,
        "moved",
        "to another slot; to another day, whatever the status was",
        Status.PENDING,
        Status.CONFIRMED,
        Status.CHECKED_IN,
        Status.STEPPED_OUT,
    ),
    Action.MOVE_ARRIVED: _move(
        Status.CHECKED_IN,
        "moved",
        "to another slot of the day; a patient who stepped out, when the slot ends",
        Status.CHECKED_IN,
        Status.STEPPED_OUT,
    ),
    Action.MOVE_STEPPED_OUT: _move(Status.STEPPED_OUT, "moved", "to another slot of the day", Status.STEPPED_OUT),
    Action.TRIAGE: _move(Status.CHECKED_IN, "triaged", "an emergency's acuity is set", Status.CHECKED_IN),
}


UNDOABLE = frozenset(
    {
        Action.CHECK_IN,
        Action.CALL,
        Action.START,
        Action.COMPLETE,
        Action.SKIP,
        Action.STEP_OUT,
        Action.STEP_IN,
        Action.NO_SHOW,
        Action.CANCEL,
        Action.BUFFER,
    }
)
"""The actions that can be undone for a short while, if nothing has happened to the token since."""

UNDOABLE_EVENTS = frozenset(MOVES[action].event for action in UNDOABLE)
UNDONE = "token.undone"

RECLASSIFY_FROM = {
    Status.PENDING: Action.RECLASSIFY_HELD,
    Status.CONFIRMED: Action.RECLASSIFY,
    Status.CHECKED_IN: Action.RECLASSIFY_ARRIVED,
}
MOVE_TO = {
    Status.PENDING: Action.MOVE_HELD,
    Status.CONFIRMED: Action.MOVE,
    Status.CHECKED_IN: Action.MOVE_ARRIVED,
    Status.STEPPED_OUT: Action.MOVE_STEPPED_OUT,
}


def holds_seat(*, status: str, in_grace: bool) -> bool:
    """Return whether a token in this state counts against the slot's capacity."""
    return status in SEATED or (status == Status.NO_SHOW and in_grace)


def allows(*, action: Action, status: str) -> bool:
    """Return whether `action` may start from `status`."""
    return status in MOVES[action].sources

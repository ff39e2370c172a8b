"""A doctor's whole morning: advance bookings, walk-ins, a late start, an emergency and an absent patient."""

from demonstration.clinic import Clinic, Thing
from demonstration.outcome import expect, expect_true

BOOKED_AHEAD = ("ONLINE", "FOLLOWUP", "ONLINE", "PRIORITY_PAID", "ONLINE", "FOLLOWUP", "ONLINE", "ONLINE")
SEATS = 12


class Morning:
    """The slot, the patient in the room and the diary of the morning."""

    def __init__(self, *, clinic: Clinic) -> None:
        self.clinic = clinic
        self.slot = clinic.slot(start="09:00", end="11:00", seats=SEATS)
        self.diary: list[tuple[str, str, str]] = []
        self.room: Thing | None = None

    def note(self, what: str, token: Thing | None = None) -> None:
        """Add a line to the diary."""
        self.diary.append((what, token["ticket"] if token else "", token["patient_name"] if token else ""))

    def see_next(self) -> Thing:
        """Complete the consultation in progress, then call the next patient and start theirs."""
        if self.room:
            done = self.clinic.act(self.room, "complete")
            self.note("seen", done)
        called = self.clinic.call_next(self.slot)
        self.room = self.clinic.act(called, "start")
        self.note("goes in", self.room)
        return self.room


def whole_morning(clinic: Clinic) -> None:
    """A morning from the first booking to the last patient; every seat, ticket and event is accounted for."""
    day = Morning(clinic=clinic)
    booked = [clinic.book(day.slot, clinic.patient(), category) for category in BOOKED_AHEAD]
    day.note(f"{len(booked)} booked ahead")
    clinic.delay(day.slot, 20)
    day.note("the doctor is 20 minutes late")
    walk_ins = [clinic.book(day.slot, clinic.patient(), "WALKIN", arrived=True) for _ in range(SEATS - len(booked))]
    waiting = [clinic.queue_up(day.slot, clinic.patient(), "WALKIN") for _ in range(2)]
    day.note(f"{len(walk_ins)} walk-ins take the last seats, {len(waiting)} join the waiting list")
    cancelled = booked[2]
    promoted = clinic.cancel(cancelled)["promoted"]
    expect("A cancellation promotes one waiting patient", seen=len(promoted), wanted=1)
    day.note("cancels by phone, the first on the waiting list gets the seat", cancelled)
    absent = booked[6]
    for token in booked:
        if token["id"] not in (cancelled["id"], absent["id"]):
            clinic.act(token, "check_in")
    clinic.act({"id": promoted[0]}, "check_in")
    queue = clinic.show_queue(day.slot, "Before the doctor starts")
    expect("The queue holds all seats", seen=len(queue), wanted=SEATS)
    first = clinic.board.clock(queue[0]["estimated_time"])
    expect("The first patient is expected after the delay", seen=first, wanted="09:20")

    seen = [day.see_next() for _ in range(2)]
    expect("The paid priority goes in first", seen=seen[0]["category"], wanted="PRIORITY_PAID")
    urgent = clinic.emergency(day.slot, clinic.patient(name="Emil Emergency"), acuity=2, reason="asthma")["token"]
    day.note("is brought in as an emergency", urgent)
    expect("The emergency is the next to go in", seen=day.see_next()["id"], wanted=urgent["id"])
    vanished = clinic.call_next(day.slot)
    clinic.act(vanished, "requeue")
    day.note("called, not present, back in the queue", vanished)
    expect("Requeued at the old priority", seen=clinic.queue(day.slot)[0]["id"], wanted=vanished["id"])
    clinic.act(absent, "no_show")
    day.note("never came", absent)
    while any(token["status"] == "CHECKED_IN" for token in clinic.queue(day.slot)):
        day.see_next()
    if day.room:
        day.note("seen", clinic.act(day.room, "complete"))
    clinic.refused(f"slots/{day.slot['id']}/call_next/", code="queue-empty")
    clinic.client.post(f"slots/{day.slot['id']}/close/")
    day.note("the doctor closes the morning")
    clinic.board.table("The diary of the morning", ("What happened", "Ticket", "Patient"), day.diary)
    _account_for(clinic, day, absent)


def _account_for(clinic: Clinic, day: Morning, absent: Thing) -> None:
    tokens = clinic.tokens(day.slot)
    clinic.board.queue(tokens, title="Every ticket of the morning")
    expect("Every ticket is different", seen=len({token["ticket"] for token in tokens}), wanted=len(tokens))
    by_status: dict[str, int] = {}
    for token in tokens:
        by_status[token["status"]] = by_status.get(token["status"], 0) + 1
    # 12 seats, one of them of the no-show, plus the emergency; one token was cancelled.
    wanted = {"COMPLETED": SEATS, "CANCELLED": 1, "NO_SHOW": 1}
    # If the grace period lasts only seconds it may have ended, and the last waiting patient has the seat.
    if by_status.get("CONFIRMED"):
        wanted["CONFIRMED"] = 1
    expect("Every token has the expected status", seen=by_status, wanted=wanted)
    expect("The absent patient is a no-show", seen=clinic.token_now(absent)["status"], wanted="NO_SHOW")
    closed = clinic.slot_now(day.slot)
    expect("The slot is closed", seen=closed["status"], wanted="CLOSED")
    expect("Nobody waits for a closed slot", seen=closed["waiting_count"], wanted=0)
    events = clinic.client.get("events/", slot=day.slot["id"], page_size=200)["results"]
    logged = {event["token"] for event in events}
    expect_true("The log has events of every token", {token["id"] for token in tokens} <= logged)
    clinic.board.say(f"The engine's log holds {len(events)} events of this slot.")

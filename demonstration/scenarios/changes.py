"""Changes of a booking: a move to another doctor, and undoing a wrong click."""

from demonstration.clinic import Clinic, Thing
from demonstration.outcome import expect, expect_true

KEPT = ("id", "ticket", "status", "priority", "arrived_at")


def move_to_another_doctor(clinic: Clinic) -> None:
    """A patient moves to another doctor and keeps ticket and priority; the freed seat is filled at once."""
    other = clinic.new_doctor("Other Doctor")
    here = clinic.slot(start="10:00", end="11:00", seats=2)
    there = clinic.slot(start="10:00", end="11:00", seats=2, doctor=other)
    moving = clinic.book(here, clinic.patient(name="Mohan Moves"), "FOLLOWUP", arrived=True)
    stays = clinic.book(here, clinic.patient(name="Stefan Stays"), "WALKIN", arrived=True)
    clinic.book(there, clinic.patient(name="Walter Walk-in"), "WALKIN", arrived=True)
    entry = clinic.queue_up(here, clinic.patient(name="Wanda Waiting"), "ONLINE")
    clinic.show_queue(here, f"{clinic.doctor['name']} is full, and a patient waits")

    answer = clinic.move(moving, there)
    moved = answer["token"]
    expect("The token is in the other slot", seen=moved["slot"], wanted=there["id"])
    expect("The patient keeps ticket, status and priority", seen=_kept(moved), wanted=_kept(moving))
    queue = clinic.show_queue(there, f"{moved['patient_name']} has moved to {other['name']}")
    expect("The priority counts in the other queue too", seen=queue[0]["id"], wanted=moving["id"])
    promoted = clinic.token_now({"id": answer["promoted"][0]})
    expect("The freed seat goes to the waiting patient", seen=promoted["patient"], wanted=entry["patient"])
    held = [clinic.slot_now(slot)["current_capacity"] for slot in (here, there)]
    expect("No seat is lost", seen=held, wanted=[2, 2])

    before = clinic.queue(here), clinic.queue(there)
    clinic.refused(f"tokens/{stays['id']}/move/", {"slot_id": there["id"]}, code="slot-full")
    expect("A move that is refused changes nothing", seen=(clinic.queue(here), clinic.queue(there)), wanted=before)
    clinic.board.say(f"{other['name']} is full now: the next move is refused, and nobody loses a seat.")
    events = clinic.client.get("events/", token=moving["id"])["results"]
    expect_true("The log shows the move", "token.moved" in {event["type"] for event in events})


def undo(clinic: Clinic) -> None:
    """A wrong click is taken back: call, no-show, cancellation; refused once somebody has the seat."""
    slot = clinic.slot(start="10:00", end="11:00", seats=3)
    for name in ("Asha", "Bina", "Chandra"):
        clinic.book(slot, clinic.patient(name=f"{name} Rao"), "WALKIN", arrived=True)
    queue = clinic.show_queue(slot, "Three patients wait")
    first, second, third = queue

    wrong = clinic.act(third, "call")
    if wrong["undo_until"] is None:
        clinic.board.say("This facility does not allow undo (the rule undo_seconds is 0).")
        return
    until = clinic.board.clock(wrong["undo_until"], seconds=True)
    clinic.board.say(f"{wrong['patient_name']} is called by mistake; that can be undone until {until}.")
    clinic.act(second, "no_show")
    clinic.cancel(first)
    for token in queue:
        back = clinic.act(token, "undo")
        expect("After the undo the token is as before", seen=_kept(back), wanted=_kept(token))
    after = clinic.show_queue(slot, "Call, no-show and cancellation are undone")
    expect("The queue is as before", seen=[_state(t) for t in after], wanted=[_state(t) for t in queue])
    expect("Every seat is held again", seen=clinic.slot_now(slot)["current_capacity"], wanted=3)
    clinic.refused(f"tokens/{first['id']}/undo/", code="undo-impossible")
    clinic.board.say("An undo cannot be undone.")

    clinic.queue_up(slot, clinic.patient(name="Wanda Waiting"), "ONLINE")
    promoted = clinic.cancel(third)["promoted"]
    expect("The freed seat goes to the waiting patient", seen=len(promoted), wanted=1)
    clinic.refused(f"tokens/{third['id']}/undo/", code="undo-impossible")
    clinic.board.say("A cancellation by which somebody got a seat cannot be undone either.")
    events = clinic.client.get("events/", token=first["id"])["results"]
    types = [event["type"] for event in events[-2:]]
    expect("The log keeps the action and its undo", seen=types, wanted=["token.cancelled", "token.undone"])


def _kept(token: Thing) -> dict[str, object]:
    return {name: token[name] for name in KEPT}


def _state(token: Thing) -> dict[str, object]:
    return {name: token[name] for name in (*KEPT, "token_number", "times_called", "called_at", "grace_expires_at")}

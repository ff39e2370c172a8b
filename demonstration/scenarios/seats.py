"""Seats that come free, and those who wait for them."""

from demonstration.clinic import Clinic
from demonstration.outcome import expect


def cancellation_and_promotion(clinic: Clinic) -> None:
    """A cancelled seat goes to the best on the waiting list at once; an empty list lets the desk keep the seat."""
    slot = clinic.slot(start="10:00", end="11:00", seats=2)
    leaves = clinic.book(slot, clinic.patient(name="Leela Leaves"), "ONLINE")
    stays = clinic.book(slot, clinic.patient(name="Stefan Stays"), "ONLINE")
    clinic.queue_up(slot, clinic.patient(name="Walter Walk-in"), "WALKIN")
    paid = clinic.queue_up(slot, clinic.patient(name="Priya Paid"), "PRIORITY_PAID")
    waiting = clinic.show_waiting(slot, "Both seats are taken; two patients wait")
    expect("The better tier waits in front", seen=waiting[0]["id"], wanted=paid["id"])

    answer = clinic.cancel(leaves)
    expect("One cancellation promotes one patient", seen=len(answer["promoted"]), wanted=1)
    promoted = clinic.client.get(f"tokens/{answer['promoted'][0]}/")
    expect("The best on the list is promoted", seen=promoted["patient"], wanted=paid["patient"])
    expect("A promoted patient is confirmed", seen=promoted["status"], wanted="CONFIRMED")
    expect("and keeps the priority of the request", seen=promoted["priority"], wanted=paid["priority"])
    clinic.show_queue(slot, f"{leaves['patient_name']} cancelled; {promoted['patient_name']} has the seat")
    clinic.refused(f"tokens/{leaves['id']}/", code="invalid-transition", method="DELETE")

    clinic.cancel(promoted)
    expect("The list is empty now", seen=clinic.waiting(slot), wanted=[])
    kept = clinic.cancel(stays, keep_seat=True)["token"]
    expect("With nobody waiting the desk may keep the seat", seen=kept["status"], wanted="BUFFER")
    expect("A kept seat is still held", seen=clinic.slot_now(slot)["current_capacity"], wanted=2)
    clinic.board.say("Nobody waits, so the desk keeps the seat for a short while. The public cannot book it.")
    clinic.book(slot, clinic.patient(name="Dora Desk"), "WALKIN", arrived=True)
    expect("A desk booking takes the kept seat", seen=clinic.token_now(kept)["status"], wanted="CANCELLED")
    clinic.board.queue(clinic.tokens(slot), title="Every token of the slot in the end")
    expect("Nobody too many", seen=clinic.slot_now(slot)["current_capacity"], wanted=2)


def overflow_and_waiting_list(clinic: Clinic) -> None:
    """Six want three seats; the rest wait in order; two more seats are opened; no seat can be taken away."""
    slot = clinic.slot(start="10:00", end="11:00", seats=3)
    people = [clinic.patient() for _ in range(6)]
    tokens = [clinic.book(slot, person, "ONLINE") for person in people[:3]]
    categories = ("WALKIN", "ONLINE", "FOLLOWUP")
    entries = [clinic.queue_up(slot, who, what) for who, what in zip(people[3:], categories, strict=True)]
    waiting = clinic.show_waiting(slot, "Three have a seat, three wait")
    best_first = [entry["id"] for entry in reversed(entries)]
    expect("Follow-up before online before walk-in", seen=[one["id"] for one in waiting], wanted=best_first)

    stranger = {"slot_id": slot["id"], "patient_id": clinic.patient()["id"], "category": "WALKIN"}
    clinic.refused("tokens/", {**stranger, "join_waiting_list": False}, code="slot-full")
    twice = {"slot_id": slot["id"], "patient_id": people[0]["id"], "category": "ONLINE"}
    clinic.refused("tokens/", twice, code="duplicate-booking")
    clinic.board.say("Refused: a seat without the waiting list (slot-full), and a second booking (duplicate-booking).")

    page = clinic.client.send("GET", f"slots/{slot['id']}/", want=200)
    change = {"json": {"max_capacity": 5}, "headers": {"If-Match": page.headers["etag"]}}
    raised = clinic.client.send("PATCH", f"slots/{slot['id']}/", want=200, **change).json()
    expect("Two more seats are filled at once", seen=raised["current_capacity"], wanted=5)
    expect("One still waits", seen=raised["waiting_count"], wanted=1)
    clinic.show_queue(slot, "Two seats more: the two best were promoted at once")
    clinic.refused(f"slots/{slot['id']}/", {"max_capacity": 4}, code="capacity-in-use", method="PATCH")
    last = clinic.show_waiting(slot, "Who still waits")
    expect("The walk-in waits on", seen=[entry["id"] for entry in last], wanted=[entries[0]["id"]])
    statuses = {clinic.token_now(token)["status"] for token in tokens}
    expect("Nobody lost a seat", seen=statuses, wanted={"CONFIRMED"})

"""Free seats and the waiting list."""

from demonstration.clinic import Clinic
from demonstration.outcome import expect


def cancellation_and_promotion(clinic: Clinic) -> None:
    """A cancelled seat goes at once to the first on the waiting list; if nobody waits, the desk may keep the seat."""
    slot = clinic.slot(start="10:00", end="11:00", seats=2)
    leaves = clinic.book(slot, clinic.patient(name="Leela Leaves"), "ONLINE")
    stays = clinic.book(slot, clinic.patient(name="Stefan Stays"), "ONLINE")
    clinic.queue_up(slot, clinic.patient(name="Walter Walk-in"), "WALKIN")
    paid = clinic.queue_up(slot, clinic.patient(name="Priya Paid"), "PRIORITY_PAID")
    waiting = clinic.show_waiting(slot, "Both seats are taken; two patients wait")
    expect("The higher tier is first on the waiting list", seen=waiting[0]["id"], wanted=paid["id"])

    answer = clinic.cancel(leaves)
    expect("One cancellation promotes one patient", seen=len(answer["promoted"]), wanted=1)
    promoted = clinic.client.get(f"tokens/{answer['promoted'][0]}/")
    expect("The first on the waiting list is promoted", seen=promoted["patient"], wanted=paid["patient"])
    expect("A promoted patient is confirmed", seen=promoted["status"], wanted="CONFIRMED")
    expect("A promoted patient keeps the priority of the request", seen=promoted["priority"], wanted=paid["priority"])
    clinic.show_queue(slot, f"{leaves['patient_name']} cancelled; {promoted['patient_name']} has the seat")
    clinic.refused(f"tokens/{leaves['id']}/", code="invalid-transition", method="DELETE")

    clinic.cancel(promoted)
    expect("The waiting list is empty", seen=clinic.waiting(slot), wanted=[])
    kept = clinic.cancel(stays, keep_seat=True)["token"]
    expect("If nobody waits, the desk may keep the seat", seen=kept["status"], wanted="BUFFER")
    expect("A kept seat is still held", seen=clinic.slot_now(slot)["current_capacity"], wanted=2)
    clinic.board.say("Nobody waits, so the desk keeps the seat for a short while. The public cannot book it.")
    clinic.book(slot, clinic.patient(name="Dora Desk"), "WALKIN", arrived=True)
    expect("A desk booking takes the kept seat", seen=clinic.token_now(kept)["status"], wanted="CANCELLED")
    clinic.board.queue(clinic.tokens(slot), title="Every token of the slot at the end")
    expect("The slot is not over its maximum", seen=clinic.slot_now(slot)["current_capacity"], wanted=2)


def overflow_and_waiting_list(clinic: Clinic) -> None:
    """Six patients request three seats; three wait in order; two more seats promote two; held seats cannot be cut."""
    slot = clinic.slot(start="10:00", end="11:00", seats=3)
    patients = [clinic.patient() for _ in range(6)]
    tokens = [clinic.book(slot, patient, "ONLINE") for patient in patients[:3]]
    categories = ("WALKIN", "ONLINE", "FOLLOWUP")
    entries = [clinic.queue_up(slot, *each) for each in zip(patients[3:], categories, strict=True)]
    waiting = clinic.show_waiting(slot, "Three have a seat, three wait")
    by_priority = [entry["id"] for entry in reversed(entries)]
    expect("Follow-up before online before walk-in", seen=[one["id"] for one in waiting], wanted=by_priority)

    seventh = {"slot_id": slot["id"], "patient_id": clinic.patient()["id"], "category": "WALKIN"}
    clinic.refused("tokens/", {**seventh, "join_waiting_list": False}, code="slot-full")
    duplicate = {"slot_id": slot["id"], "patient_id": patients[0]["id"], "category": "ONLINE"}
    clinic.refused("tokens/", duplicate, code="duplicate-booking")
    clinic.board.say("Refused: a seat without the waiting list (slot-full), and a second booking (duplicate-booking).")

    page = clinic.client.send("GET", f"slots/{slot['id']}/", want=200)
    change = {"json": {"max_capacity": 5}, "headers": {"If-Match": page.headers["etag"]}}
    raised = clinic.client.send("PATCH", f"slots/{slot['id']}/", want=200, **change).json()
    expect("Two more seats are filled at once", seen=raised["current_capacity"], wanted=5)
    expect("One patient still waits", seen=raised["waiting_count"], wanted=1)
    clinic.show_queue(slot, "Two more seats: the first two of the waiting list were promoted at once")
    clinic.refused(f"slots/{slot['id']}/", {"max_capacity": 4}, code="capacity-in-use", method="PATCH")
    last = clinic.show_waiting(slot, "The waiting list afterwards")
    expect("The walk-in patient still waits", seen=[entry["id"] for entry in last], wanted=[entries[0]["id"]])
    statuses = {clinic.token_now(token)["status"] for token in tokens}
    expect("Nobody lost a seat", seen=statuses, wanted={"CONFIRMED"})

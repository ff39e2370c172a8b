"""The order of the queue: five tiers, the bonuses for early booking and for care, and emergencies first."""

from demonstration.clinic import Clinic
from demonstration.outcome import expect, expect_true


def priority_order(clinic: Clinic) -> None:
    """Patients book in reverse order of priority; the queue sorts them by tier, then by how early they booked."""
    slot = clinic.slot(start="10:00", end="12:00", seats=8)
    elder = clinic.patient(name="Savitri Rao (78)", date_of_birth="1947-03-02")
    frail = clinic.patient(name="Mohan Das (needs help)", needs_assistance=True)
    booked = [
        ("walk-in", clinic.book(slot, clinic.patient(name="Walter Walk-in"), "WALKIN"), 4.10),
        ("elderly walk-in", clinic.book(slot, elder, "WALKIN"), 4.01),
        ("online", clinic.book(slot, clinic.patient(name="Olivia Online"), "ONLINE"), 3.10),
        ("online, needs assistance", clinic.book(slot, frail, "ONLINE"), 3.01),
        ("follow-up", clinic.book(slot, clinic.patient(name="Farid Follow-up"), "FOLLOWUP"), 2.10),
        ("paid priority", clinic.book(slot, clinic.patient(name="Priya Paid"), "PRIORITY_PAID"), 1.10),
    ]
    clinic.board.say("They booked in this order: " + ", ".join(label for label, _, _ in booked) + ".")
    for label, token, wanted in booked:
        expect(f"Priority of the {label} patient", seen=token["priority"], wanted=wanted)
    queue = clinic.show_queue(slot, "The queue puts them in this order")
    by_priority = [token["id"] for _, token, _ in sorted(booked, key=lambda row: row[2])]
    expect("The queue is in order of priority", seen=[token["id"] for token in queue], wanted=by_priority)
    tickets = [token["ticket"] for _, token, _ in booked]
    expect("Tickets are numbered in booking order", seen=sorted(tickets), wanted=tickets)

    soon = clinic.slot_from_now(start_minutes=121, end_minutes=181, seats=2)
    two_hours = clinic.book(soon, clinic.patient(name="Tara Two-hours"), "ONLINE")
    expect("The priority of an online booking two hours ahead", seen=two_hours["priority"], wanted=3.8)
    why = clinic.client.get(f"tokens/{two_hours['id']}/explain/")
    parts = ("base", "time_bonus", "care_bonus", "priority", "token_number")
    clinic.board.table("Why a booking two hours ahead has 3.80", parts, [[why[part] for part in parts]])
    expect("The priority is the base minus the bonuses", seen=float(why["priority"]), wanted=3.8)


def emergency(clinic: Clinic) -> None:
    """A full slot admits two emergencies; triage orders them; neither overtakes the patient who has been called."""
    slot = clinic.slot(start="10:00", end="11:00", seats=4)
    called = clinic.book(slot, clinic.patient(), "WALKIN", arrived=True)
    others = [clinic.book(slot, clinic.patient(), category) for category in ("FOLLOWUP", "ONLINE", "WALKIN")]
    entry = clinic.queue_up(slot, clinic.patient(name="Wanda Waiting"), "ONLINE")
    expect("The first patient who has arrived is called", seen=clinic.call_next(slot)["id"], wanted=called["id"])
    clinic.show_queue(slot, "The slot is full, one patient has been called")

    first = clinic.emergency(slot, clinic.patient(name="Chest Pain"), reason="chest pain")
    expect("An emergency without acuity is first in the queue", seen=first["token"]["token_number"], wanted=1)
    expect("An emergency has priority 1.00", seen=first["token"]["priority"], wanted=1.0)
    expect("It pushes back those in the queue", seen=first["affected_count"], wanted=len(others))
    second = clinic.emergency(slot, clinic.patient(name="Broken Arm"))
    expect("The newest emergency without acuity is first", seen=second["token"]["token_number"], wanted=1)
    clinic.show_queue(slot, "Two emergencies, the newest first")

    clinic.act(second["token"], "triage", acuity=3)
    clinic.act(first["token"], "triage", acuity=1)
    queue = clinic.show_queue(slot, "After triage: the chest pain (1) before the arm (3)")
    wanted = [first["token"]["id"], second["token"]["id"], *(token["id"] for token in others)]
    expect("Acuity decides among emergencies", seen=[token["id"] for token in queue], wanted=wanted)
    expect("The called patient stays called", seen=clinic.token_now(called)["status"], wanted="CALLED")

    over = clinic.slot_now(slot)
    expect("Emergencies take the slot over its maximum", seen=over["current_capacity"], wanted=6)
    expect("Free seats are never below zero", seen=over["available_capacity"], wanted=0)
    promoted = clinic.cancel(others[0])["promoted"]
    expect("Nobody is promoted while the slot is over its maximum", seen=promoted, wanted=[])
    still_waiting = [one["id"] for one in clinic.waiting(slot)]
    expect_true("The waiting patient still waits", still_waiting == [entry["id"]])
    clinic.board.say("A cancellation while the slot is over its maximum promotes nobody yet.")

"""Deadlines: holds that expire, and no-shows whose grace period ends."""

from demonstration.clinic import Clinic
from demonstration.outcome import expect


def no_show_and_grace(clinic: Clinic) -> None:
    """A no-show keeps the seat during the grace period and, if reinstated in time, the place in the queue."""
    slot = clinic.slot_from_now(start_minutes=-20, end_minutes=120, seats=2)
    first = clinic.book(slot, clinic.patient(name="Nora No-show"), "FOLLOWUP", arrived=True)
    clinic.book(slot, clinic.patient(name="Paul Patient"), "WALKIN", arrived=True)
    entry = clinic.queue_up(slot, clinic.patient(name="Wanda Waiting"), "ONLINE")

    expect("The follow-up is called first", seen=clinic.call_next(slot)["id"], wanted=first["id"])
    gone = clinic.act(first, "no_show")
    expect("A no-show keeps the seat during the grace period", seen=clinic.slot_now(slot)["current_capacity"], wanted=2)
    until = clinic.board.clock(gone["grace_expires_at"])
    clinic.board.say(f"{gone['patient_name']} does not answer; the seat is kept until {until}.")
    back = clinic.act(first, "reinstate")
    same = (back["status"], back["ticket"], back["priority"], back["token_number"])
    wanted = ("CHECKED_IN", first["ticket"], first["priority"], 1)
    expect("Reinstated in time: same ticket, same priority, same place", seen=same, wanted=wanted)
    clinic.show_queue(slot, f"{back['patient_name']} came back in time and is reinstated")

    gone = clinic.act(first, "no_show")
    if not clinic.worth_waiting(gone["grace_expires_at"], what="The grace period ends"):
        return
    clinic.wait_past(gone["grace_expires_at"], until=lambda: not clinic.waiting(slot))
    clinic.refused(f"tokens/{first['id']}/reinstate/", code="grace-expired")
    clinic.client.post("tokens/", _late(clinic, slot), want=202)
    queue = clinic.show_queue(slot, "The grace period is over: the waiting patient got the seat")
    names = {token["patient"] for token in queue}
    expect("The waiting patient has the seat", seen=entry["patient"] in names, wanted=True)
    expect("A no-show stays a no-show", seen=clinic.token_now(first)["status"], wanted="NO_SHOW")


def hold_and_expiry(clinic: Clinic) -> None:
    """A seat is held while the patient pays; if it is not confirmed in time, the next patient gets it."""
    slot = clinic.slot(start="10:00", end="11:00", seats=2)
    paying = clinic.book(slot, clinic.patient(name="Prompt Payer"), "PRIORITY_PAID", hold=True)
    confirmed = clinic.act(paying, "confirm")
    expect("Confirmed in time", seen=confirmed["status"], wanted="CONFIRMED")
    held = clinic.book(slot, clinic.patient(name="Slow Sam"), "PRIORITY_PAID", hold=True)
    expect("A hold is pending", seen=held["status"], wanted="PENDING")
    entry = clinic.queue_up(slot, clinic.patient(name="Wanda Waiting"), "ONLINE")
    clinic.show_queue(slot, "One seat is confirmed, one is held; a third patient waits")

    if not clinic.worth_waiting(held["expires_at"], what="The hold expires"):
        return
    clinic.wait_past(held["expires_at"], until=lambda: clinic.token_now(held)["status"] == "EXPIRED")
    clinic.refused(f"tokens/{held['id']}/confirm/", code="hold-expired")
    clinic.client.post("tokens/", _late(clinic, slot), want=202)
    queue = clinic.show_queue(slot, "The hold has expired: the waiting patient got the seat")
    names = {token["patient"] for token in queue}
    expect("The waiting patient has the seat", seen=entry["patient"] in names, wanted=True)
    expect("The hold is expired", seen=clinic.token_now(held)["status"], wanted="EXPIRED")


def _late(clinic: Clinic, slot: dict[str, str]) -> dict[str, str]:
    """Return one more request for the slot: with a write the engine applies due deadlines even without workers."""
    return {"slot_id": slot["id"], "patient_id": clinic.patient(name="Lata Late")["id"], "category": "WALKIN"}

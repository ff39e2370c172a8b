"""What time does by itself: holds that expire and no-shows whose grace ends."""

from demonstration.clinic import Clinic
from demonstration.outcome import expect


def no_show_and_grace(clinic: Clinic) -> None:
    """A patient who does not answer keeps the seat for a while; coming back in time costs nothing."""
    slot = clinic.slot_from_now(start_minutes=-20, end_minutes=120, seats=2)
    first = clinic.book(slot, clinic.patient(name="Nora No-show"), "FOLLOWUP", arrived=True)
    clinic.book(slot, clinic.patient(name="Paul Patient"), "WALKIN", arrived=True)
    entry = clinic.queue_up(slot, clinic.patient(name="Wanda Waiting"), "ONLINE")

    expect("The follow-up is called first", seen=clinic.call_next(slot)["id"], wanted=first["id"])
    gone = clinic.act(first, "no_show")
    expect("A no-show keeps the seat during the grace", seen=clinic.slot_now(slot)["current_capacity"], wanted=2)
    until = clinic.board.clock(gone["grace_expires_at"])
    clinic.board.say(f"{gone['patient_name']} does not answer; the seat is kept until {until}.")
    back = clinic.act(first, "reinstate")
    same = (back["status"], back["ticket"], back["priority"], back["token_number"])
    wanted = ("CHECKED_IN", first["ticket"], first["priority"], 1)
    expect("Back in time: same ticket, same priority, same place", seen=same, wanted=wanted)
    clinic.show_queue(slot, f"{back['patient_name']} was only at the pharmacy, and is back")

    gone = clinic.act(first, "no_show")
    if not clinic.worth_waiting(gone["grace_expires_at"], what="The grace ends"):
        return
    clinic.wait_past(gone["grace_expires_at"], until=lambda: not clinic.waiting(slot))
    clinic.refused(f"tokens/{first['id']}/reinstate/", code="grace-expired")
    clinic.client.post("tokens/", _late(clinic, slot), want=202)
    queue = clinic.show_queue(slot, "The grace is over: the seat went to the one who waited")
    names = {token["patient"] for token in queue}
    expect("The waiting patient has the seat", seen=entry["patient"] in names, wanted=True)
    expect("A no-show stays a no-show", seen=clinic.token_now(first)["status"], wanted="NO_SHOW")


def hold_and_expiry(clinic: Clinic) -> None:
    """A seat held while somebody pays: confirmed in time it is theirs, otherwise it goes to the next."""
    slot = clinic.slot(start="10:00", end="11:00", seats=2)
    paying = clinic.book(slot, clinic.patient(name="Prompt Payer"), "PRIORITY_PAID", hold=True)
    confirmed = clinic.act(paying, "confirm")
    expect("Confirmed in time", seen=confirmed["status"], wanted="CONFIRMED")
    held = clinic.book(slot, clinic.patient(name="Slow Sam"), "PRIORITY_PAID", hold=True)
    expect("A hold is pending", seen=held["status"], wanted="PENDING")
    entry = clinic.queue_up(slot, clinic.patient(name="Wanda Waiting"), "ONLINE")
    clinic.show_queue(slot, "One confirmed, one held; a third patient waits")

    if not clinic.worth_waiting(held["expires_at"], what="The hold runs out"):
        return
    clinic.wait_past(held["expires_at"], until=lambda: clinic.token_now(held)["status"] == "EXPIRED")
    clinic.refused(f"tokens/{held['id']}/confirm/", code="hold-expired")
    clinic.client.post("tokens/", _late(clinic, slot), want=202)
    queue = clinic.show_queue(slot, "The hold ran out: the seat went to the one who waited")
    names = {token["patient"] for token in queue}
    expect("The waiting patient has the seat", seen=entry["patient"] in names, wanted=True)
    expect("The hold is expired", seen=clinic.token_now(held)["status"], wanted="EXPIRED")


def _late(clinic: Clinic, slot: dict[str, str]) -> dict[str, str]:
    """One more request for the slot: a write, at which the engine applies what is due even without its workers."""
    return {"slot_id": slot["id"], "patient_id": clinic.patient(name="Lata Late")["id"], "category": "WALKIN"}

"""Calling patients: several rooms, patients who do not answer, and patients who have to leave the hall."""

from concurrent.futures import ThreadPoolExecutor

from demonstration.clinic import Clinic, Thing
from demonstration.outcome import expect, expect_true


def two_rooms(clinic: Clinic) -> None:
    """Two rooms call from one queue: never the same patient, one consultation in each, half the waiting time."""
    rooms = clinic.rooms(2)
    first, second = rooms
    slot = clinic.slot(start="10:00", end="11:00", seats=6, rooms=rooms)
    tokens = [clinic.book(slot, clinic.patient(), "WALKIN", arrived=True) for _ in range(6)]
    queue = clinic.show_queue(slot, "Six patients wait for two rooms")
    expected = [clinic.board.clock(token["estimated_time"]) for token in queue]
    wanted = ["10:00", "10:00", "10:10", "10:10", "10:20", "10:20"]
    expect("Two patients are expected at the same time", seen=expected, wanted=wanted)
    answer = clinic.client.send("POST", f"slots/{slot['id']}/call_next/", want=400, json={})
    expect("With two rooms a call names the room", seen=answer.json()["errors"][0]["field"], wanted="room")

    with ThreadPoolExecutor(max_workers=2) as pool:
        called = list(pool.map(lambda room: clinic.call_next(slot, room=room["id"]), rooms))
    _show_rooms(clinic, slot, "Both rooms called at the same moment")
    expect("Each room has its own patient", seen=[token["room"] for token in called], wanted=[r["id"] for r in rooms])
    expect("The first two are called", seen=_ids(called, in_order=False), wanted=_ids(tokens[:2], in_order=False))

    for token in called:
        clinic.act(token, "start")
    third = clinic.call_next(slot, room=first["id"], complete_current=True)
    expect("The third patient goes to the first room", seen=third["id"], wanted=tokens[2]["id"])
    expect("The token names the room", seen=third["room_name"], wanted=first["name"])
    statuses = [clinic.token_now(token)["status"] for token in called]
    expect("Only the first room completes", seen=statuses, wanted=["COMPLETED", "IN_CONSULTATION"])
    fourth = clinic.call_next(slot, room=first["id"])
    clinic.act(third, "start")
    clinic.refused(f"tokens/{fourth['id']}/start/", code="room-occupied")
    clinic.board.say(f"{fourth['patient_name']} is called to {first['name']}, which is occupied: not yet.")
    clinic.act(called[1], "complete")
    last = clinic.call_next(slot, room=second["id"])
    expect("A free room calls the next of the same queue", seen=last["id"], wanted=tokens[4]["id"])
    _show_rooms(clinic, slot, "A little later")


def recall_and_skip(clinic: Clinic) -> None:
    """A patient who does not answer is called again, then skipped; too many skips make a no-show."""
    slot = clinic.slot(start="10:00", end="12:00", seats=6)
    missing = clinic.book(slot, clinic.patient(name="Mira Missing"), "WALKIN", arrived=True)
    others = [clinic.book(slot, clinic.patient(), "WALKIN", arrived=True) for _ in range(5)]
    expect("The first patient is called", seen=clinic.call_next(slot)["id"], wanted=missing["id"])
    again = clinic.act(missing, "recall")
    expect("A recall calls once more", seen=(again["status"], again["times_called"]), wanted=("CALLED", 2))
    clinic.board.say(f"{again['patient_name']} was called {again['times_called']} times and does not answer.")

    now = clinic.act(missing, "skip")
    if now["status"] == "CHECKED_IN":
        queue = clinic.show_queue(slot, "Skipped: a few patients go first")
        places = now["token_number"] - 1
        expect_true("The next patients go first", places >= 1)
        wanted = _ids([*others[:places], missing, *others[places:]])
        expect("The others keep their order", seen=_ids(queue), wanted=wanted)
        expect("A skip leaves the priority as it is", seen=now["priority"], wanted=missing["priority"])
    skips = 1
    while now["status"] == "CHECKED_IN":
        clinic.act(missing, "call")
        now = clinic.act(missing, "skip")
        skips += 1
    expect("The last skip makes a no-show", seen=(now["status"], now["skips"]), wanted=("NO_SHOW", skips))
    clinic.board.say(f"Skip number {skips} makes a no-show; the seat is kept during the grace period.")
    clinic.refused(f"tokens/{missing['id']}/skip/", code="invalid-transition")
    back = clinic.act(missing, "reinstate")
    expect("Who appears in time is back in the queue", seen=back["status"], wanted="CHECKED_IN")
    clinic.show_queue(slot, f"{back['patient_name']} has come after all")


def lab_and_back(clinic: Clinic) -> None:
    """Patients go to the laboratory or to pay, keep their seats, and come back to where they were."""
    slot = clinic.slot(start="10:00", end="11:00", seats=4)
    sent = clinic.book(slot, clinic.patient(name="Lila Laboratory"), "WALKIN", arrived=True)
    expect("The first patient is called", seen=clinic.call_next(slot)["id"], wanted=sent["id"])
    clinic.act(sent, "start")
    paying = clinic.book(slot, clinic.patient(name="Pavan Payment"), "PRIORITY_PAID", arrived=True)
    waiting = [clinic.book(slot, clinic.patient(), "WALKIN", arrived=True) for _ in range(2)]

    out = clinic.act(sent, "step_out", reason="LAB", minutes=30)
    expect("The doctor sends the patient to the laboratory", seen=out["status"], wanted="STEPPED_OUT")
    until = clinic.board.clock(out["returns_by"])
    clinic.board.say(f"{out['patient_name']} is at the laboratory and is expected back by {until}.")
    clinic.act(paying, "step_out", reason="PAYMENT")
    queue = clinic.show_queue(slot, "Two patients have stepped out")
    expect("Who stepped out is not in the queue", seen=_ids(queue), wanted=_ids(waiting))
    expect("Their seats stay theirs", seen=clinic.slot_now(slot)["current_capacity"], wanted=4)
    clinic.refused(f"tokens/{sent['id']}/call/", code="invalid-transition")
    called = clinic.call_next(slot)
    expect("The doctor goes on with the next patient", seen=called["id"], wanted=waiting[0]["id"])
    clinic.act(called, "start")

    back = clinic.act(paying, "step_in")
    same = (back["token_number"], back["priority"])
    expect("From the hall, a patient comes back at the old priority", seen=same, wanted=(1, paying["priority"]))
    clinic.act(sent, "step_in")
    queue = clinic.show_queue(slot, "Both are back; the one from the consultation goes first")
    wanted = _ids([sent, paying, waiting[1]])
    expect("Back from the consultation ahead of all but emergencies", seen=_ids(queue), wanted=wanted)
    again = clinic.call_next(slot, complete_current=True)
    expect("The doctor sees the results next", seen=again["id"], wanted=sent["id"])
    clinic.act(sent, "start")
    expect("The consultation ends", seen=clinic.act(sent, "complete")["status"], wanted="COMPLETED")


def _ids(tokens: list[Thing], *, in_order: bool = True) -> list[str]:
    ids = [token["id"] for token in tokens]
    return ids if in_order else sorted(ids)


def _show_rooms(clinic: Clinic, slot: Thing, title: str) -> None:
    tokens = [token for token in clinic.tokens(slot) if token["room"]]
    rows = [(token["room_name"], token["ticket"], token["patient_name"], token["status"]) for token in tokens]
    clinic.board.table(title, ("Room", "Ticket", "Patient", "Status"), sorted(rows))

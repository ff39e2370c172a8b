"""The doctor's session: arrival, a pause, and the end with patients who were not seen."""

from datetime import datetime

from demonstration.clinic import Clinic
from demonstration.outcome import expect, expect_true

PAUSE_MINUTES = 20


def pause_and_finish(clinic: Clinic) -> None:
    """A doctor arrives, pauses and finishes; a colleague takes over one patient, the other is NOT_SEEN."""
    other = clinic.new_doctor("Other Doctor")
    slot = clinic.slot_from_now(start_minutes=-30, end_minutes=60, seats=4)
    colleague = clinic.slot_from_now(start_minutes=-30, end_minutes=60, seats=1, doctor=other)
    seen, carried, unseen = (clinic.book(slot, clinic.patient(), "WALKIN", arrived=True) for _ in range(3))
    absent = clinic.book(slot, clinic.patient(name="Nora Not-here"), "WALKIN")
    clinic.queue_up(slot, clinic.patient(name="Wanda Waiting"), "WALKIN")
    begun = clinic.session(slot, "begin")
    clinic.board.say(f"{clinic.doctor['name']} has arrived at {clinic.board.clock(begun['began_at'])}.")

    paused = clinic.session(slot, "pause", minutes=PAUSE_MINUTES, reason="Called to the ward")
    clinic.refused(f"slots/{slot['id']}/call_next/", code="slot-paused")
    queue = clinic.show_queue(slot, f"A pause of {PAUSE_MINUTES} minutes: nobody is called")
    until = datetime.fromisoformat(paused["paused_until"])
    estimates = [datetime.fromisoformat(token["estimated_time"]) for token in queue]
    expect_true("Nobody is expected before the end of the pause", all(each >= until for each in estimates))
    clinic.session(slot, "resume")
    expect("After the pause the first is called", seen=clinic.call_next(slot)["id"], wanted=seen["id"])

    clinic.act(seen, "start")
    clinic.refused(f"slots/{slot['id']}/finish/", code="room-occupied")
    clinic.board.say("The session does not end while a patient is in the room.")
    clinic.act(seen, "complete")
    result = clinic.session(slot, "finish", carry_over_to=colleague["id"])
    expect("Who never came is a no-show", seen=result["no_shows"], wanted=[absent["id"]])
    expect("The colleague takes over as many as there are seats", seen=result["carried_over"], wanted=[carried["id"]])
    expect("The others were not seen", seen=result["not_seen"], wanted=[unseen["id"]])
    tokens = [clinic.token_now(token) for token in (seen, carried, unseen, absent)]
    clinic.board.queue(tokens, title="Every patient of the session at the end")
    statuses = [token["status"] for token in tokens]
    wanted = ["COMPLETED", "CHECKED_IN", "NOT_SEEN", "NO_SHOW"]
    expect("Every token has an honest end", seen=statuses, wanted=wanted)
    expect("The ticket stays the same", seen=tokens[1]["ticket"], wanted=carried["ticket"])
    clinic.refused(f"tokens/{absent['id']}/reinstate/", code="grace-expired")
    ended = clinic.slot_now(slot)
    expect(
        "The slot is closed and nobody waits for it",
        seen=(ended["status"], ended["waiting_count"]),
        wanted=("CLOSED", 0),
    )
    expect("The colleague calls the patient", seen=clinic.call_next(colleague)["id"], wanted=carried["id"])

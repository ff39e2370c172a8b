"""The effect of a doctor's delay on the rest of the day."""

from demonstration.clinic import Clinic, Thing
from demonstration.outcome import expect


def cascading_delay(clinic: Clinic) -> None:
    """A delay cascades to the doctor's later slots of the day; the gaps between slots reduce it."""
    slots = [
        clinic.slot(start="09:00", end="10:00", seats=4),
        clinic.slot(start="10:15", end="11:15", seats=4),
        clinic.slot(start="12:00", end="13:00", seats=4),
    ]
    token = clinic.book(slots[1], clinic.patient(), "ONLINE")
    before = token["estimated_time"]

    plan = clinic.delay(slots[0], 45, dry_run=True)
    expect("A dry run returns the delays", seen=_delays(plan), wanted={slots[0]["id"]: 45, slots[1]["id"]: 30})
    expect("A dry run changes nothing", seen=_read(clinic, slots), wanted=[0, 0, 0])

    answer = clinic.delay(slots[0], 45)
    expect("The real call returns the same delays as the dry run", seen=_delays(answer), wanted=_delays(plan))
    expect("Tokens in the queues of the delayed slots", seen=answer["affected_tokens"], wanted=1)
    _show(clinic, slots, "45 minutes late at 09:00")
    expect("45 minutes, 30 after a gap of 15, none after the next gap", seen=_read(clinic, slots), wanted=[45, 30, 0])
    after = clinic.token_now(token)["estimated_time"]
    clinic.board.say(f"{token['patient_name']} at 10:15: {clinic.board.clock(before)} -> {clinic.board.clock(after)}")
    expect("The patient's expected time follows at once", seen=clinic.board.clock(after), wanted="10:45")

    again = clinic.delay(slots[0], 45)
    expect("Setting the same delay again changes nothing", seen=again["affected_slots"], wanted=[])
    late = clinic.book(slots[1], clinic.patient(), "WALKIN")
    expect("A delayed slot stays bookable", seen=late["status"], wanted="CONFIRMED")
    clinic.delay(slots[0], 0)
    _show(clinic, slots, "The doctor is on time after all")
    expect("A delay of zero removes the delay", seen=_read(clinic, slots), wanted=[0, 0, 0])


def _delays(answer: Thing) -> dict[str, int]:
    return {slot["id"]: slot["delay_minutes"] for slot in answer["affected_slots"]}


def _read(clinic: Clinic, slots: list[Thing]) -> list[int]:
    return [clinic.slot_now(slot)["delay_minutes"] for slot in slots]


def _show(clinic: Clinic, slots: list[Thing], title: str) -> None:
    clock = clinic.board.clock
    now = [clinic.slot_now(slot) for slot in slots]
    rows = [
        (
            f"{clock(s['start_time'])}-{clock(s['end_time'])}",
            s["status"],
            s["delay_minutes"],
            s["cascaded_minutes"],
            clock(s["expected_end"]),
        )
        for s in now
    ]
    clinic.board.table(title, ("Slot", "Status", "Delay", "Cascaded", "Expected end"), rows)

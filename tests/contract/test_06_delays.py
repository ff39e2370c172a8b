"""Section 6: a doctor's delay, its propagation through the day, and the estimates."""

from datetime import timedelta
from typing import Any

import pytest

from tests.support.hospital import Hospital, when

Json = dict[str, Any]
pytestmark = pytest.mark.usefixtures("invariants_hold")


def a_day(hospital: Hospital, *starts: str, doctor: Json | None = None, minutes: int = 60) -> list[Json]:
    doctor = doctor or hospital.doctor()
    return [hospital.slot(doctor, start=hospital.at(start), minutes=minutes) for start in starts]


def delays(hospital: Hospital, slots: list[Json]) -> list[tuple[int, int, str]]:
    now = [hospital.slot_now(slot) for slot in slots]
    return [(s["delay_minutes"], s["cascaded_minutes"], s["status"]) for s in now]


def test_the_example_of_the_contract(hospital: Hospital) -> None:
    slots = a_day(hospital, "09:00", "10:15", "12:00")
    tokens = [hospital.token(slot) for slot in (slots[0], slots[0], slots[1], slots[2])]
    answer = hospital.delay(slots[0], 45)
    assert delays(hospital, slots) == [(45, 0, "DELAYED"), (30, 30, "DELAYED"), (0, 0, "ACTIVE")]
    assert set(answer) == {"message", "slot", "affected_slots", "affected_tokens"}
    assert answer["slot"] == hospital.slot_now(slots[0])
    assert answer["affected_slots"] == [
        {"id": slots[0]["id"], "delay_minutes": 45, "cascaded_minutes": 0},
        {"id": slots[1]["id"], "delay_minutes": 30, "cascaded_minutes": 30},
    ]
    assert answer["affected_tokens"] == 3
    estimates = [when(hospital.read(t)["estimated_time"]) for t in tokens]
    assert estimates == [hospital.at(t) for t in ("09:45", "09:55", "10:45", "12:00")]


def test_a_dry_run_answers_the_same_and_changes_nothing(hospital: Hospital) -> None:
    slots = a_day(hospital, "09:00", "10:15", "12:00")
    token = hospital.token(slots[1])
    before = [hospital.slot_now(slot) for slot in slots]
    told = hospital.delay(slots[0], 45, dry_run=True)
    assert [hospital.slot_now(slot) for slot in slots] == before
    assert hospital.read(token) == token
    done = hospital.delay(slots[0], 45)
    assert told["affected_slots"] == done["affected_slots"]
    assert told["affected_tokens"] == done["affected_tokens"] == 1
    assert told["slot"]["delay_minutes"] == 45
    assert told["slot"]["status"] == "DELAYED"
    assert {**told["slot"], "version": 0} == {**done["slot"], "version": 0}


def test_it_is_set_not_added_and_repeating_it_changes_nothing(hospital: Hospital) -> None:
    slots = a_day(hospital, "09:00", "10:15")
    hospital.delay(slots[0], 45)
    before = [hospital.slot_now(slot) for slot in slots]
    again = hospital.delay(slots[0], 45)
    assert [hospital.slot_now(slot) for slot in slots] == before
    assert again["affected_slots"] == []
    assert again["affected_tokens"] == 0
    hospital.delay(slots[0], 20)
    assert delays(hospital, slots) == [(20, 0, "DELAYED"), (5, 5, "DELAYED")]


def test_zero_takes_it_back(hospital: Hospital) -> None:
    slots = a_day(hospital, "09:00", "10:15", "11:15")
    hospital.delay(slots[0], 45)
    assert delays(hospital, slots)[2] == (30, 30, "DELAYED")
    answer = hospital.delay(slots[0], 0)
    assert delays(hospital, slots) == [(0, 0, "ACTIVE")] * 3
    assert [s["id"] for s in answer["affected_slots"]] == [s["id"] for s in slots]
    assert {s["delay_minutes"] for s in answer["affected_slots"]} == {0}


def test_the_larger_of_the_doctors_own_delay_and_what_is_forced(hospital: Hospital) -> None:
    slots = a_day(hospital, "09:00", "10:15")
    hospital.delay(slots[1], 20)
    assert delays(hospital, slots) == [(0, 0, "ACTIVE"), (20, 0, "DELAYED")]
    hospital.delay(slots[0], 45)
    assert delays(hospital, slots) == [(45, 0, "DELAYED"), (30, 10, "DELAYED")]
    hospital.delay(slots[0], 25)
    assert delays(hospital, slots) == [(25, 0, "DELAYED"), (20, 0, "DELAYED")]
    hospital.delay(slots[0], 45)
    hospital.delay(slots[1], 0)
    assert delays(hospital, slots) == [(45, 0, "DELAYED"), (30, 30, "DELAYED")]


def test_a_smaller_own_delay_hidden_behind_a_forced_one_affects_nobody(hospital: Hospital) -> None:
    slots = a_day(hospital, "09:00", "10:15")
    hospital.token(slots[1])
    hospital.delay(slots[0], 45)
    answer = hospital.delay(slots[1], 10)
    assert delays(hospital, slots) == [(45, 0, "DELAYED"), (30, 20, "DELAYED")]
    assert answer["affected_slots"] == []
    assert answer["affected_tokens"] == 0


def test_the_slots_before_are_not_touched_nor_other_doctors_nor_other_days(hospital: Hospital) -> None:
    doctor = hospital.doctor()
    slots = a_day(hospital, "09:00", "10:00", "11:00", doctor=doctor)
    tomorrow = hospital.slot(doctor, start=hospital.at("09:00", day=3))
    (other,) = a_day(hospital, "11:00")
    hospital.delay(slots[1], 30)
    assert delays(hospital, [*slots, tomorrow, other]) == [
        (0, 0, "ACTIVE"),
        (30, 0, "DELAYED"),
        (30, 30, "DELAYED"),
        (0, 0, "ACTIVE"),
        (0, 0, "ACTIVE"),
    ]


def test_a_delay_does_not_run_over_midnight(hospital: Hospital) -> None:
    """The last slot of a day may end after midnight; the next local day starts as planned."""
    doctor = hospital.doctor()
    late = hospital.slot(doctor, start=hospital.at("22:30"), minutes=60)
    early = hospital.slot(doctor, start=hospital.at("00:00", day=3), minutes=60)
    hospital.delay(late, 90)
    assert delays(hospital, [late, early]) == [(90, 0, "DELAYED"), (0, 0, "ACTIVE")]


def test_cancelled_slots_are_passed_over_and_release_the_later_ones(hospital: Hospital) -> None:
    slots = a_day(hospital, "09:00", "10:00", "11:00")
    hospital.delay(slots[0], 30)
    assert [d for d, _, _ in delays(hospital, slots)] == [30, 30, 30]
    hospital.desk.post(f"slots/{slots[1]['id']}/cancel/").expect(200)
    assert delays(hospital, slots)[2] == (0, 0, "ACTIVE")
    hospital.delay(slots[0], 90)
    assert delays(hospital, slots)[2] == (30, 30, "DELAYED")


def test_cancelling_the_delayed_slot_itself_releases_the_later_ones(hospital: Hospital) -> None:
    slots = a_day(hospital, "09:00", "10:00", "11:00")
    hospital.delay(slots[0], 45)
    hospital.desk.post(f"slots/{slots[0]['id']}/cancel/").expect(200)
    assert delays(hospital, slots)[1:] == [(0, 0, "ACTIVE"), (0, 0, "ACTIVE")]
    hospital.desk.put(f"slots/{slots[0]['id']}/delay/", {"delay_minutes": 5}).expect(409, "slot-not-open")


def test_a_new_slot_inherits(hospital: Hospital) -> None:
    doctor = hospital.doctor()
    (first, last) = a_day(hospital, "09:00", "12:00", doctor=doctor)
    hospital.delay(first, 90)
    assert delays(hospital, [last]) == [(0, 0, "ACTIVE")]
    between = hospital.slot(doctor, start=hospital.at("10:15"))
    assert (between["delay_minutes"], between["cascaded_minutes"], between["status"]) == (75, 75, "DELAYED")
    assert delays(hospital, [last]) == [(30, 30, "DELAYED")]


def test_bulk_slots_inherit_too(hospital: Hospital) -> None:
    doctor = hospital.doctor()
    (first,) = a_day(hospital, "09:00", doctor=doctor)
    hospital.delay(first, 30)
    day = hospital.at("10:00").date().isoformat()
    body = {
        "doctor_id": doctor["id"], "start_date": day, "end_date": day, "start_time": "10:00", "end_time": "12:00",
        "duration_minutes": 60,
    }  # fmt: skip
    hospital.desk.post("slots/bulk/", body).expect(201)
    made = hospital.desk.get("slots/", doctor=doctor["id"]).expect(200)["results"]
    assert [s["delay_minutes"] for s in sorted(made, key=lambda s: s["start_time"])] == [30, 30, 30]


def test_a_slot_that_moves_takes_its_place_in_the_line(hospital: Hospital) -> None:
    slots = a_day(hospital, "09:00", "10:00", "11:00")
    hospital.delay(slots[0], 30)
    body = {"start_time": hospital.at("14:00").isoformat(), "end_time": hospital.at("15:00").isoformat()}
    moved = hospital.desk.patch(f"slots/{slots[1]['id']}/", body).expect(200)
    assert (moved["delay_minutes"], moved["status"]) == (0, "ACTIVE")
    assert delays(hospital, slots)[2] == (0, 0, "ACTIVE")


def test_a_closed_slot_is_delayed_and_stays_closed(hospital: Hospital) -> None:
    slots = a_day(hospital, "09:00", "10:00")
    hospital.desk.post(f"slots/{slots[0]['id']}/close/").expect(200)
    hospital.delay(slots[0], 30)
    assert delays(hospital, slots) == [(30, 0, "CLOSED"), (30, 30, "DELAYED")]


def test_a_delayed_slot_stays_bookable_and_its_end_follows(hospital: Hospital) -> None:
    (slot,) = a_day(hospital, "09:00")
    hospital.delay(slot, 20)
    token = hospital.token(slot)
    assert when(token["estimated_time"]) == hospital.at("09:20")
    now = hospital.slot_now(slot)
    assert when(now["expected_end"]) == hospital.at("10:20")
    assert now["start_time"] == slot["start_time"], "the planned times stay"


@pytest.mark.parametrize("minutes", [-1, 1441, 2.5, "30", "soon", None, True, [30], 10**300])
def test_a_delay_is_a_whole_number_from_0_to_1440(hospital: Hospital, minutes: Any) -> None:
    """The contract leaves open whether a quoted number is accepted; it must not cause an error."""
    (slot,) = a_day(hospital, "09:00")
    answer = hospital.desk.put(f"slots/{slot['id']}/delay/", {"delay_minutes": minutes})
    if minutes == "30" and answer.status == 200:
        return
    answer.expect(400, "validation-error")
    assert "delay_minutes" in answer.codes
    assert hospital.slot_now(slot) == slot


def test_a_delay_needs_its_minutes(hospital: Hospital) -> None:
    (slot,) = a_day(hospital, "09:00")
    hospital.desk.put(f"slots/{slot['id']}/delay/", {}).expect(400, "validation-error")
    hospital.delay(slot, 1440)
    hospital.desk.call("POST", f"slots/{slot['id']}/delay/", {"delay_minutes": 1}).expect(405, "method-not-allowed")


def test_a_delay_changes_no_priority_and_no_order(hospital: Hospital) -> None:
    (slot,) = a_day(hospital, "09:00")
    for kind in ("WALKIN", "ONLINE", "FOLLOWUP"):
        hospital.token(slot, category=kind)
    before = [(t["id"], t["priority"], t["token_number"]) for t in hospital.queue(slot)]
    hospital.delay(slot, 300)
    assert [(t["id"], t["priority"], t["token_number"]) for t in hospital.queue(slot)] == before


def test_affected_tokens_are_those_in_the_queues(hospital: Hospital) -> None:
    slots = a_day(hospital, "09:00", "10:00")
    hospital.done(hospital.token(slots[0]), "check_in", "call", "start", "complete")
    hospital.done(hospital.token(slots[0]), "check_in", "call")
    hospital.do(hospital.token(slots[0]), "cancel").expect(200)
    hospital.done(hospital.token(slots[0]), "no_show")
    hospital.token(slots[0], hold=True)
    hospital.token(slots[1])
    hospital.token(slots[1], arrived=True)
    assert hospital.delay(slots[0], 15)["affected_tokens"] == 3


def test_once_somebody_was_called_the_queue_starts_no_earlier_than_now(hospital: Hospital, clock: Any) -> None:
    start = (hospital.now() + timedelta(minutes=10)).replace(second=0, microsecond=0)
    slot = hospital.slot(start=start, consultation=10)
    tokens = [hospital.token(slot) for _ in range(3)]
    clock.set(start + timedelta(minutes=20))
    assert when(hospital.read(tokens[0])["estimated_time"]) == start, "nobody was called yet: the plan stands"
    hospital.done(tokens[0], "check_in", "call")
    now = hospital.now()
    assert [when(t["estimated_time"]) for t in hospital.queue(slot)] == [now, now + timedelta(minutes=10)]


def test_the_queue_starts_no_earlier_than_the_room_is_expected_to_be_free(hospital: Hospital, clock: Any) -> None:
    start = (hospital.now() + timedelta(minutes=10)).replace(second=0, microsecond=0)
    slot = hospital.slot(start=start, consultation=10)
    tokens = [hospital.token(slot) for _ in range(3)]
    clock.set(start + timedelta(minutes=20))
    hospital.done(tokens[0], "check_in", "call", "start")
    began = hospital.now()
    clock.advance(minutes=4)
    assert when(hospital.read(tokens[1])["estimated_time"]) == began + timedelta(minutes=10)
    clock.advance(minutes=9)
    assert when(hospital.read(tokens[1])["estimated_time"]) == hospital.now()
    hospital.done(tokens[0], "complete")
    assert when(hospital.read(tokens[2])["estimated_time"]) == hospital.now() + timedelta(minutes=10)


def test_called_before_the_start_the_plan_still_stands(hospital: Hospital) -> None:
    slot = hospital.slot(consultation=10)
    tokens = [hospital.token(slot) for _ in range(3)]
    hospital.done(tokens[0], "check_in", "call", "start")
    assert [when(t["estimated_time"]) for t in hospital.queue(slot)] == [hospital.at("09:00"), hospital.at("09:10")]

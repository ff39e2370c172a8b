"""Section 3: seats and capacity."""

from datetime import timedelta
from typing import Any

import pytest

from tests.support.hospital import Hospital

Json = dict[str, Any]
pytestmark = pytest.mark.usefixtures("invariants_hold")


def seats(hospital: Hospital, slot: Json) -> tuple[int, int]:
    now = hospital.slot_now(slot)
    return now["current_capacity"], now["available_capacity"]


def test_a_token_holds_its_seat_in_the_states_that_hold_one(hospital: Hospital) -> None:
    slot = hospital.slot(capacity=8)
    held = hospital.token(slot, hold=True)
    assert (held["status"], seats(hospital, slot)) == ("PENDING", (1, 7))
    for path in (["confirm"], ["check_in"], ["call"], ["start"], ["complete"]):
        hospital.done(held, *path)
        assert seats(hospital, slot) == (1, 7)
    hospital.done(hospital.token(slot), "no_show")
    assert seats(hospital, slot) == (2, 6)
    kept = hospital.token(slot)
    hospital.do(kept, "buffer").expect(200)
    assert hospital.read(kept)["status"] == "BUFFER"
    assert seats(hospital, slot) == (3, 5)
    hospital.do(kept, "cancel").expect(200)
    assert seats(hospital, slot) == (2, 6)
    gone = hospital.token(slot)
    hospital.do(gone, "cancel").expect(200)
    assert seats(hospital, slot) == (2, 6)


def test_a_slot_is_full_at_its_maximum_and_not_one_later(hospital: Hospital) -> None:
    slot = hospital.slot(capacity=2)
    hospital.token(slot)
    hospital.token(slot)
    assert seats(hospital, slot) == (2, 0)
    hospital.ask(slot, join_waiting_list=False).expect(409, "slot-full")
    hospital.ask(slot).expect(202)
    assert seats(hospital, slot) == (2, 0)


def test_an_emergency_goes_over_the_maximum_and_then_nobody_is_promoted_until_below(hospital: Hospital) -> None:
    slot, tokens = hospital.full_slot(2)
    hospital.emergency(slot)
    urgent = hospital.emergency(slot)
    assert seats(hospital, slot) == (4, 0)
    entry = hospital.entry(slot)
    for token in (tokens[0], urgent):
        assert hospital.do(token, "cancel").expect(200)["promoted"] == []
    assert seats(hospital, slot) == (2, 0)
    assert hospital.entry_now(entry)["status"] == "WAITING"
    promoted = hospital.do(tokens[1], "cancel").expect(200)["promoted"]
    assert [hospital.desk.get(f"tokens/{i}/").expect(200)["patient"] for i in promoted] == [entry["patient"]]
    assert seats(hospital, slot) == (2, 0)


def test_no_booking_while_emergencies_hold_the_seats(hospital: Hospital) -> None:
    slot = hospital.slot(capacity=1)
    hospital.emergency(slot)
    hospital.ask(slot, join_waiting_list=False).expect(409, "slot-full")


def test_raising_the_maximum_promotes_at_once(hospital: Hospital) -> None:
    slot, _ = hospital.full_slot(1)
    entries = [hospital.entry(slot, category=c) for c in ("WALKIN", "PRIORITY_PAID", "ONLINE")]
    after = hospital.desk.patch(f"slots/{slot['id']}/", {"max_capacity": 3}).expect(200)
    assert (after["max_capacity"], after["current_capacity"], after["waiting_count"]) == (3, 3, 1)
    assert [e["id"] for e in hospital.waiting(slot)] == [entries[0]["id"]]
    assert hospital.waiting(slot)[0]["position"] == 1
    for entry in entries[1:]:
        now = hospital.entry_now(entry)
        assert (now["status"], now["position"]) == ("PROMOTED", None)
        assert hospital.desk.get(f"tokens/{now['token']}/").expect(200)["status"] == "CONFIRMED"


def test_the_maximum_may_be_lowered_to_the_ordinary_seats_but_not_below(hospital: Hospital) -> None:
    slot = hospital.slot(capacity=6)
    done = hospital.token(slot)
    hospital.done(done, "check_in", "call", "start", "complete")
    hospital.token(slot)
    hospital.emergency(slot)
    place = f"slots/{slot['id']}/"
    hospital.desk.patch(place, {"max_capacity": 1}).expect(409, "capacity-in-use")
    assert hospital.slot_now(slot)["max_capacity"] == 6
    after = hospital.desk.patch(place, {"max_capacity": 2}).expect(200)
    assert (after["current_capacity"], after["available_capacity"]) == (3, 0)


def test_a_put_that_lowers_the_maximum_too_far_changes_nothing_else_either(hospital: Hospital) -> None:
    slot, _ = hospital.full_slot(2)
    later = (hospital.at("09:00") + timedelta(minutes=30)).isoformat()
    body = {"max_capacity": 1, "start_time": later}
    hospital.desk.patch(f"slots/{slot['id']}/", body).expect(409, "capacity-in-use")
    assert hospital.slot_now(slot)["start_time"] == slot["start_time"]


def test_one_live_token_per_patient_doctor_and_local_day(hospital: Hospital) -> None:
    doctor, patient = hospital.doctor(), hospital.patient()
    morning, noon = (hospital.slot(doctor, start=hospital.at(t), capacity=1) for t in ("09:00", "12:00"))
    next_day, other = hospital.slot(doctor, start=hospital.at("09:00", day=3)), hospital.slot()
    token = hospital.token(morning, patient)
    hospital.ask(morning, patient).expect(409, "duplicate-booking")
    hospital.ask(noon, patient).expect(409, "duplicate-booking")
    hospital.ask(noon, patient, hold=True).expect(409, "duplicate-booking")
    hospital.token(noon)
    hospital.ask(noon, patient).expect(409, "duplicate-booking")
    assert hospital.waiting(noon) == []
    hospital.token(next_day, patient)
    hospital.token(other, patient)
    hospital.do(token, "cancel").expect(200)
    assert hospital.ask(noon, patient).expect(202)


def test_the_day_is_the_facilitys_not_utcs(hospital: Hospital) -> None:
    """In a zone ahead of UTC 00:30 and 23:00 of a local day are two UTC days; 23:30 and 00:30 may be one."""
    doctor, patient = hospital.doctor(), hospital.patient()
    early, late = (hospital.slot(doctor, start=hospital.at(t), minutes=20) for t in ("00:30", "23:00"))
    after = hospital.slot(doctor, start=hospital.at("00:10", day=3), minutes=20)
    hospital.token(early, patient)
    hospital.ask(late, patient).expect(409, "duplicate-booking")
    hospital.token(after, patient)


@pytest.mark.parametrize(
    "path",
    [["check_in"], ["check_in", "call"], ["check_in", "call", "start"], ["no_show"]],
    ids=lambda path: path[-1],
)
def test_every_live_state_counts_as_a_booking(hospital: Hospital, path: list[str]) -> None:
    slot, patient = hospital.slot(), hospital.patient()
    hospital.done(hospital.token(slot, patient), *path)
    hospital.ask(slot, patient).expect(409, "duplicate-booking")


def test_a_patient_who_was_seen_may_book_again_that_day(hospital: Hospital) -> None:
    slot, patient = hospital.slot(), hospital.patient()
    hospital.done(hospital.token(slot, patient), "check_in", "call", "start", "complete")
    hospital.token(slot, patient)


def test_a_patient_whose_seat_is_kept_as_a_buffer_may_book_again(hospital: Hospital) -> None:
    """BUFFER is not a live token; the desk's new booking takes the free seat, the kept one stays."""
    slot, patient = hospital.slot(capacity=2), hospital.patient()
    kept = hospital.token(slot, patient)
    hospital.do(kept, "buffer").expect(200)
    hospital.token(slot, patient)
    assert hospital.read(kept)["status"] == "BUFFER"


def test_one_waiting_entry_per_patient_and_slot(hospital: Hospital) -> None:
    slot, _ = hospital.full_slot(1)
    patient = hospital.patient()
    entry = hospital.entry(slot, patient)
    hospital.ask(slot, patient).expect(409, "duplicate-booking")
    assert [e["id"] for e in hospital.waiting(slot)] == [entry["id"]]
    hospital.desk.delete(f"waiting-list/{entry['id']}/").expect(204)
    assert hospital.entry(slot, patient)["id"] != entry["id"]


def test_a_patient_may_wait_for_two_slots_of_a_doctor(hospital: Hospital) -> None:
    doctor, patient = hospital.doctor(), hospital.patient()
    one, _ = hospital.full_slot(1, doctor=doctor, start=hospital.at("09:00"))
    two, (token,) = hospital.full_slot(1, doctor=doctor, start=hospital.at("11:00"))
    first, second = hospital.entry(one, patient), hospital.entry(two, patient)
    hospital.do(token, "cancel").expect(200)
    assert hospital.entry_now(second)["status"] == "PROMOTED"
    assert hospital.entry_now(first)["status"] in ("WAITING", "WITHDRAWN")


def test_the_desk_takes_a_free_seat_before_the_kept_one(hospital: Hospital) -> None:
    slot, tokens = hospital.full_slot(2)
    hospital.do(tokens[0], "buffer").expect(200)
    hospital.do(tokens[1], "cancel").expect(200)
    hospital.token(slot)
    assert hospital.read(tokens[0])["status"] == "BUFFER"
    hospital.token(slot)
    assert hospital.read(tokens[0])["status"] == "CANCELLED"
    assert seats(hospital, slot) == (2, 0)
    hospital.ask(slot, join_waiting_list=False).expect(409, "slot-full")


def test_the_public_may_not_have_the_kept_seat(hospital: Hospital) -> None:
    slot, (token,) = hospital.full_slot(1)
    hospital.do(token, "buffer").expect(200)
    patient = hospital.patient()
    public = hospital.patient_user(patient)
    hospital.ask(slot, patient, "ONLINE", by=public, join_waiting_list=False).expect(409, "slot-full")
    hospital.ask(slot, patient, "ONLINE", by=public).expect(202)
    assert hospital.read(token)["status"] == "BUFFER"


def test_slots_that_are_cancelled_closed_or_over_are_not_bookable(hospital: Hospital) -> None:
    cancelled, closed = hospital.slot(), hospital.slot()
    past = hospital.slot(start=hospital.now() - timedelta(hours=3))
    hospital.desk.post(f"slots/{cancelled['id']}/cancel/").expect(200)
    hospital.desk.post(f"slots/{closed['id']}/close/").expect(200)
    for slot in (cancelled, closed, past):
        hospital.ask(slot).expect(409, "slot-not-open")
        hospital.ask(slot, hold=True).expect(409, "slot-not-open")
        hospital.ask(slot, join_waiting_list=False).expect(409, "slot-not-open")
    running = hospital.slot(start=hospital.now() - timedelta(minutes=30))
    hospital.token(running)


def test_a_delayed_slot_is_bookable_until_its_delayed_end(hospital: Hospital) -> None:
    slot = hospital.slot(start=hospital.now() - timedelta(minutes=90))
    hospital.ask(slot).expect(409, "slot-not-open")
    hospital.delay(slot, 45)
    hospital.token(slot)


def test_an_emergency_is_taken_by_a_closed_slot_but_not_by_a_cancelled_one(hospital: Hospital) -> None:
    closed, cancelled = hospital.slot(), hospital.slot()
    hospital.desk.post(f"slots/{closed['id']}/close/").expect(200)
    hospital.desk.post(f"slots/{cancelled['id']}/cancel/").expect(200)
    assert hospital.emergency(closed)["token_number"] == 1
    body = {"slot_id": cancelled["id"], "patient_id": hospital.patient()["id"]}
    hospital.desk.post("tokens/emergency/", body).expect(409, "slot-not-open")


def test_an_emergency_is_taken_past_the_end_only_while_the_queue_still_runs(hospital: Hospital, clock: Any) -> None:
    busy = hospital.slot(start=hospital.now() + timedelta(minutes=5))
    quiet = hospital.slot(start=hospital.now() + timedelta(minutes=5))
    hospital.token(busy, arrived=True)
    clock.advance(hours=2)
    assert hospital.emergency(busy)["token_number"] == 1
    body = {"slot_id": quiet["id"], "patient_id": hospital.patient()["id"]}
    hospital.desk.post("tokens/emergency/", body).expect(409, "slot-not-open")
    hospital.ask(busy).expect(409, "slot-not-open")


def test_the_queue_of_a_doctor_who_becomes_inactive_runs_on(hospital: Hospital) -> None:
    """Existing tokens run on, but nobody new gets a seat."""
    doctor = hospital.doctor()
    slot, (first, second) = hospital.full_slot(2, doctor=doctor)
    entry = hospital.entry(slot)
    before = hospital.slot_now(slot)
    hospital.admin.patch(f"doctors/{doctor['id']}/", {"is_active": False}).expect(200)
    assert hospital.slot_now(slot) == before
    assert hospital.queue(slot) == [first, second]
    hospital.done(first, "check_in", "call", "start", "complete")
    assert hospital.do(second, "cancel").expect(200)["promoted"] == []
    assert hospital.entry_now(entry)["status"] == "WAITING"

"""Section 7: slots: creation, changes, versions, overlap, bulk, cancel, close, the queue, call_next."""

from datetime import date, timedelta
from typing import Any

import pytest

from tests.support import shapes
from tests.support.hospital import Hospital, when
from tests.support.shapes import assert_shape

Json = dict[str, Any]


def body_of(hospital: Hospital, doctor: Json, start: str = "09:00", end: str = "10:00", **facts: Any) -> Json:
    return {
        "doctor": doctor["id"],
        "start_time": hospital.at(start).isoformat(),
        "end_time": hospital.at(end).isoformat(),
        "max_capacity": 5,
        **facts,
    }


def bulk_of(doctor: Json, first: date, last: date, **facts: Any) -> Json:
    return {
        "doctor_id": doctor["id"],
        "start_date": first.isoformat(),
        "end_date": last.isoformat(),
        "start_time": "09:00",
        "end_time": "11:00",
        "duration_minutes": 30,
        **facts,
    }


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"max_capacity": 0}, "max_capacity"), ({"max_capacity": -1}, "max_capacity"),
        ({"max_capacity": 10_001}, "max_capacity"), ({"max_capacity": 10**9}, "max_capacity"),
        ({"max_capacity": 10**300}, "max_capacity"), ({"max_capacity": 2.5}, "max_capacity"),
        ({"max_capacity": None}, "max_capacity"), ({"max_capacity": "ten"}, "max_capacity"),
        ({"max_capacity": True}, "max_capacity"), ({"start_time": "2026-02-30T09:00:00"}, "start_time"),
        ({"start_time": "soon"}, "start_time"), ({"start_time": 5}, "start_time"), ({"start_time": None}, "start_time"),
        ({"start_time": "2031-01-01"}, "start_time"), ({"end_time": "25:00"}, "end_time"),
        ({"start_time": "9999-12-31T23:59:59-12:00"}, "start_time"), ({"doctor": "nonsense"}, "doctor"),
        ({"doctor": 7}, "doctor"), ({"doctor": None}, "doctor"), ({"doctor": ["x"]}, "doctor"),
    ],
    ids=lambda value: str(value)[:40],
)  # fmt: skip
def test_a_slot_with_a_bad_field_is_refused_by_its_name(hospital: Hospital, change: Json, field: str) -> None:
    doctor = hospital.doctor()
    answer = hospital.desk.post("slots/", {**body_of(hospital, doctor), **change})
    answer.expect(400, "validation-error")
    assert field in answer.codes
    assert hospital.desk.get("slots/", doctor=doctor["id"]).expect(200)["count"] == 0


@pytest.mark.parametrize("end", ["09:00", "08:59"])
def test_a_slot_ends_after_it_starts(hospital: Hospital, end: str) -> None:
    slot = hospital.slot()
    hospital.desk.post("slots/", body_of(hospital, hospital.doctor(), end=end)).expect(400, "validation-error")
    answer = hospital.desk.patch(f"slots/{slot['id']}/", {"end_time": hospital.at(end).isoformat()})
    answer.expect(400, "validation-error")
    later = {"start_time": hospital.at("10:00").isoformat()}
    hospital.desk.patch(f"slots/{slot['id']}/", later).expect(400, "validation-error")
    assert hospital.slot_now(slot) == slot


@pytest.mark.parametrize("capacity", [1, 10_000])
def test_the_capacity_may_be_1_to_10000(hospital: Hospital, capacity: int) -> None:
    assert hospital.slot(capacity=capacity)["max_capacity"] == capacity


def test_slots_of_a_doctor_do_not_overlap(hospital: Hospital) -> None:
    doctor = hospital.doctor()
    slot = hospital.desk.post("slots/", body_of(hospital, doctor, "09:00", "10:00")).expect(201)
    for start, end in (
        ("09:00", "10:00"),
        ("08:30", "09:01"),
        ("09:59", "11:00"),
        ("09:20", "09:40"),
        ("08:00", "12:00"),
    ):
        hospital.desk.post("slots/", body_of(hospital, doctor, start, end)).expect(409, "slot-overlap")
    after = hospital.desk.post("slots/", body_of(hospital, doctor, "10:00", "11:00")).expect(201)
    hospital.desk.post("slots/", body_of(hospital, doctor, "08:00", "09:00")).expect(201)
    hospital.desk.post("slots/", body_of(hospital, hospital.doctor(), "09:00", "10:00")).expect(201)
    earlier = {"start_time": hospital.at("09:30").isoformat()}
    hospital.desk.patch(f"slots/{after['id']}/", earlier).expect(409, "slot-overlap")
    assert hospital.slot_now(after) == after
    hospital.desk.post(f"slots/{slot['id']}/cancel/").expect(200)
    hospital.desk.post("slots/", body_of(hospital, doctor, "09:15", "09:45")).expect(201)


def test_a_closed_slot_is_a_live_slot_for_the_overlap(hospital: Hospital) -> None:
    doctor = hospital.doctor()
    slot = hospital.slot(doctor)
    hospital.desk.post(f"slots/{slot['id']}/close/").expect(200)
    hospital.desk.post("slots/", body_of(hospital, doctor)).expect(409, "slot-overlap")


def test_overlap_looks_at_the_planned_times(hospital: Hospital) -> None:
    doctor = hospital.doctor()
    hospital.delay(hospital.slot(doctor), 60)
    hospital.desk.post("slots/", body_of(hospital, doctor, "10:00", "11:00")).expect(201)


def test_a_slot_may_lie_in_the_past(hospital: Hospital) -> None:
    slot = hospital.slot(start=hospital.now() - timedelta(days=400))
    hospital.ask(slot).expect(409, "slot-not-open")


def test_the_etag_guards_against_changes_unseen(hospital: Hospital) -> None:
    slot = hospital.slot()
    place = f"slots/{slot['id']}/"
    etag = hospital.desk.get(place).headers["etag"]
    assert etag
    changed = hospital.desk.patch(place, {"max_capacity": 6}, headers={"If-Match": etag})
    body = changed.expect(200)
    assert body["version"] > slot["version"]
    hospital.desk.patch(place, {"max_capacity": 7}, headers={"If-Match": etag}).expect(412, "version-conflict")
    hospital.desk.put(place, {**slot, "max_capacity": 7}, headers={"If-Match": etag}).expect(412, "version-conflict")
    hospital.desk.patch(place, {"max_capacity": 7}, headers={"If-Match": '"nonsense"'}).expect(412, "version-conflict")
    assert hospital.slot_now(slot)["max_capacity"] == 6
    now = hospital.desk.get(place).headers["etag"]
    assert now != etag
    hospital.desk.put(place, {**slot, "max_capacity": 8}, headers={"If-Match": now}).expect(200)
    hospital.desk.patch(place, {"max_capacity": 9}, headers={"If-Match": "*"}).expect(200)
    hospital.desk.patch(place, {"max_capacity": 10}).expect(200)


def test_a_booking_changes_the_version(hospital: Hospital) -> None:
    """A booking changes the slot's counters, so earlier ETags no longer match."""
    slot = hospital.slot()
    etag = hospital.desk.get(f"slots/{slot['id']}/").headers["etag"]
    hospital.token(slot)
    assert hospital.desk.get(f"slots/{slot['id']}/").headers["etag"] != etag


def test_a_slot_with_live_tokens_changes_neither_doctor_nor_day(hospital: Hospital) -> None:
    slot, other = hospital.slot(), hospital.doctor()
    token = hospital.token(slot)
    place = f"slots/{slot['id']}/"
    tomorrow = {
        "start_time": hospital.at("09:00", day=3).isoformat(),
        "end_time": hospital.at("10:00", day=3).isoformat(),
    }
    hospital.desk.patch(place, {"doctor": other["id"]}).expect(409, "in-use")
    hospital.desk.patch(place, tomorrow).expect(409, "in-use")
    assert hospital.slot_now(slot)["doctor"] == slot["doctor"]
    later = {"start_time": hospital.at("14:00").isoformat(), "end_time": hospital.at("15:00").isoformat()}
    moved = hospital.desk.patch(place, later).expect(200)
    assert when(moved["start_time"]) == hospital.at("14:00")
    assert when(hospital.read(token)["estimated_time"]) == hospital.at("14:00")
    hospital.do(token, "cancel").expect(200)
    moved = hospital.desk.patch(place, {**tomorrow, "doctor": other["id"]}).expect(200)
    assert (moved["doctor"], moved["doctor_name"]) == (other["id"], other["name"])
    assert hospital.token(moved)["ticket"] != token["ticket"]


def test_a_slot_that_moved_away_keeps_its_old_tickets_and_prints_none_twice(hospital: Hospital) -> None:
    doctor = hospital.doctor()
    slot = hospital.slot(doctor)
    gone = hospital.token(slot)
    hospital.do(gone, "cancel").expect(200)
    away = {"start_time": hospital.at("09:00", day=3).isoformat(), "end_time": hospital.at("10:00", day=3).isoformat()}
    hospital.desk.patch(f"slots/{slot['id']}/", away).expect(200)
    fresh = hospital.slot(doctor)
    tickets = [gone["ticket"], hospital.token(fresh)["ticket"]]
    assert len(set(tickets)) == 2
    assert hospital.read(gone)["ticket"] == gone["ticket"]


def test_a_slot_is_deleted_unless_any_token_refers_to_it(hospital: Hospital) -> None:
    free, used = hospital.slot(), hospital.slot()
    hospital.desk.delete(f"slots/{free['id']}/").expect(204)
    hospital.desk.get(f"slots/{free['id']}/").expect(404, "not-found")
    hospital.do(hospital.token(used), "cancel").expect(200)
    hospital.desk.delete(f"slots/{used['id']}/").expect(409, "in-use")


def test_deleting_a_slot_releases_the_later_ones(hospital: Hospital) -> None:
    doctor = hospital.doctor()
    first, second = (hospital.slot(doctor, start=hospital.at(t)) for t in ("09:00", "10:00"))
    hospital.delay(first, 30)
    hospital.desk.delete(f"slots/{first['id']}/").expect(204)
    assert hospital.slot_now(second)["delay_minutes"] == 0


def test_slots_filters(hospital: Hospital) -> None:
    doctor = hospital.doctor()
    active, late, gone, full = (
        hospital.slot(doctor, start=hospital.at(t), capacity=1) for t in ("08:00", "11:00", "13:00", "15:00")
    )
    tomorrow = hospital.slot(doctor, start=hospital.at("00:00", day=3))
    hospital.delay(late, 10)
    hospital.desk.post(f"slots/{gone['id']}/cancel/").expect(200)
    hospital.token(full)

    def ids(**query: Any) -> set[str]:
        page = hospital.desk.get("slots/", doctor=doctor["id"], **query).expect(200)
        return {slot["id"] for slot in page["results"]}

    everything = {s["id"] for s in (active, late, gone, full, tomorrow)}
    assert ids() == everything
    assert ids(status="DELAYED") == {late["id"]}
    assert ids(status="CANCELLED") == {gone["id"]}
    assert ids(date=hospital.at(day=2).date().isoformat()) == everything - {tomorrow["id"]}
    assert ids(date=hospital.at(day=3).date().isoformat()) == {tomorrow["id"]}
    assert ids(available="true") == {s["id"] for s in (active, late, tomorrow)}
    for query in ({"status": "SLEEPY"}, {"date": "2026-02-30"}, {"date": "today"}, {"available": "perhaps"}):
        hospital.desk.get("slots/", doctor=doctor["id"], **query).expect(400, "validation-error")
    hospital.desk.get("slots/", doctor="nonsense").expect(400, "validation-error")
    assert hospital.desk.get("slots/", doctor="6f1c2f0e-0000-4000-8000-000000000000").status in (200, 404)


def test_bulk_makes_whole_slots_only_and_skips_those_that_overlap(hospital: Hospital) -> None:
    doctor, day = hospital.doctor(), hospital.at(day=4).date()
    taken = hospital.slot(doctor, start=hospital.at("09:45", day=4), minutes=20)
    answer = hospital.desk.post("slots/bulk/", bulk_of(doctor, day, day, end_time="11:20", max_capacity=3)).expect(201)
    assert set(answer) == {"message", "count", "skipped"}
    assert (answer["count"], answer["skipped"]) == (2, 2)
    made = hospital.desk.get("slots/", doctor=doctor["id"]).expect(200)["results"]
    starts = {when(s["start_time"]) for s in made if s["id"] != taken["id"]}
    assert starts == {hospital.at("09:00", day=4), hospital.at("10:30", day=4)}
    assert {s["max_capacity"] for s in made if s["id"] != taken["id"]} == {3}
    again = hospital.desk.post("slots/bulk/", bulk_of(doctor, day, day, end_time="11:20")).expect(201)
    assert (again["count"], again["skipped"]) == (0, 4)


def test_bulk_has_defaults_and_can_leave_out_the_weekend(hospital: Hospital) -> None:
    doctor = hospital.doctor()
    monday = hospital.at(day=3).date()
    monday += timedelta(days=(7 - monday.weekday()) % 7)
    week = bulk_of(doctor, monday, monday + timedelta(days=6), duration_minutes=120, exclude_weekends=True)
    assert hospital.desk.post("slots/bulk/", week).expect(201)["count"] == 5
    made = hospital.desk.get("slots/", doctor=doctor["id"]).expect(200)["results"]
    assert {when(s["start_time"]).astimezone(hospital.zone).weekday() for s in made} == {0, 1, 2, 3, 4}
    assert {s["max_capacity"] for s in made} == {1}
    week = {**week, "exclude_weekends": False}
    assert hospital.desk.post("slots/bulk/", week).expect(201) | {"message": ""} == {
        "message": "",
        "count": 2,
        "skipped": 5,
    }


@pytest.mark.parametrize(
    "change",
    [
        {"duration_minutes": 0}, {"duration_minutes": -5}, {"duration_minutes": "long"}, {"duration_minutes": 10**300},
        {"end_time": "09:00"}, {"end_time": "24:00"}, {"end_date": "2020-01-01"}, {"start_date": "2026-02-30"},
        {"start_time": "25:00"}, {"start_time": 9}, {"max_capacity": 0}, {"max_capacity": 10_001},
        {"doctor_id": "nonsense"}, {"exclude_weekends": "perhaps"}, {"end_date": "9999-12-31"}, {"start_date": None},
    ],
    ids=str,
)  # fmt: skip
def test_a_bad_bulk_makes_nothing(hospital: Hospital, change: Json) -> None:
    doctor, day = hospital.doctor(), hospital.at(day=4).date()
    hospital.desk.post("slots/bulk/", {**bulk_of(doctor, day, day), **change}).expect(400, "validation-error")
    assert hospital.desk.get("slots/", doctor=doctor["id"]).expect(200)["count"] == 0


def test_bulk_makes_5000_at_most(hospital: Hospital) -> None:
    doctor, day = hospital.doctor(), hospital.at(day=4).date()
    many = bulk_of(doctor, day, day + timedelta(days=51), start_time="08:00", end_time="18:00", duration_minutes=6)
    hospital.desk.post("slots/bulk/", many).expect(400, "validation-error")
    assert hospital.desk.get("slots/", doctor=doctor["id"]).expect(200)["count"] == 0


@pytest.mark.parametrize("action", ["cancel", "close", "call_next"])
def test_a_slots_action_needs_no_body(hospital: Hospital, action: str) -> None:
    slot = hospital.slot()
    hospital.token(slot, arrived=True)
    assert hospital.desk.call("POST", f"slots/{slot['id']}/{action}/").status == 200


def test_call_next_calls_the_first_who_is_here(hospital: Hospital) -> None:
    slot = hospital.slot()
    hospital.token(slot, category="PRIORITY_PAID")
    here = [hospital.token(slot, category=c, arrived=True) for c in ("WALKIN", "FOLLOWUP", "ONLINE")]
    place = f"slots/{slot['id']}/call_next/"
    called = hospital.desk.post(place).expect(200)
    assert_shape(called, shapes.TOKEN)
    assert (called["id"], called["status"], called["token_number"]) == (here[1]["id"], "CALLED", None)
    assert hospital.desk.post(place).expect(200)["id"] == here[2]["id"]
    assert hospital.desk.post(place).expect(200)["id"] == here[0]["id"]
    hospital.desk.post(place).expect(409, "queue-empty")


def test_call_next_may_complete_the_current_one_but_not_for_an_empty_queue(hospital: Hospital) -> None:
    slot = hospital.slot()
    room = hospital.done(hospital.token(slot, arrived=True), "call", "start")
    place = f"slots/{slot['id']}/call_next/"
    hospital.desk.post(place, {"complete_current": True}).expect(409, "queue-empty")
    assert hospital.read(room)["status"] == "IN_CONSULTATION"
    following = hospital.token(slot, arrived=True)
    assert hospital.desk.post(place).expect(200)["id"] == following["id"]
    assert hospital.read(room)["status"] == "IN_CONSULTATION", "without complete_current the room is left alone"
    hospital.done(following, "requeue")
    assert hospital.desk.post(place, {"complete_current": True}).expect(200)["id"] == following["id"]
    assert hospital.read(room)["status"] == "COMPLETED"


def test_the_tokens_of_a_slot_are_a_plain_list_the_queue_first_then_the_rest_by_ticket(hospital: Hospital) -> None:
    slot = hospital.slot(capacity=9)
    tokens = [hospital.token(slot, category=c) for c in ("WALKIN", "ONLINE", "WALKIN", "FOLLOWUP", "WALKIN")]
    hospital.do(tokens[2], "cancel").expect(200)
    hospital.done(tokens[0], "check_in", "call")
    urgent = hospital.emergency(slot)
    listed = hospital.tokens_of(slot)
    expected = [urgent, tokens[3], tokens[1], tokens[4], tokens[0], tokens[2]]
    assert [t["id"] for t in listed] == [t["id"] for t in expected]
    assert [t["token_number"] for t in listed] == [1, 2, 3, 4, None, None]
    assert [t["id"] for t in hospital.queue(slot)] == [t["id"] for t in expected[:4]]
    for token in listed:
        assert_shape(token, shapes.TOKEN)

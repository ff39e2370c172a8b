"""Section 14: rooms, and slots in which patients are called to several rooms."""

from datetime import timedelta
from typing import Any

import pytest

from tests.support.hospital import Hospital, Json, unique, when
from tests.support.shapes import SLOT, TOKEN, assert_shape

pytestmark = pytest.mark.usefixtures("invariants_hold")


def a_room(hospital: Hospital, **facts: Any) -> Json:
    code = unique("R").replace(" ", "-")
    return hospital.admin.post("rooms/", {"name": f"Room {code}", "code": code, **facts}).expect(201)


def a_slot_with(hospital: Hospital, rooms: list[Json], **facts: Any) -> Json:
    slot = hospital.slot(**facts)
    body = {"rooms": [room["id"] for room in rooms]}
    return hospital.desk.patch(f"slots/{slot['id']}/", body).expect(200)


def arrived(hospital: Hospital, slot: Json, number: int) -> list[Json]:
    return [hospital.token(slot, arrived=True) for _ in range(number)]


def call_next(hospital: Hospital, slot: Json, room: Json | None = None, **facts: Any) -> Any:
    named = {} if room is None else {"room": room["id"]}
    return hospital.desk.post(f"slots/{slot['id']}/call_next/", {**named, **facts})


# rooms/


def test_a_room_is_added_read_changed_and_removed(hospital: Hospital) -> None:
    room = a_room(hospital)
    assert set(room) == {"id", "name", "code", "is_active"}
    assert room["is_active"] is True
    path = f"rooms/{room['id']}/"
    changed = hospital.admin.patch(path, {"name": "Room 5", "is_active": False}).expect(200)
    assert changed == {**room, "name": "Room 5", "is_active": False}
    for reader in (hospital.desk, hospital.user("DOCTOR", doctor=hospital.doctor()["id"]), hospital.key("read")):
        assert reader.get(path).expect(200) == changed
        assert changed in reader.get("rooms/", is_active="false", page_size=200).expect(200)["results"]
    hospital.admin.delete(path).expect(204)
    hospital.desk.get(path).expect(404, "not-found")


def test_only_an_admin_writes_and_patients_do_not_read(hospital: Hospital) -> None:
    room = a_room(hospital)
    body = {"name": "Room 9", "code": unique("R").replace(" ", "-")}
    for api in (hospital.desk, hospital.user("DOCTOR", doctor=hospital.doctor()["id"]), hospital.key("operate")):
        api.post("rooms/", body).expect(403, "permission-denied")
        api.patch(f"rooms/{room['id']}/", {"name": "x"}).expect(403, "permission-denied")
        api.delete(f"rooms/{room['id']}/").expect(403, "permission-denied")
    patient = hospital.patient_user(hospital.patient())
    patient.get("rooms/").expect(403, "permission-denied")


def test_a_code_is_used_once(hospital: Hospital) -> None:
    room, other = a_room(hospital), a_room(hospital)
    for code in (room["code"], room["code"].lower()):
        for refused in (
            hospital.admin.post("rooms/", {"name": "Another", "code": code}),
            hospital.admin.patch(f"rooms/{other['id']}/", {"code": code}),
        ):
            refused.expect(400, "validation-error")
            assert refused.codes == {"code": "unique"}


@pytest.mark.parametrize("facts", [{"code": ""}, {"code": "R 4"}, {"name": ""}, {"is_active": 1}, {"floor": 2}])
def test_a_bad_room_is_refused(hospital: Hospital, facts: Json) -> None:
    refused = hospital.admin.post("rooms/", {"name": "Room 4", "code": unique("R").replace(" ", "-"), **facts})
    refused.expect(400, "validation-error")
    assert set(refused.codes) == set(facts)


def test_a_repeated_request_adds_one_room(hospital: Hospital) -> None:
    key, body = (
        {"Idempotency-Key": unique().replace(" ", "-")},
        {"name": "Room 4", "code": unique("R").replace(" ", "-")},
    )
    first, again = (hospital.admin.post("rooms/", body, headers=key) for _ in range(2))
    assert first.expect(201) == again.expect(201)


def test_a_room_of_a_slot_stays(hospital: Hospital) -> None:
    room = a_room(hospital)
    slot = a_slot_with(hospital, [room])
    hospital.admin.delete(f"rooms/{room['id']}/").expect(409, "in-use")
    hospital.desk.patch(f"slots/{slot['id']}/", {"rooms": []}).expect(200)
    hospital.admin.delete(f"rooms/{room['id']}/").expect(204)


# The rooms of a slot


def test_a_slot_has_rooms(hospital: Hospital) -> None:
    rooms = [a_room(hospital)["id"] for _ in range(2)]
    start = hospital.at()
    body = {
        "doctor": hospital.doctor()["id"],
        "start_time": start.isoformat(),
        "end_time": (start + timedelta(hours=1)).isoformat(),
        "max_capacity": 4,
    }
    slot = hospital.desk.post("slots/", {**body, "rooms": rooms}).expect(201)
    assert_shape(slot, SLOT)
    assert slot["rooms"] == rooms
    assert hospital.desk.put(f"slots/{slot['id']}/", slot).expect(200) == slot
    assert hospital.desk.put(f"slots/{slot['id']}/", body).expect(200)["rooms"] == rooms
    assert hospital.desk.patch(f"slots/{slot['id']}/", {"rooms": rooms[:1]}).expect(200)["rooms"] == rooms[:1]
    assert hospital.slot()["rooms"] == []


def test_slots_of_a_timetable_have_rooms(hospital: Hospital) -> None:
    doctor, room, day = hospital.doctor(), a_room(hospital), hospital.at().date().isoformat()
    body = {"doctor_id": doctor["id"], "start_date": day, "end_date": day, "start_time": "09:00", "end_time": "11:00"}
    hospital.desk.post("slots/bulk/", {**body, "duration_minutes": 60, "rooms": [room["id"]]}).expect(201)
    slots = hospital.desk.get("slots/", doctor=doctor["id"]).expect(200)["results"]
    assert [slot["rooms"] for slot in slots] == [[room["id"]]] * 2


def test_bad_rooms_of_a_slot_are_refused(hospital: Hospital) -> None:
    slot, room, shut = hospital.slot(), a_room(hospital), a_room(hospital, is_active=False)
    path = f"slots/{slot['id']}/"
    hospital.desk.patch(path, {"rooms": [slot["id"]]}).expect(404, "not-found")
    for rooms in ([shut["id"]], [room["id"], room["id"]], ["R4"], None, [None], room["id"]):
        refused = hospital.desk.patch(path, {"rooms": rooms})
        refused.expect(400, "validation-error")
        assert {name.split(".")[0] for name in refused.codes} == {"rooms"}
    assert hospital.slot_now(slot) == slot


def test_a_room_that_is_closed_later_stays_with_its_slots(hospital: Hospital) -> None:
    room = a_room(hospital)
    slot = a_slot_with(hospital, [room])
    hospital.admin.patch(f"rooms/{room['id']}/", {"is_active": False}).expect(200)
    assert hospital.desk.put(f"slots/{slot['id']}/", slot).expect(200) == slot


def test_a_room_in_use_is_not_taken_from_the_slot(hospital: Hospital) -> None:
    first, second = a_room(hospital), a_room(hospital)
    slot = a_slot_with(hospital, [first])
    arrived(hospital, slot, 1)
    token = call_next(hospital, slot).expect(200)
    path = f"slots/{slot['id']}/"
    hospital.desk.patch(path, {"rooms": [second["id"]]}).expect(409, "in-use")
    hospital.desk.patch(path, {"rooms": []}).expect(409, "in-use")
    hospital.desk.patch(path, {"rooms": [second["id"], first["id"]]}).expect(200)
    hospital.done(token, "start", "complete")
    hospital.desk.patch(path, {"rooms": [second["id"]]}).expect(200)


# Calling


def test_with_several_rooms_the_room_is_named(hospital: Hospital) -> None:
    rooms, other = [a_room(hospital), a_room(hospital)], a_room(hospital)
    slot = a_slot_with(hospital, rooms)
    token, second = arrived(hospital, slot, 2)
    for body in ({}, {"room": None}, {"room": other["id"]}, {"room": slot["id"]}, {"room": "R4"}):
        for path in (f"slots/{slot['id']}/call_next/", f"tokens/{token['id']}/call/"):
            refused = hospital.desk.post(path, body)
            refused.expect(400, "validation-error")
            assert set(refused.codes) == {"room"}
    called = call_next(hospital, slot, rooms[1]).expect(200)
    assert_shape(called, TOKEN)
    assert (called["id"], called["room"], called["room_name"]) == (token["id"], rooms[1]["id"], rooms[1]["name"])
    called = hospital.do(second, "call", {"room": rooms[0]["id"]}).expect(200)
    assert (called["room"], called["room_name"]) == (rooms[0]["id"], rooms[0]["name"])
    assert {each["room"] for each in hospital.tokens_of(slot)} == {room["id"] for room in rooms}


def test_the_only_room_is_implied(hospital: Hospital) -> None:
    room, other = a_room(hospital), a_room(hospital)
    slot = a_slot_with(hospital, [room])
    arrived(hospital, slot, 2)
    assert call_next(hospital, slot).expect(200)["room"] == room["id"]
    call_next(hospital, slot, other).expect(400, "validation-error")
    assert call_next(hospital, slot, room).expect(200)["room"] == room["id"]


def test_without_rooms_there_is_one_without_a_name(hospital: Hospital) -> None:
    slot = hospital.slot()
    first, second = arrived(hospital, slot, 2)
    call_next(hospital, slot, a_room(hospital)).expect(400, "validation-error")
    called = call_next(hospital, slot).expect(200)
    assert (called["room"], called["room_name"]) == (None, None)
    hospital.done(first, "start")
    call_next(hospital, slot).expect(200)
    hospital.do(second, "start").expect(409, "room-occupied")


def test_each_room_has_one_patient(hospital: Hospital) -> None:
    rooms = [a_room(hospital), a_room(hospital)]
    slot = a_slot_with(hospital, rooms)
    first, second, third = arrived(hospital, slot, 3)
    for token, room in ((first, rooms[0]), (second, rooms[1]), (third, rooms[0])):
        assert call_next(hospital, slot, room).expect(200)["id"] == token["id"]
    hospital.done(first, "start")
    hospital.done(second, "start")
    hospital.do(third, "start").expect(409, "room-occupied")
    hospital.do(third, "start", {"complete_current": True}).expect(200)
    assert [hospital.read(token)["status"] for token in (first, second, third)] == [
        "COMPLETED",
        "IN_CONSULTATION",
        "IN_CONSULTATION",
    ]


def test_complete_current_ends_the_consultation_in_this_room(hospital: Hospital) -> None:
    rooms = [a_room(hospital), a_room(hospital)]
    slot = a_slot_with(hospital, rooms)
    first, second, third = arrived(hospital, slot, 3)
    for token, room in ((first, rooms[0]), (second, rooms[1])):
        call_next(hospital, slot, room).expect(200)
        hospital.done(token, "start")
    assert call_next(hospital, slot, rooms[1], complete_current=True).expect(200)["id"] == third["id"]
    assert [hospital.read(token)["status"] for token in (first, second)] == ["IN_CONSULTATION", "COMPLETED"]
    call_next(hospital, slot, rooms[0], complete_current=True).expect(409, "queue-empty")
    assert hospital.read(first)["status"] == "IN_CONSULTATION"


def test_a_patient_who_goes_back_to_the_queue_has_no_room(hospital: Hospital) -> None:
    slot = a_slot_with(hospital, [a_room(hospital)])
    (token,) = arrived(hospital, slot, 1)
    assert call_next(hospital, slot).expect(200)["room"] is not None
    assert hospital.do(token, "requeue").expect(200)["room"] is None
    room = call_next(hospital, slot).expect(200)["room"]
    assert hospital.done(token, "start", "complete")["room"] == room


def test_a_doctor_calls_to_the_rooms_of_their_own_slots(hospital: Hospital) -> None:
    doctor, room = hospital.doctor(), a_room(hospital)
    slot = a_slot_with(hospital, [room], doctor=doctor)
    arrived(hospital, slot, 1)
    path, body = f"slots/{slot['id']}/call_next/", {"room": room["id"]}
    hospital.doctor_user(hospital.doctor()).post(path, body).expect(403, "permission-denied")
    hospital.doctor_user(doctor).post(path, body).expect(200)


def test_two_rooms_at_once_never_get_the_same_patient(hospital: Hospital) -> None:
    rooms = [a_room(hospital), a_room(hospital)]
    slot = a_slot_with(hospital, rooms, capacity=8)
    tokens = arrived(hospital, slot, 8)

    def call(api: Any, number: int) -> Any:
        return api.post(f"slots/{slot['id']}/call_next/", {"room": rooms[number % 2]["id"]})

    called = [answer.expect(200) for answer in hospital.concurrently(8, call)]
    assert {token["id"] for token in called} == {token["id"] for token in tokens}


# Estimates and the past


def test_two_rooms_halve_the_queue(hospital: Hospital) -> None:
    rooms = [a_room(hospital), a_room(hospital)]
    slot = a_slot_with(hospital, rooms, capacity=5, consultation=15)
    for _ in range(5):
        hospital.token(slot)
    start = when(slot["start_time"])
    waits = [(when(token["estimated_time"]) - start).total_seconds() / 60 for token in hospital.queue(slot)]
    assert waits == [0, 0, 15, 15, 30]
    assert when(hospital.slot_now(slot)["expected_end"]) == start + timedelta(minutes=60)
    hospital.desk.patch(f"slots/{slot['id']}/", {"rooms": []}).expect(200)
    waits = [(when(token["estimated_time"]) - start).total_seconds() / 60 for token in hospital.queue(slot)]
    assert waits == [0, 15, 30, 45, 60]


def test_the_queue_waits_for_the_first_room_that_becomes_free(hospital: Hospital, clock: Any) -> None:
    rooms = [a_room(hospital), a_room(hospital)]
    slot = a_slot_with(hospital, rooms, capacity=5)
    tokens = arrived(hospital, slot, 4)
    nine = hospital.at("09:00")
    clock.set(nine)
    call_next(hospital, slot, rooms[0]).expect(200)
    hospital.done(tokens[0], "start")
    assert when(hospital.queue(slot)[0]["estimated_time"]) == nine, "a room is free"
    clock.set(nine + timedelta(minutes=4))
    call_next(hospital, slot, rooms[1]).expect(200)
    hospital.done(tokens[1], "start")
    assert [when(each["estimated_time"]) for each in hospital.queue(slot)] == [nine + timedelta(minutes=10)] * 2
    hospital.done(tokens[0], "complete")
    assert [when(each["estimated_time"]) for each in hospital.queue(slot)] == [nine + timedelta(minutes=4)] * 2


def test_the_log_keeps_the_rooms(hospital: Hospital, clock: Any) -> None:
    rooms = [a_room(hospital), a_room(hospital)]
    slot = a_slot_with(hospital, rooms, capacity=5)
    tokens = arrived(hospital, slot, 3)
    for token, room in zip(tokens, rooms, strict=False):
        clock.advance(seconds=60)
        call_next(hospital, slot, room).expect(200)
        hospital.done(token, "start")
    clock.advance(seconds=60)
    hospital.done(tokens[0], "complete")
    moment, seen = hospital.now(), hospital.tokens_of(slot)
    clock.advance(seconds=60)
    hospital.done(tokens[1], "complete")
    past = hospital.desk.get(f"slots/{slot['id']}/tokens/", as_of=moment.isoformat()).expect(200)
    assert past == seen
    called = hospital.desk.get("events/", token=tokens[0]["id"]).expect(200)["results"][1]
    assert (called["type"], called["data"]["room"]) == ("token.called", rooms[0]["id"])

"""Sections 7 and 14: timetables by weekday and week and across midnight, and cancelling a range of slots."""

from datetime import date, datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest

from tests.support.hospital import Hospital, when

Json = dict[str, Any]
pytestmark = pytest.mark.usefixtures("invariants_hold")


def lay_out_body(doctor: Json, first: date, last: date | None = None, **facts: Any) -> Json:
    return {
        "doctor_id": doctor["id"],
        "start_date": first.isoformat(),
        "end_date": (last or first).isoformat(),
        "start_time": "09:00",
        "end_time": "10:00",
        "duration_minutes": 60,
        **facts,
    }


def lay_out(hospital: Hospital, doctor: Json, first: date, last: date | None = None, **facts: Any) -> Json:
    return hospital.desk.post("slots/bulk/", lay_out_body(doctor, first, last, **facts)).expect(201)


def slots_of(hospital: Hospital, doctor: Json, **query: Any) -> list[Json]:
    return hospital.desk.get("slots/", doctor=doctor["id"], page_size=200, **query).expect(200)["results"]


def starts(hospital: Hospital, doctor: Json, **query: Any) -> list[datetime]:
    return [when(slot["start_time"]).astimezone(hospital.zone) for slot in slots_of(hospital, doctor, **query)]


def next_monday(hospital: Hospital) -> date:
    day = hospital.at(day=3).date()
    return day + timedelta(days=(7 - day.weekday()) % 7)


def test_bulk_on_some_weekdays(hospital: Hospital) -> None:
    doctor, monday = hospital.doctor(), next_monday(hospital)
    assert lay_out(hospital, doctor, monday, monday + timedelta(days=13), weekdays=[1, 3, 7])["count"] == 6
    assert [start.isoweekday() for start in starts(hospital, doctor)] == [1, 3, 7, 1, 3, 7]


def test_bulk_every_second_week_counts_from_the_monday_of_the_first_day(hospital: Hospital) -> None:
    doctor, monday = hospital.doctor(), next_monday(hospital)
    thursday = monday + timedelta(days=3)
    made = lay_out(hospital, doctor, thursday, thursday + timedelta(days=27), weekdays=[1, 4], week_interval=2)
    # The Monday of the first week lies before the range; the second and the fourth week are left out.
    expected = [thursday, monday + timedelta(days=14), thursday + timedelta(days=14), monday + timedelta(days=28)]
    assert made["count"] == len(expected)
    assert [start.date() for start in starts(hospital, doctor)] == expected


def test_bulk_with_weekdays_and_without_weekends_takes_what_both_allow(hospital: Hospital) -> None:
    doctor, monday = hospital.doctor(), next_monday(hospital)
    lay_out(hospital, doctor, monday, monday + timedelta(days=6), weekdays=[5, 6], exclude_weekends=True)
    assert [start.isoweekday() for start in starts(hospital, doctor)] == [5]


@pytest.mark.parametrize(
    "facts",
    [{"weekdays": [7]}, {"weekdays": [6, 7], "exclude_weekends": True}, {"weekdays": [3], "week_interval": 52}],
    ids=["weekdays that do not occur", "weekends that are excluded", "a week that is left out"],
)
def test_a_range_without_a_planned_day_makes_no_slots(hospital: Hospital, facts: Json) -> None:
    doctor, thursday = hospital.doctor(), next_monday(hospital) + timedelta(days=3)
    made = lay_out(hospital, doctor, thursday, thursday + timedelta(days=1), **facts)
    assert (made["count"], made["skipped"]) == (0, 0)
    unknown = lay_out_body(doctor | {"id": str(uuid4())}, thursday, weekdays=[7])
    hospital.desk.post("slots/bulk/", unknown).expect(404, "not-found")


@pytest.mark.parametrize(
    "change",
    [
        {"start_time": "09:00Z"}, {"end_time": "10:00+05:30"}, {"end_time": "10:00-0100"},
        {"weekdays": []}, {"weekdays": [0]}, {"weekdays": [8]}, {"weekdays": ["1"]}, {"weekdays": [True]},
        {"weekdays": "1,2"}, {"weekdays": 1}, {"weekdays": None}, {"weekdays": [1] * 8}, {"weekdays": [1.5]},
        {"week_interval": 0}, {"week_interval": -1}, {"week_interval": 53}, {"week_interval": "2"},
        {"week_interval": None}, {"week_interval": 10**300}, {"end_time": "09:00"},
    ],
    ids=str,
)  # fmt: skip
def test_a_bad_timetable_makes_nothing(hospital: Hospital, change: Json) -> None:
    doctor, day = hospital.doctor(), hospital.at(day=4).date().isoformat()
    body = {
        "doctor_id": doctor["id"], "start_date": day, "end_date": day,
        "start_time": "09:00", "end_time": "10:00", "duration_minutes": 60,
    }  # fmt: skip
    refused = hospital.desk.post("slots/bulk/", {**body, **change})
    refused.expect(400, "validation-error")
    assert {field.split(".")[0] for field in refused.codes} == set(change)
    assert slots_of(hospital, doctor) == []


def test_a_night_is_one_slot_of_the_day_it_starts(hospital: Hospital) -> None:
    doctor, day = hospital.doctor(), hospital.at(day=4).date()
    night = {"start_time": "21:00", "end_time": "06:00", "duration_minutes": 540}
    assert lay_out(hospital, doctor, day, **night) | {"message": ""} == {"message": "", "count": 1, "skipped": 0}
    [slot] = slots_of(hospital, doctor)
    assert (when(slot["start_time"]), when(slot["end_time"])) == (
        hospital.at("21:00", day=4),
        hospital.at("06:00", day=5),
    )
    assert slots_of(hospital, doctor, date=day.isoformat()) == [slot]
    assert slots_of(hospital, doctor, date=(day + timedelta(days=1)).isoformat()) == []


def test_the_steps_of_a_night_go_on_after_midnight_and_belong_to_the_day_they_start(hospital: Hospital) -> None:
    doctor, day = hospital.doctor(), hospital.at(day=4).date()
    lay_out(hospital, doctor, day, start_time="22:00", end_time="02:00", duration_minutes=90)
    made = starts(hospital, doctor)
    assert made == [hospital.at("22:00", day=4), hospital.at("23:30", day=4)]
    assert starts(hospital, doctor, date=day.isoformat()) == made
    lay_out(hospital, doctor, day + timedelta(days=2), start_time="23:00", end_time="02:00")
    assert starts(hospital, doctor, date=(day + timedelta(days=3)).isoformat()) == [
        hospital.at("00:00", day=7),
        hospital.at("01:00", day=7),
    ]


def test_an_evening_may_end_at_midnight(hospital: Hospital) -> None:
    doctor, day = hospital.doctor(), hospital.at(day=4).date()
    lay_out(hospital, doctor, day, start_time="21:00", end_time="00:00", duration_minutes=60)
    assert starts(hospital, doctor) == [hospital.at(f"{hour}:00", day=4) for hour in (21, 22, 23)]
    whole = hospital.doctor()
    lay_out(hospital, whole, day, start_time="00:00", end_time="00:00", duration_minutes=1440)
    assert starts(hospital, whole) == [hospital.at("00:00", day=4)]


def test_nights_in_a_row_skip_what_lies_in_the_way_after_the_last_midnight(hospital: Hospital) -> None:
    doctor, day = hospital.doctor(), hospital.at(day=4).date()
    hospital.slot(doctor, start=hospital.at("05:30", day=6))
    night = {"start_time": "21:00", "end_time": "06:00", "duration_minutes": 540}
    made = lay_out(hospital, doctor, day, day + timedelta(days=1), **night)
    assert (made["count"], made["skipped"]) == (1, 1)


def test_a_patient_of_the_night_may_book_the_next_day_too(hospital: Hospital) -> None:
    doctor, day, patient = hospital.doctor(), hospital.at(day=4).date(), hospital.patient()
    lay_out(hospital, doctor, day, start_time="21:00", end_time="06:00", duration_minutes=270)
    lay_out(hospital, doctor, day + timedelta(days=1), start_time="09:00", end_time="10:00")
    evening, morning, next_day = slots_of(hospital, doctor)
    hospital.token(evening, patient)
    hospital.token(morning, patient)  # it starts at 01:30 of the next local day
    hospital.ask(next_day, patient).expect(409, "duplicate-booking")


# Cancelling


def cancel_range(hospital: Hospital, doctor: Json, first: str, last: str, *, dry_run: bool = False) -> Json:
    body = {"doctor": doctor["id"], "from": first, "to": last, "reason": "On leave"}
    return hospital.desk.post(f"slots/cancel/{'?dry_run=true' if dry_run else ''}", body).expect(200)


def statuses(hospital: Hospital, slots: list[Json]) -> list[str]:
    return [hospital.slot_now(slot)["status"] for slot in slots]


def day_of(hospital: Hospital, number: int) -> str:
    return hospital.at(day=number).date().isoformat()


def test_a_dry_run_of_cancelling_a_slot_counts_and_changes_nothing(hospital: Hospital) -> None:
    doctor = hospital.doctor()
    slot = hospital.slot(doctor, capacity=2)
    later = hospital.slot(doctor, start=hospital.at("10:00"))
    tokens = [hospital.token(slot), hospital.token(slot)]
    entry = hospital.entry(slot)
    hospital.delay(slot, 30)
    before = hospital.slot_now(slot), hospital.slot_now(later)
    place, events = f"slots/{slot['id']}/cancel/", lambda: hospital.desk.get("events/", slot=slot["id"]).body["count"]
    told, logged = hospital.desk.post(f"{place}?dry_run=true", {"reason": "Ill"}).expect(200), events()
    assert told == {"cancelled_tokens": 2, "withdrawn_entries": 1}
    assert (hospital.slot_now(slot), hospital.slot_now(later)) == before
    assert [hospital.read(token)["status"] for token in tokens] == ["CONFIRMED"] * 2
    assert hospital.entry_now(entry)["status"] == "WAITING"
    assert events() == logged
    assert hospital.desk.post(f"{place}?dry_run=false", {"reason": "Ill"}).expect(200) == told
    assert statuses(hospital, [slot]) == ["CANCELLED"]
    hospital.desk.post(f"{place}?dry_run=true").expect(409, "invalid-transition")
    hospital.desk.post(f"{place}?dry_run=perhaps").expect(400, "validation-error")


def test_a_dry_run_counts_as_the_real_run_does_what_is_due_by_itself(hospital: Hospital, clock: Any) -> None:
    slot = hospital.slot(capacity=1)
    hospital.token(slot, hold=True)
    hospital.entry(slot)
    clock.advance(minutes=5)  # the hold has expired: its seat goes to the waiting entry
    place = f"slots/{slot['id']}/cancel/"
    told = hospital.desk.post(f"{place}?dry_run=true").expect(200)
    assert told == {"cancelled_tokens": 1, "withdrawn_entries": 0}
    assert len(hospital.waiting(slot)) == 1
    assert hospital.desk.post(place).expect(200) == told


def test_a_dry_run_keeps_no_answer_for_its_key(hospital: Hospital) -> None:
    slot = hospital.slot()
    for place in (f"slots/{slot['id']}/cancel/?dry_run=true", "slots/cancel/?dry_run=true"):
        body = {"doctor": slot["doctor"], "from": day_of(hospital, 2), "to": day_of(hospital, 2)}
        sent = {} if slot["id"] in place else body
        key = {"Idempotency-Key": f"dry-{slot['id']}-{len(place)}"}
        hospital.desk.post(place, sent, headers=key).expect(200)
        hospital.token(slot)
        again = hospital.desk.post(place, sent, headers=key)
        assert "idempotency-replayed" not in again.headers
        assert again.expect(200)["cancelled_tokens"] > 0


def test_a_range_of_days_is_cancelled_at_once(hospital: Hospital) -> None:
    doctor, other = hospital.doctor(), hospital.slot(start=hospital.at(day=4))
    slots = [hospital.slot(doctor, capacity=1, start=hospital.at(day=day)) for day in (3, 4, 5, 6)]
    tokens = [hospital.token(slot) for slot in slots]
    hospital.entry(slots[1])
    hospital.desk.post(f"slots/{slots[2]['id']}/cancel/").expect(200)
    first, last = day_of(hospital, 4), day_of(hospital, 5)
    told = cancel_range(hospital, doctor, first, last, dry_run=True)
    assert statuses(hospital, slots) == ["ACTIVE", "ACTIVE", "CANCELLED", "ACTIVE"]
    assert told == {"cancelled_slots": 1, "cancelled_tokens": 1, "withdrawn_entries": 1}
    assert cancel_range(hospital, doctor, first, last) == told
    assert statuses(hospital, slots) == ["ACTIVE", "CANCELLED", "CANCELLED", "ACTIVE"]
    assert hospital.read(tokens[1])["status"] == "CANCELLED"
    assert statuses(hospital, [other]) == ["ACTIVE"]
    nothing = {"cancelled_slots": 0, "cancelled_tokens": 0, "withdrawn_entries": 0}
    assert cancel_range(hospital, doctor, first, last) == nothing


def test_a_range_of_times_takes_the_slots_that_start_in_it(hospital: Hospital) -> None:
    doctor = hospital.doctor()
    slots = [hospital.slot(doctor, start=hospital.at(start)) for start in ("09:00", "10:00", "11:00", "12:00")]
    hospital.delay(slots[1], 90)
    assert [hospital.slot_now(slot)["delay_minutes"] for slot in slots] == [0, 90, 90, 90]
    first, last = hospital.at("09:30").isoformat(), hospital.at("12:00").replace(tzinfo=None).isoformat()
    assert cancel_range(hospital, doctor, first, last)["cancelled_slots"] == 2
    assert statuses(hospital, slots) == ["ACTIVE", "CANCELLED", "CANCELLED", "ACTIVE"]
    assert hospital.slot_now(slots[3])["delay_minutes"] == 0


def test_a_night_is_cancelled_with_the_day_it_starts(hospital: Hospital) -> None:
    doctor = hospital.doctor()
    night = hospital.slot(doctor, start=hospital.at("21:00", day=3), minutes=540)
    assert cancel_range(hospital, doctor, day_of(hospital, 4), day_of(hospital, 4))["cancelled_slots"] == 0
    assert cancel_range(hospital, doctor, day_of(hospital, 3), day_of(hospital, 3))["cancelled_slots"] == 1
    assert statuses(hospital, [night]) == ["CANCELLED"]


def test_the_patient_in_the_room_stays_and_slots_that_are_over_are_left_alone(hospital: Hospital) -> None:
    doctor = hospital.doctor()
    over = hospital.slot(doctor, start=hospital.now() - timedelta(hours=3))
    running = hospital.slot(doctor, start=hospital.now() - timedelta(minutes=30))
    room = hospital.done(hospital.token(running, arrived=True), "call", "start")
    waits = hospital.token(running)
    first, last = (hospital.now() - timedelta(days=1)).date(), (hospital.now() + timedelta(days=1)).date()
    answer = cancel_range(hospital, doctor, first.isoformat(), last.isoformat())
    assert answer == {"cancelled_slots": 1, "cancelled_tokens": 1, "withdrawn_entries": 0}
    assert statuses(hospital, [over, running]) == ["ACTIVE", "CANCELLED"]
    assert [hospital.read(token)["status"] for token in (room, waits)] == ["IN_CONSULTATION", "CANCELLED"]


@pytest.mark.parametrize(
    "change",
    [
        {"from": None}, {"from": 7}, {"from": "soon"}, {"from": "2026-02-30"}, {"from": "2026-02-30T10:00"},
        {"from": ["2026-03-02"]}, {"to": None}, {"to": "2020-01-01"}, {"to": "2020-01-01T09:00"}, {"to": "9999-12-31"},
        {"to": "0001-01-01"}, {"doctor": 7}, {"doctor": "nonsense"}, {"reason": 5}, {"reason": "x" * 501}, {"ward": 1},
    ],
    ids=str,
)  # fmt: skip
def test_a_bad_range_cancels_nothing(hospital: Hospital, change: Json) -> None:
    slot = hospital.slot()
    body = {"doctor": slot["doctor"], "from": day_of(hospital, 1), "to": day_of(hospital, 3)}
    refused = hospital.desk.post("slots/cancel/", {**body, **change})
    refused.expect(400, "validation-error")
    assert set(refused.codes) == set(change)
    for name in ("doctor", "from", "to"):
        left = {key: value for key, value in body.items() if key != name}
        missing = hospital.desk.post("slots/cancel/", left)
        missing.expect(400, "validation-error")
        assert missing.codes == {name: "required"}
    same = {**body, "from": hospital.at().isoformat(), "to": hospital.at().isoformat()}
    hospital.desk.post("slots/cancel/", same).expect(400, "validation-error")
    assert statuses(hospital, [slot]) == ["ACTIVE"]


def test_who_may_cancel_a_range(hospital: Hospital) -> None:
    slot = hospital.slot()
    body = {"doctor": slot["doctor"], "from": day_of(hospital, 1), "to": day_of(hospital, 3)}
    hospital.doctor_user({"id": slot["doctor"]}).post("slots/cancel/", body).expect(403, "permission-denied")
    hospital.patient_user(hospital.patient()).post("slots/cancel/", body).expect(403, "permission-denied")
    hospital.nobody.post("slots/cancel/", body).expect(401, "not-authenticated")
    hospital.key("book").post("slots/cancel/", body).expect(403, "permission-denied")
    unknown = {**body, "doctor": "6f1c2f0e-0000-4000-8000-000000000000"}
    hospital.desk.post("slots/cancel/", unknown).expect(404, "not-found")
    assert statuses(hospital, [slot]) == ["ACTIVE"]
    assert hospital.key("operate").post("slots/cancel/", body).expect(200)["cancelled_slots"] == 1

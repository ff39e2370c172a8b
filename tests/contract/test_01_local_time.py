"""Section 1: skipped and repeated local times. In-process only, because it changes the facility's time zone."""

from typing import Any

from tests.support.hospital import Hospital, when


def test_times_that_do_not_exist_or_come_twice_are_refused(hospital: Hospital, clock: Any) -> None:
    """The clocks of Berlin skip 02:30 on 2031-03-30 and show it twice on 2031-10-26."""
    place = f"facilities/{hospital.facility['id']}/"
    assert hospital.admin.patch(place, {"time_zone": "Europe/Berlin"}).expect(200)["time_zone"] == "Europe/Berlin"
    doctor = hospital.doctor()
    plan = {"doctor": doctor["id"], "max_capacity": 1}
    for day in ("2031-03-30", "2031-10-26"):
        answer = hospital.desk.post("slots/", {**plan, "start_time": f"{day}T02:30:00", "end_time": f"{day}T04:00:00"})
        answer.expect(400, "validation-error")
        assert set(answer.codes) == {"start_time"}
        answer = hospital.desk.post("slots/", {**plan, "start_time": f"{day}T01:00:00", "end_time": f"{day}T02:30:00"})
        answer.expect(400, "validation-error")
        assert set(answer.codes) == {"end_time"}
    twice = {"start_time": "2031-10-26T02:30:00+02:00", "end_time": "2031-10-26T02:30:00+01:00"}
    slot = hospital.desk.post("slots/", {**plan, **twice}).expect(201)
    assert (when(slot["end_time"]) - when(slot["start_time"])).total_seconds() == 3600
    fine = {"start_time": "2031-03-30T03:00:00", "end_time": "2031-03-30T04:00:00"}
    made = hospital.desk.post("slots/", {**plan, **fine}).expect(201)
    assert when(made["start_time"]) == when("2031-03-30T01:00:00+00:00")
    days = {"start_date": "2032-03-27", "end_date": "2032-03-29", "start_time": "02:00", "end_time": "04:00"}
    bulk = hospital.desk.post("slots/bulk/", {"doctor_id": doctor["id"], "duration_minutes": 30, **days})
    assert bulk.status in (201, 400), str(bulk)

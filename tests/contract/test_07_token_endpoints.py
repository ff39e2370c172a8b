"""Section 7: tokens, the daily report, and the log."""

from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest

from tests.support import shapes
from tests.support.hospital import Hospital, when
from tests.support.shapes import assert_shape

Json = dict[str, Any]


def test_tokens_filters(hospital: Hospital) -> None:
    doctor, patient = hospital.doctor(), hospital.patient()
    slot, later = hospital.slot(doctor), hospital.slot(doctor, start=hospital.at("09:00", day=3))
    mine = hospital.token(slot, patient, "ONLINE")
    other = hospital.token(slot, category="WALKIN")
    tomorrow = hospital.token(later, patient, "FOLLOWUP")
    hospital.do(other, "cancel").expect(200)

    def ids(**query: Any) -> set[str]:
        page = hospital.desk.get("tokens/", **query).expect(200)
        assert set(page) == {"count", "next", "previous", "results"}
        for token in page["results"]:
            assert_shape(token, shapes.TOKEN)
        return {token["id"] for token in page["results"]}

    assert ids(slot=slot["id"]) == {mine["id"], other["id"]}
    assert ids(patient=patient["id"]) == {mine["id"], tomorrow["id"]}
    assert ids(doctor=doctor["id"]) == {mine["id"], other["id"], tomorrow["id"]}
    day = hospital.at(day=3).date().isoformat()
    assert ids(doctor=doctor["id"], date=day) == {tomorrow["id"]}
    assert ids(doctor=doctor["id"], status="CANCELLED") == {other["id"]}
    assert ids(doctor=doctor["id"], category="ONLINE") == {mine["id"]}
    assert ids(doctor=doctor["id"], category="ONLINE", status="CANCELLED") == set()
    assert ids(slot=str(uuid4())) == set()
    for query in ({"status": "SLEEPY"}, {"category": "VIP"}, {"date": "2026-13-01"}, {"slot": "x"}, {"patient": "x"}):
        hospital.desk.get("tokens/", **query).expect(400, "validation-error")


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"category": "EMERGENCY"}, "category"), ({"category": "VIP"}, "category"), ({"category": None}, "category"),
        ({"category": "walkin"}, "category"), ({"category": ["WALKIN"]}, "category"), ({"slot_id": "x"}, "slot_id"),
        ({"slot_id": None}, "slot_id"), ({"slot_id": 3}, "slot_id"), ({"patient_id": {}}, "patient_id"),
        ({"patient_id": ""}, "patient_id"), ({"hold": "perhaps"}, "hold"), ({"hold": None}, "hold"),
        ({"arrived": "perhaps"}, "arrived"), ({"arrived": 7}, "arrived"),
        ({"join_waiting_list": "perhaps"}, "join_waiting_list"), ({"join_waiting_list": []}, "join_waiting_list"),
    ],
    ids=str,
)  # fmt: skip
def test_a_booking_with_a_bad_field_is_refused_by_its_name(hospital: Hospital, change: Json, field: str) -> None:
    slot = hospital.slot()
    body = {"slot_id": slot["id"], "patient_id": hospital.patient()["id"], "category": "WALKIN", **change}
    answer = hospital.desk.post("tokens/", body)
    answer.expect(400, "validation-error")
    assert field in answer.codes
    assert hospital.slot_now(slot) == slot


@pytest.mark.parametrize("missing", ["slot_id", "patient_id", "category"])
def test_a_booking_needs_these(hospital: Hospital, missing: str) -> None:
    body = {"slot_id": hospital.slot()["id"], "patient_id": hospital.patient()["id"], "category": "WALKIN"}
    del body[missing]
    answer = hospital.desk.post("tokens/", body)
    answer.expect(400, "validation-error")
    assert set(answer.codes) == {missing}


def test_hold_and_arrived_at_once_make_one_sensible_token_or_none(hospital: Hospital) -> None:
    """The contract leaves this open: the request is refused, or one of the two options wins."""
    answer = hospital.ask(hospital.slot(), hold=True, arrived=True)
    assert answer.status == 400 or answer.body["status"] in ("PENDING", "CHECKED_IN"), str(answer)


@pytest.mark.parametrize(
    ("change", "field"),
    [({"acuity": 0}, "acuity"), ({"acuity": 6}, "acuity"), ({"acuity": "high"}, "acuity"), ({"acuity": 1.5}, "acuity"),
     ({"reason": 7}, "reason"), ({"reason": ["x"]}, "reason"), ({"reason": "x" * 10_000}, "reason")],
    ids=lambda value: str(value)[:30],
)  # fmt: skip
def test_an_emergency_with_a_bad_field_is_refused_by_its_name(hospital: Hospital, change: Json, field: str) -> None:
    slot = hospital.slot()
    body = {"slot_id": slot["id"], "patient_id": hospital.patient()["id"], **change}
    answer = hospital.desk.post("tokens/emergency/", body)
    answer.expect(400, "validation-error")
    assert field in answer.codes
    assert hospital.slot_now(slot) == slot


def test_an_emergency_may_say_no_acuity_with_null(hospital: Hospital) -> None:
    assert hospital.emergency(hospital.slot(), acuity=None, reason="")["acuity"] is None


def test_tokens_can_be_neither_put_nor_patched(hospital: Hospital) -> None:
    token = hospital.token(hospital.slot())
    for method in ("PUT", "PATCH"):
        hospital.desk.call(method, f"tokens/{token['id']}/", token).expect(405, "method-not-allowed")
    hospital.desk.get(f"tokens/{token['id']}/cancel/").expect(404, "not-found")
    hospital.desk.get(f"tokens/{token['id']}/call/").expect(405, "method-not-allowed")


def test_cancel_answers_a_message_the_token_and_whom_it_helped(hospital: Hospital) -> None:
    token = hospital.token(hospital.slot())
    body = hospital.desk.delete(f"tokens/{token['id']}/").expect(200)
    assert set(body) == {"message", "token", "promoted"}
    assert isinstance(body["message"], str)
    assert (body["token"]["status"], body["token"]["token_number"], body["promoted"]) == ("CANCELLED", None, [])
    hospital.desk.delete(f"tokens/{token['id']}/").expect(409, "invalid-transition")
    hospital.desk.delete(f"tokens/{uuid4()}/").expect(404, "not-found")
    other = hospital.token(hospital.slot())
    hospital.desk.delete(f"tokens/{other['id']}/?buffer=perhaps").expect(400, "validation-error")
    plain = hospital.desk.delete(f"tokens/{other['id']}/?buffer=false").expect(200)
    assert plain["token"]["status"] == "CANCELLED"


def figures(hospital: Hospital, doctor: Json, day: int = 2) -> Json:
    date = hospital.at(day=day).date().isoformat()
    return hospital.desk.get("reports/daily/", date=date, doctor_id=doctor["id"]).expect(200)


def test_the_daily_report_counts_right(hospital: Hospital) -> None:
    doctor = hospital.doctor()
    slot = hospital.slot(doctor, capacity=10)
    full, _ = hospital.full_slot(1, doctor=doctor, start=hospital.at("11:00"))
    hospital.entry(full)
    hospital.slot(doctor, start=hospital.at("09:00", day=3))
    hospital.done(hospital.token(slot), "check_in", "call", "start", "complete")
    hospital.done(hospital.token(slot, category="ONLINE"), "check_in", "call", "start")
    hospital.done(hospital.token(slot, category="ONLINE"), "check_in", "call")
    hospital.done(hospital.token(slot), "no_show")
    hospital.token(slot, hold=True)
    hospital.do(hospital.token(slot), "cancel").expect(200)
    hospital.emergency(slot)
    report = figures(hospital, doctor)
    assert shapes.FIGURES.keys() <= report.keys(), shapes.FIGURES.keys() - report.keys()
    assert report["date"] == hospital.at(day=2).date().isoformat()
    assert (report["total_slots"], report["total_tokens"], report["waitlisted"]) == (2, 8, 1)
    assert (report["confirmed_tokens"], report["completed_tokens"]) == (4, 1)
    assert (report["cancelled_tokens"], report["no_show_tokens"]) == (1, 1)
    assert (report["cancellation_rate"], report["no_show_rate"]) == (12.5, 12.5)
    assert report["capacity_utilization"] == pytest.approx(100 * 7 / 11, abs=0.006)
    assert round(report["capacity_utilization"], 2) == report["capacity_utilization"]
    categories = {row["category"]: row["count"] for row in report["category_breakdown"]}
    assert {c: n for c, n in categories.items() if n} == {"WALKIN": 5, "ONLINE": 2, "EMERGENCY": 1}
    statuses = {row["status"]: row["count"] for row in report["status_breakdown"]}
    assert {s: n for s, n in statuses.items() if n} == {
        "COMPLETED": 1, "IN_CONSULTATION": 1, "CALLED": 1, "NO_SHOW": 1, "PENDING": 1, "CANCELLED": 1, "CHECKED_IN": 1,
        "CONFIRMED": 1,
    }  # fmt: skip
    (row,) = report["doctors"]
    for name in shapes.FIGURES:
        assert row[name] == report[name], name


def test_the_report_of_an_empty_day_divides_by_nothing(hospital: Hospital) -> None:
    doctor = hospital.doctor()
    report = figures(hospital, doctor, day=9)
    numbers = {name: report[name] for name in shapes.FIGURES if not name.endswith("breakdown")}
    assert set(numbers.values()) == {0}
    assert not any(row["count"] for row in report["category_breakdown"] + report["status_breakdown"])


def test_the_report_without_a_date_is_todays_and_covers_every_doctor(hospital: Hospital) -> None:
    today = hospital.now().date().isoformat()
    report = hospital.desk.get("reports/daily/").expect(200)
    assert report["date"] == today
    assert isinstance(report["doctors"], list)
    day = hospital.at(day=6)
    one, two = hospital.slot(start=day), hospital.slot(start=day)
    hospital.token(one)
    hospital.token(two)
    whole = hospital.desk.get("reports/daily/", date=day.date().isoformat()).expect(200)
    assert whole["total_tokens"] >= 2
    assert sum(row["total_tokens"] for row in whole["doctors"]) == whole["total_tokens"]


@pytest.mark.parametrize("query", [{"date": "2026-02-30"}, {"date": "x"}, {"doctor_id": "x"}, {"date": "9" * 40}])
def test_a_report_for_nonsense_is_refused(hospital: Hospital, query: Json) -> None:
    hospital.desk.get("reports/daily/", **query).expect(400, "validation-error")


def test_a_report_for_an_unknown_doctor(hospital: Hospital) -> None:
    """Either not-found, or a report in which nothing happened."""
    answer = hospital.desk.get("reports/daily/", doctor_id=str(uuid4()))
    assert answer.status in (200, 404), str(answer)


def test_the_log_lists_every_event_oldest_first_without_names(hospital: Hospital) -> None:
    slot, patient = hospital.slot(), hospital.patient()
    token = hospital.token(slot, patient)
    hospital.done(token, "check_in", "call", "start", "complete")
    page = hospital.desk.get("events/", token=token["id"]).expect(200)
    assert set(page) == {"count", "next", "previous", "results"}
    events = page["results"]
    assert len(events) == 5, "each change of status has exactly one event"
    for event in events:
        assert_shape(event, shapes.EVENT)
        assert (event["token"], event["slot"]) == (token["id"], slot["id"])
    times = [when(event["at"]) for event in events]
    assert times == sorted(times)
    raw = hospital.desk.get("events/", slot=slot["id"]).raw.decode()
    assert patient["name"] not in raw
    assert patient["phone"] not in raw
    of_slot = hospital.desk.get("events/", slot=slot["id"]).expect(200)["results"]
    assert [e["id"] for e in of_slot if e["token"]] == [e["id"] for e in events]


def test_the_log_goes_on_after_an_event(hospital: Hospital) -> None:
    slot = hospital.slot()
    token = hospital.token(slot)
    events = hospital.desk.get("events/", slot=slot["id"]).expect(200)["results"]
    last = events[-1]["id"]
    assert hospital.desk.get("events/", slot=slot["id"], after=last).expect(200)["results"] == []
    hospital.do(token, "check_in").expect(200)
    (new,) = hospital.desk.get("events/", slot=slot["id"], after=last).expect(200)["results"]
    assert new["token"] == token["id"]
    some = hospital.desk.get("events/", slot=slot["id"], after=events[0]["id"]).expect(200)["results"]
    assert [e["id"] for e in some] == [e["id"] for e in events[1:]] + [new["id"]]
    hospital.desk.call("POST", "events/", {}).expect(405, "method-not-allowed")
    answer = hospital.desk.get("events/", after="nonsense")
    assert answer.status in (400, 404), str(answer)


def test_what_changes_nothing_leaves_no_event(hospital: Hospital) -> None:
    slot, past = hospital.slot(), hospital.slot(start=hospital.now() - timedelta(days=3))

    def logged() -> list[int]:
        return [hospital.desk.get("events/", slot=each["id"]).expect(200)["count"] for each in (slot, past)]

    before = logged()
    hospital.delay(slot, 20, dry_run=True)
    hospital.ask(past).expect(409, "slot-not-open")
    assert logged() == before
    hospital.delay(slot, 20)
    assert logged() == [before[0] + 1, before[1]]

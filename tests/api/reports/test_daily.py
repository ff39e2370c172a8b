"""reports/daily/: the figures of a local day, live and stored."""

from datetime import date, timedelta
from typing import Any

import pytest
from django.db import DatabaseError, connection
from django.test.utils import CaptureQueriesContext

from clinics.facilities import default_facility
from core.clock import ManualClock
from core.db.transactions import atomic
from core.ids import new_id
from reports.closing import FARTHEST_BACK
from reports.daily import percent
from reports.models import DailyReport
from reports.tasks import store_daily_reports
from tests.factories import a_doctor, a_patient, stored_slot, stored_token
from tests.support.hospital import Hospital
from tests.support.shapes import FIGURES, assert_shape, text, uuid

TODAY = "2026-03-02"  # the frozen clock of these tests: a Monday, 09:00 in India
REPORT = {**FIGURES, "date": text, "doctors": lambda value: isinstance(value, list)}
OF_DOCTOR = {**FIGURES, "date": text, "doctor": uuid, "doctor_name": text}


@pytest.fixture(autouse=True)
def standing_clock(clock: ManualClock) -> ManualClock:
    """Freeze the clock, so that no test depends on the machine's date."""
    return clock


def figures(report: dict[str, Any], *names: str) -> list[Any]:
    return [report[name] for name in names]


def a_day() -> Any:
    """Create a slot with tokens in many states and a cancelled slot; return the doctor."""
    doctor = a_doctor("Dr. Anand")
    slot = stored_slot(doctor=doctor, max_capacity=8, regular_seats=5, emergency_seats=1, waiting_count=2)
    for category, status in [
        ("EMERGENCY", "IN_CONSULTATION"),
        ("ONLINE", "CONFIRMED"),
        ("ONLINE", "CHECKED_IN"),
        ("WALKIN", "COMPLETED"),
        ("WALKIN", "CANCELLED"),
        ("FOLLOWUP", "NO_SHOW"),
        ("FOLLOWUP", "EXPIRED"),
    ]:
        stored_token(slot, category=category, status=status)
    off = stored_slot(doctor=doctor, start=slot.end_time, max_capacity=100, status="CANCELLED")
    stored_token(off, status="CANCELLED")
    return doctor


def test_an_empty_day_is_all_noughts(hospital: Hospital) -> None:
    report = hospital.desk.get("reports/daily/").expect(200)
    assert_shape(report, REPORT)
    assert report["date"] == TODAY
    assert {value for name, value in report.items() if name != "date" and not isinstance(value, list)} == {0}
    assert report["doctors"] == report["category_breakdown"] == report["status_breakdown"] == []


@pytest.mark.parametrize("day", ["0001-01-01", "9999-12-31"])
def test_a_day_beyond_all_slots_is_empty(hospital: Hospital, day: str) -> None:
    report = hospital.desk.get("reports/daily/", date=day).expect(200)
    assert (report["date"], report["total_slots"]) == (day, 0)


def test_a_day_is_counted(hospital: Hospital) -> None:
    doctor = a_day()
    report = hospital.desk.get("reports/daily/", date=TODAY).expect(200)
    assert_shape(report, REPORT)
    assert figures(report, "total_slots", "total_tokens", "confirmed_tokens", "cancelled_tokens") == [2, 8, 3, 2]
    assert figures(report, "no_show_tokens", "completed_tokens", "waitlisted") == [1, 1, 2]
    assert figures(report, "cancellation_rate", "no_show_rate", "capacity_utilization") == [25.0, 12.5, 75.0]
    assert report["category_breakdown"] == [
        {"category": "EMERGENCY", "count": 1},
        {"category": "FOLLOWUP", "count": 2},
        {"category": "ONLINE", "count": 2},
        {"category": "WALKIN", "count": 3},
    ]
    assert [each["status"] for each in report["status_breakdown"]] == [
        "CONFIRMED", "CHECKED_IN", "IN_CONSULTATION", "COMPLETED", "NO_SHOW", "CANCELLED", "EXPIRED",
    ]  # fmt: skip
    assert sum(each["count"] for each in report["status_breakdown"]) == 8
    [line] = report["doctors"]
    assert_shape(line, OF_DOCTOR)
    assert (line["doctor"], line["doctor_name"]) == (str(doctor.pk), "Dr. Anand")
    assert {**line, "doctors": report["doctors"]} == {**report, "doctor": str(doctor.pk), "doctor_name": "Dr. Anand"}


def test_figures_per_doctor_add_up(hospital: Hospital) -> None:
    first, second = a_day(), a_doctor("Dr. Bhat")
    stored_token(stored_slot(doctor=second), category="PRIORITY_PAID")
    report = hospital.desk.get("reports/daily/").expect(200)
    assert [each["doctor_name"] for each in report["doctors"]] == ["Dr. Anand", "Dr. Bhat"]
    assert report["total_tokens"] == sum(each["total_tokens"] for each in report["doctors"]) == 9
    one = hospital.desk.get("reports/daily/", doctor_id=second.pk).expect(200)
    assert (one["total_slots"], one["total_tokens"]) == (1, 1)
    assert [each["doctor"] for each in one["doctors"]] == [str(second.pk)]
    assert hospital.desk.get("reports/daily/", doctor_id=first.pk).expect(200)["total_tokens"] == 8


def test_the_day_is_the_hospitals(hospital: Hospital, clock: ManualClock) -> None:
    slot = stored_slot(start=clock.now().replace(hour=19))  # 00:30 on the third in India
    assert slot.local_date == date(2026, 3, 3)
    assert hospital.desk.get("reports/daily/").expect(200)["total_slots"] == 0
    assert hospital.desk.get("reports/daily/", date="2026-03-03").expect(200)["total_slots"] == 1
    clock.advance(hours=16)
    assert hospital.desk.get("reports/daily/").expect(200)["date"] == "2026-03-03"


def test_rates_have_two_decimals_and_divide_by_nothing() -> None:
    assert percent(1, 3) == 33.33
    assert percent(2, 3) == 66.67
    assert percent(1, 800) == 0.13
    assert percent(5, 0) == 0
    assert percent(7, 5) == 140.0


def test_the_number_of_queries_is_the_same_for_a_full_day(hospital: Hospital) -> None:
    def queries() -> int:
        with CaptureQueriesContext(connection) as seen:
            hospital.desk.get("reports/daily/").expect(200)
        return len(seen)

    a_day()
    few = queries()
    for _ in range(10):
        slot = stored_slot()
        for _ in range(3):
            stored_token(slot)
    assert queries() == few <= 4


@pytest.mark.parametrize(
    "query",
    [
        {"date": "2026-02-30"},
        {"date": "yesterday"},
        {"date": "2026-03-02\x00"},
        {"date": ""},
        {"doctor_id": "7"},
        {"doctor_id": "\x00"},
        {"ward": "7"},
    ],
)
def test_what_makes_no_sense_is_refused(hospital: Hospital, query: dict[str, str]) -> None:
    hospital.desk.get("reports/daily/", **query).expect(400, "validation-error")


def test_a_doctor_who_does_not_exist_is_not_found(hospital: Hospital) -> None:
    hospital.desk.get("reports/daily/", doctor_id=new_id()).expect(404, "not-found")


def test_who_may_read_it(hospital: Hospital) -> None:
    mine, others = stored_slot(), stored_slot()
    stored_token(mine), stored_token(others)
    doctor = hospital.user("DOCTOR", doctor=str(mine.doctor_id))
    for query in ({}, {"doctor_id": mine.doctor_id}):
        report = doctor.get("reports/daily/", **query).expect(200)
        assert report["total_slots"] == report["total_tokens"] == 1
        assert [each["doctor"] for each in report["doctors"]] == [str(mine.doctor_id)]
    doctor.get("reports/daily/", doctor_id=others.doctor_id).expect(404, "not-found")
    hospital.user("DOCTOR").get("reports/daily/").expect(403, "permission-denied")
    hospital.patient_user(hospital.patient()).get("reports/daily/").expect(403, "permission-denied")
    hospital.nobody.get("reports/daily/").expect(401, "not-authenticated")
    assert hospital.key("read").get("reports/daily/").expect(200)["total_slots"] == 2
    hospital.admin.post("reports/daily/", {}).expect(405, "method-not-allowed")


def test_yesterdays_report_is_answered_as_it_was_stored(hospital: Hospital, clock: ManualClock) -> None:
    doctor = a_day()
    stored_slot(start=clock.now(), doctor=a_doctor("Dr. Bhat"))
    live = hospital.desk.get("reports/daily/").expect(200)
    clock.advance(hours=24)
    assert store_daily_reports() == 1
    stored_slot(doctor=doctor, start=clock.now())
    type(doctor).objects.update(name="Dr. Renamed")
    assert hospital.desk.get("reports/daily/", date=TODAY).expect(200) == live
    one = hospital.desk.get("reports/daily/", date=TODAY, doctor_id=doctor.pk).expect(200)
    assert one["doctors"] == [live["doctors"][0]]
    assert one["total_tokens"] == 8
    idle = a_doctor()
    nothing = hospital.desk.get("reports/daily/", date=TODAY, doctor_id=idle.pk).expect(200)
    assert (nothing["date"], nothing["total_slots"], nothing["doctors"]) == (TODAY, 0, [])


def test_a_day_is_stored_once_however_many_schedulers_run(db: None, clock: ManualClock) -> None:
    a_day()
    assert store_daily_reports() == 0
    clock.advance(hours=48)
    assert store_daily_reports() == 2
    assert store_daily_reports() == 0
    assert sorted(DailyReport.objects.values_list("date", flat=True)) == [date(2026, 3, 2), date(2026, 3, 3)]


def test_a_second_scheduler_changes_nothing(db: None, clock: ManualClock) -> None:
    row = {"facility": default_facility(), "date": date(2026, 3, 2), "stored_at": clock.now()}
    DailyReport.objects.create(**row, data={"first": True})
    DailyReport.objects.bulk_create([DailyReport(**row, data={"first": False})], ignore_conflicts=True)
    assert DailyReport.objects.get().data == {"first": True}


def test_a_slot_that_runs_past_midnight_keeps_its_day_open(db: None, clock: ManualClock) -> None:
    late = clock.now().replace(hour=16, minute=30)  # 22:00 in India
    stored_slot(start=late, minutes=60, delay_minutes=90)
    stored_slot(start=late, minutes=600, status="CANCELLED")
    clock.set(late + timedelta(hours=2, minutes=29))
    assert store_daily_reports() == 0
    clock.set(late + timedelta(hours=2, minutes=30))
    assert store_daily_reports() == 1


def test_the_past_is_stored_a_month_back_at_most(db: None, clock: ManualClock) -> None:
    stored_slot(start=clock.now() - timedelta(days=400))
    assert store_daily_reports() == FARTHEST_BACK


def test_the_database_itself_keeps_a_stored_report(db: None, clock: ManualClock) -> None:
    row = {"facility": default_facility(), "date": date(2026, 3, 1), "stored_at": clock.now()}
    stored = DailyReport.objects.create(**row, data={})
    with pytest.raises(DatabaseError, match="daily_report_follows_its_slots"), atomic():
        DailyReport.objects.filter(pk=stored.pk).update(data={"better": True})


def test_patients_are_not_in_it(hospital: Hospital) -> None:
    patient = a_patient(name="Lakshmi Narayanan")
    stored_token(stored_slot(), patient=patient)
    assert "Lakshmi" not in str(hospital.desk.get("reports/daily/").expect(200))

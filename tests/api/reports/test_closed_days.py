"""A stored report of a closed day is not affected by later changes."""

from collections.abc import Callable
from datetime import date, timedelta
from typing import Any

import pytest
from django.db import DatabaseError

from clinics.models import Facility
from core.clock import ManualClock
from core.db.transactions import atomic
from events.models import Subscription
from events.subscriptions import consume
from reports.daily import live_report
from reports.models import DailyReport
from reports.tasks import store_daily_reports
from tests.support.hospital import Hospital

Json = dict[str, Any]
DAY = "2026-03-02"


@pytest.fixture(autouse=True)
def standing_clock(clock: ManualClock) -> ManualClock:
    """Freeze the clock at 09:00 on Monday, 2 March 2026, in India."""
    return clock


@pytest.fixture
def closed(hospital: Hospital, clock: ManualClock) -> Json:
    """A day with a used and an empty slot, whose report was stored on the next day."""
    doctor = hospital.doctor()
    used = hospital.slot(doctor, capacity=2, start=hospital.now() + timedelta(minutes=5))
    empty = hospital.slot(doctor, start=hospital.now() + timedelta(hours=2))
    token, other = hospital.token(used, arrived=True), hospital.token(used)
    clock.advance(hours=24)
    assert store_daily_reports() == 1
    return {"doctor": doctor, "used": used, "empty": empty, "token": token, "other": other}


def report(hospital: Hospital, day: str = DAY, **query: Any) -> Json:
    return hospital.desk.get("reports/daily/", date=day, **query).expect(200)


def stored(day: str = DAY) -> Json:
    return DailyReport.objects.get(date=day).data


def add_a_slot(hospital: Hospital, closed: Json) -> None:
    hospital.slot(closed["doctor"], start=hospital.now() - timedelta(hours=20))


def change_the_capacity(hospital: Hospital, closed: Json) -> None:
    hospital.desk.patch(f"slots/{closed['empty']['id']}/", {"max_capacity": 50}).expect(200)


def cancel_a_slot(hospital: Hospital, closed: Json) -> None:
    hospital.desk.post(f"slots/{closed['empty']['id']}/cancel/").expect(200)


def delete_a_slot(hospital: Hospital, closed: Json) -> None:
    hospital.desk.delete(f"slots/{closed['empty']['id']}/").expect(204)


def move_a_slot_to_the_next_day(hospital: Hospital, closed: Json) -> None:
    start = hospital.now() - timedelta(minutes=10)
    body = {"start_time": start.isoformat(), "end_time": (start + timedelta(hours=1)).isoformat()}
    hospital.desk.patch(f"slots/{closed['empty']['id']}/", body).expect(200)


def complete_a_token(hospital: Hospital, closed: Json) -> None:
    hospital.done(closed["token"], "call", "start", "complete")


def cancel_a_token(hospital: Hospital, closed: Json) -> None:
    hospital.do(closed["other"], "cancel").expect(200)


def delete_one_slot_and_add_another(hospital: Hospital, closed: Json) -> None:
    delete_a_slot(hospital, closed)
    add_a_slot(hospital, closed)
    change_the_capacity(hospital, {"empty": hospital.desk.get("slots/", date=DAY).body["results"][-1]})


@pytest.mark.parametrize(
    "action",
    [
        add_a_slot, change_the_capacity, cancel_a_slot, delete_a_slot, move_a_slot_to_the_next_day,
        complete_a_token, cancel_a_token, delete_one_slot_and_add_another,
    ],
)  # fmt: skip
def test_what_touches_a_closed_day_is_in_its_report(
    hospital: Hospital, closed: Json, action: Callable[[Hospital, Json], None]
) -> None:
    before = report(hospital)
    assert before == stored()
    action(hospital, closed)
    fresh = live_report(facility=Facility.objects.get(), day=date.fromisoformat(DAY))
    assert fresh != before
    assert report(hospital) == fresh, "at once"
    own = report(hospital, doctor_id=closed["doctor"]["id"])
    assert own["total_slots"] == fresh["total_slots"]
    assert stored() == before, "a read stores nothing"
    assert store_daily_reports() == 1
    assert stored() == report(hospital) == fresh
    assert store_daily_reports() == 0


def test_a_report_of_an_untouched_day_is_not_made_anew(hospital: Hospital, closed: Json) -> None:
    before, when = stored(), DailyReport.objects.get(date=DAY).stored_at
    hospital.admin.patch(f"doctors/{closed['doctor']['id']}/", {"name": "Dr. Renamed"}).expect(200)
    hospital.slot(closed["doctor"], start=hospital.at(day=1))
    hospital.desk.post(f"slots/{closed['empty']['id']}/cancel/?dry_run=true").expect(200)
    assert store_daily_reports() == 0
    assert report(hospital) == before
    assert DailyReport.objects.get(date=DAY).stored_at == when


def test_a_slot_added_to_a_closed_day_without_slots(hospital: Hospital, closed: Json, clock: ManualClock) -> None:
    clock.advance(hours=24)
    assert store_daily_reports() == 1
    assert stored("2026-03-03")["total_slots"] == 0
    hospital.slot(start=hospital.now() - timedelta(hours=20))
    assert report(hospital, "2026-03-03")["total_slots"] == 1
    assert store_daily_reports() == 1
    assert stored("2026-03-03")["total_slots"] == 1


def test_two_schedulers_make_it_anew_once(hospital: Hospital, closed: Json) -> None:
    from reports import closing

    add_a_slot(hospital, closed)
    row = DailyReport.objects.get(date=DAY)
    assert closing.store_closed_days(now=hospital.now()) == 1
    assert closing.renew(row, basis="seen by the slower one", now=hospital.now()) is False
    assert stored()["total_slots"] == 3


def test_the_database_refuses_another_report_of_the_same_slots(hospital: Hospital, closed: Json) -> None:
    rows = DailyReport.objects.filter(date=DAY)
    with pytest.raises(DatabaseError, match="daily_report_follows_its_slots"), atomic():
        rows.update(data={"better": True})


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("change", [add_a_slot, change_the_capacity, cancel_a_slot])
def test_the_consumer_stores_a_changed_day_anew(
    hospital: Hospital, closed: Json, change: Callable[[Hospital, Json], None]
) -> None:
    consume("daily-reports")
    before = stored()
    change(hospital, closed)
    assert consume("daily-reports") > 0
    assert stored() == report(hospital) != before
    assert store_daily_reports() == 0
    Subscription.objects.all().delete()

"""When a facility's time zone may change, and the effect on its planned slots."""

from collections.abc import Callable
from datetime import date, timedelta
from typing import Any

import pytest

from clinics.models import Slot
from core.clock import ManualClock
from events.models import Event
from tests.factories import ensure_facility, first_admin
from tests.support.api import in_process
from tests.support.hospital import PASSWORD, Hospital, when
from tests.support.invariants import assert_invariants_hold
from tokens.models import IS_LIVE, Token

Json = dict[str, Any]
LONDON = {"time_zone": "Europe/London"}
pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def hospital() -> Hospital:
    ensure_facility()
    return Hospital(in_process(), first_admin(PASSWORD).username, PASSWORD)


@pytest.fixture(autouse=True)
def standing_clock(clock: ManualClock) -> ManualClock:
    """Freeze the clock at 09:00 on Monday, 2 March 2026, in India."""
    return clock


def rezone(hospital: Hospital, zone: str = "Europe/London") -> Any:
    return hospital.admin.patch(f"facilities/{hospital.facility['id']}/", {"time_zone": zone})


def ids(hospital: Hospital, day: str) -> set[str]:
    return {slot["id"] for slot in hospital.desk.get("slots/", date=day).expect(200)["results"]}


def test_future_slots_are_found_under_the_day_that_they_are_shown_under(hospital: Hospital) -> None:
    doctor = hospital.doctor()
    early = hospital.slot(doctor, start=hospital.at("02:00", day=2))
    late = hospital.slot(doctor, start=hospital.at("10:00", day=2))
    cancelled = hospital.slot(doctor, start=hospital.at("03:00", day=2))
    hospital.desk.post(f"slots/{cancelled['id']}/cancel/").expect(200)
    assert ids(hospital, "2026-03-04") == {early["id"], late["id"], cancelled["id"]}
    assert rezone(hospital).expect(200)["time_zone"] == "Europe/London"
    assert ids(hospital, "2026-03-03") == {early["id"], cancelled["id"]}
    assert ids(hospital, "2026-03-04") == {late["id"]}
    for slot in (early, late):
        now = hospital.slot_now(slot)
        assert now["start_time"].startswith(str(Slot.objects.get(pk=slot["id"]).local_date))
        assert when(now["start_time"]) == when(slot["start_time"])
        assert now["version"] == slot["version"] + (slot is early)
    moved = Event.objects.filter(slot_id=early["id"]).latest("number")
    assert (moved.type, moved.data["local_date"]) == ("slot.changed", "2026-03-03")
    assert_invariants_hold()


def test_tickets_stay_unique_in_the_facility_and_day(hospital: Hospital) -> None:
    doctor = hospital.doctor()
    slots = [hospital.slot(doctor, start=hospital.at("02:00", day=day)) for day in (1, 2, 3)]
    for slot in slots:  # printed and cancelled: their tickets are never reused
        hospital.do(hospital.token(slot), "cancel").expect(200)
    rezone(hospital).expect(200)
    for slot in slots:
        hospital.token(slot)
    printed = list(Token.objects.filter(doctor_id=doctor["id"]).values_list("local_date", "ticket"))
    assert len(set(printed)) == len(printed) == 6
    rows = Slot.objects.filter(doctor_id=doctor["id"]).values_list("local_date", "ticket_prefix")
    assert len(set(rows)) == 3
    shown = {(slot.local_date, slot.ticket_prefix) for slot in Slot.objects.filter(doctor_id=doctor["id"])}
    assert {(token.local_date, token.ticket.split("-")[0]) for token in Token.objects.filter(IS_LIVE)} == shown
    assert_invariants_hold()


def test_a_ticket_that_has_ended_keeps_the_day_that_it_was_printed_for(hospital: Hospital) -> None:
    """Also if both slots, cancelled, fall on one day of the new time zone."""
    doctor = hospital.doctor()
    slots = [hospital.slot(doctor, start=start) for start in (hospital.at("10:00", day=1), hospital.at("02:00", day=2))]
    printed = [hospital.token(slot) for slot in slots]
    assert printed[0]["ticket"] == printed[1]["ticket"]
    for slot in slots:
        hospital.desk.post(f"slots/{slot['id']}/cancel/").expect(200)
    rezone(hospital).expect(200)
    assert ids(hospital, "2026-03-03") == {slot["id"] for slot in slots}
    for day, token in zip(("2026-03-03", "2026-03-04"), printed, strict=True):
        found = hospital.desk.get("tokens/", doctor=doctor["id"], date=day).expect(200)["results"]
        assert [(each["id"], each["ticket"]) for each in found] == [(token["id"], token["ticket"])]
    report = hospital.desk.get("reports/daily/", date="2026-03-03").expect(200)
    assert (report["total_slots"], report["total_tokens"], report["cancelled_tokens"]) == (2, 2, 2)
    assert_invariants_hold()


def test_delays_run_through_the_new_days(hospital: Hospital) -> None:
    doctor = hospital.doctor()
    evening = hospital.slot(doctor, start=hospital.at("23:00", day=2))
    night = hospital.slot(doctor, start=hospital.at("00:00", day=3))
    hospital.delay(evening, 30)
    assert hospital.slot_now(night)["delay_minutes"] == 0
    rezone(hospital).expect(200)
    assert ids(hospital, "2026-03-04") == {evening["id"], night["id"]}
    assert hospital.slot_now(night)["delay_minutes"] == 30
    rezone(hospital, "Asia/Kolkata").expect(200)
    assert hospital.slot_now(night)["delay_minutes"] == 0
    assert_invariants_hold()


def booked(hospital: Hospital, slot: Json) -> None:
    hospital.token(slot)


def in_its_grace(hospital: Hospital, slot: Json) -> None:
    hospital.done(hospital.token(slot, arrived=True), "no_show")


def waited_for(hospital: Hospital, slot: Json) -> None:
    hospital.entry(slot)


@pytest.mark.parametrize("use", [booked, in_its_grace])
def test_a_future_slot_with_a_live_token_keeps_the_time_zone(
    hospital: Hospital, use: Callable[[Hospital, Json], None]
) -> None:
    slot = hospital.slot(start=hospital.at("02:00", day=2))
    use(hospital, slot)
    before = hospital.slot_now(slot)
    rezone(hospital).expect(409, "in-use")
    hospital.admin.patch(f"facilities/{hospital.facility['id']}/", {"name": "Other", **LONDON}).expect(409, "in-use")
    assert hospital.admin.get(f"facilities/{hospital.facility['id']}/").body == hospital.facility
    assert hospital.slot_now(slot) == before
    hospital.admin.patch(f"facilities/{hospital.facility['id']}/", {"name": "Other"}).expect(200)
    rezone(hospital, hospital.facility["time_zone"]).expect(200)  # setting the same time zone changes nothing


def test_a_future_slot_that_somebody_waits_for_keeps_the_time_zone(hospital: Hospital) -> None:
    slot = hospital.slot(start=hospital.at("02:00", day=2), capacity=1)
    hospital.emergency(slot)
    hospital.entry(slot)
    token = hospital.tokens_of(slot)[0]
    hospital.emergency(slot)
    hospital.do(token, "cancel").expect(200)
    rezone(hospital).expect(409, "in-use")


def test_a_running_slot_is_a_future_one_until_it_is_over(hospital: Hospital, clock: ManualClock) -> None:
    slot = hospital.slot(start=hospital.now() - timedelta(minutes=30))
    token = hospital.token(slot)
    rezone(hospital).expect(409, "in-use")
    hospital.do(token, "cancel").expect(200)
    rezone(hospital).expect(200)


def test_slots_that_are_over_keep_their_day_and_their_tokens(hospital: Hospital, clock: ManualClock) -> None:
    slot = hospital.slot(start=hospital.now() + timedelta(minutes=5))
    left_open = hospital.token(slot)
    clock.advance(hours=16)  # 01:00 of the next day in India, 19:30 of the same day in London
    rezone(hospital).expect(200)
    assert Slot.objects.get(pk=slot["id"]).local_date == date(2026, 3, 2)
    assert hospital.read(left_open)["ticket"] == left_open["ticket"]


def test_new_slots_are_planned_in_the_new_time_zone(hospital: Hospital) -> None:
    rezone(hospital).expect(200)
    slot = hospital.slot(start=hospital.at("02:00", day=2))  # 20:30 of the day before in London
    assert Slot.objects.get(pk=slot["id"]).local_date == date(2026, 3, 3)


def test_a_year_of_slots_takes_statements_by_the_doctor_and_not_by_the_slot(
    hospital: Hospital, django_assert_max_num_queries: Any
) -> None:
    doctor = hospital.doctor()
    bulk = {
        "doctor_id": doctor["id"], "start_date": "2026-03-03", "end_date": "2026-12-31",
        "start_time": "01:00", "end_time": "03:00", "duration_minutes": 30,
    }  # fmt: skip
    assert hospital.desk.post("slots/bulk/", bulk).expect(201)["count"] == 304 * 4
    with django_assert_max_num_queries(25):
        rezone(hospital).expect(200)
    assert Slot.objects.filter(doctor_id=doctor["id"]).earliest("local_date").local_date == date(2026, 3, 2)


def test_only_an_administrator_changes_it(hospital: Hospital) -> None:
    for user in (hospital.desk, hospital.key("operate")):
        user.patch(f"facilities/{hospital.facility['id']}/", LONDON).expect(403, "permission-denied")

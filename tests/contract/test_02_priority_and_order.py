"""Section 2: priority and queue order."""

from datetime import date, datetime, timedelta
from typing import Any

import pytest

from tests.support.hospital import Hospital, when


def tickets(tokens: list[dict[str, Any]]) -> list[str]:
    return [token["ticket"] for token in tokens]


@pytest.mark.parametrize(
    ("category", "priority"), [("PRIORITY_PAID", 1.10), ("FOLLOWUP", 2.10), ("ONLINE", 3.10), ("WALKIN", 4.10)]
)
def test_the_time_bonus_is_at_most_090(hospital: Hospital, category: str, priority: float) -> None:
    assert hospital.token(hospital.slot(), category=category)["priority"] == priority


def test_an_emergency_has_exactly_1_and_no_bonus(hospital: Hospital) -> None:
    token = hospital.emergency(hospital.slot(), hospital.patient(date_of_birth="1930-01-01", needs_assistance=True))
    assert (token["priority"], token["category"], token["acuity"]) == (1.00, "EMERGENCY", None)


@pytest.mark.parametrize(("category", "hours", "priority"), [("ONLINE", 2, 3.80), ("WALKIN", 1, 4.90)])
def test_the_examples_of_the_contract(hospital: Hospital, category: str, hours: int, priority: float) -> None:
    slot = hospital.slot(start=hospital.now() + timedelta(hours=hours, seconds=40))
    assert hospital.token(slot, category=category)["priority"] == priority


@pytest.mark.parametrize(
    ("ahead", "priority"),
    [
        (timedelta(hours=2), 3.80),
        (timedelta(hours=2, seconds=-1), 3.81),
        (timedelta(minutes=6), 3.99),
        (timedelta(minutes=5, seconds=59), 4.00),
        (timedelta(hours=9), 3.10),
        (timedelta(hours=8, minutes=59), 3.11),
        (timedelta(hours=30), 3.10),
        (timedelta(minutes=-20), 4.00),
    ],
)
def test_the_time_bonus_is_rounded_down_and_never_negative(
    hospital: Hospital, clock: Any, ahead: timedelta, priority: float
) -> None:
    start = hospital.now().replace(microsecond=0)
    clock.set(start)
    slot = hospital.slot(start=start + ahead)
    assert hospital.token(slot, category="ONLINE")["priority"] == priority


def test_the_bonus_counts_to_the_planned_start_and_a_delay_never_reorders(hospital: Hospital) -> None:
    slot = hospital.slot(start=hospital.now() + timedelta(hours=1, seconds=40))
    first = hospital.token(slot, category="ONLINE")
    hospital.delay(slot, 120)
    second = hospital.token(slot, category="ONLINE")
    assert (first["priority"], second["priority"], hospital.read(first)["priority"]) == (3.90, 3.90, 3.90)
    assert tickets(hospital.queue(slot)) == tickets([first, second])


def on_a_day_of_every_year(hospital: Hospital, clock_time: str) -> datetime:
    """Return a local time some days from today, not on 29 February."""
    return next(moment for n in (2, 3) if (moment := hospital.at(clock_time, day=n)).strftime("%m-%d") != "02-29")


def years_before(day: date, years: int, days: int = 0) -> str:
    return (day.replace(year=day.year - years) + timedelta(days=days)).isoformat()


@pytest.mark.parametrize(
    ("years", "days", "bonus"),
    [(65, 0, 0.09), (65, 1, 0), (65, -1, 0.09), (2, 0, 0), (2, 1, 0.09), (2, -1, 0), (30, 0, 0), (100, 0, 0.09)],
)
def test_the_care_bonus_looks_at_the_age_on_the_slots_local_day(
    hospital: Hospital, years: int, days: int, bonus: float
) -> None:
    start = on_a_day_of_every_year(hospital, "09:00")
    born = years_before(start.date(), years, days)
    token = hospital.token(hospital.slot(start=start), hospital.patient(date_of_birth=born), "ONLINE")
    assert token["priority"] == pytest.approx(3.10 - bonus, abs=1e-9)


def test_the_slots_local_day_is_the_facilitys_not_utcs(hospital: Hospital) -> None:
    """Just after local midnight the UTC day may be the one before; the patient turns 65 on the local one."""
    start = on_a_day_of_every_year(hospital, "00:05")
    patient = hospital.patient(date_of_birth=years_before(start.date(), 65))
    assert hospital.token(hospital.slot(start=start), patient, "ONLINE")["priority"] == 3.01


def test_needs_assistance_gives_the_care_bonus_once(hospital: Hospital) -> None:
    slot = hospital.slot()
    assert hospital.token(slot, hospital.patient(needs_assistance=True), "WALKIN")["priority"] == 4.01
    both = hospital.patient(needs_assistance=True, date_of_birth="1940-05-05")
    assert hospital.token(slot, both, "PRIORITY_PAID")["priority"] == 1.01


def test_priority_is_frozen_when_the_request_is_made(hospital: Hospital) -> None:
    slot, patient = hospital.slot(), hospital.patient()
    token = hospital.token(slot, patient)
    hospital.desk.patch(f"patients/{patient['id']}/", {"needs_assistance": True}).expect(200)
    assert hospital.read(token)["priority"] == 4.10


def test_lower_tiers_first_then_the_earlier_request(hospital: Hospital) -> None:
    slot = hospital.slot(capacity=20)
    kinds = ("WALKIN", "ONLINE", "FOLLOWUP", "PRIORITY_PAID")
    booked = {kind: [hospital.token(slot, category=kind) for _ in range(2)] for kind in kinds}
    urgent = hospital.emergency(slot)
    careful = hospital.token(slot, hospital.patient(needs_assistance=True), "PRIORITY_PAID")
    expected = [urgent, careful, *booked["PRIORITY_PAID"], *booked["FOLLOWUP"], *booked["ONLINE"], *booked["WALKIN"]]
    assert tickets(hospital.queue(slot)) == tickets(expected)
    assert [t["token_number"] for t in hospital.queue(slot)] == list(range(1, 11))


def test_among_emergencies_those_without_acuity_first_newest_first_then_acuity_then_arrival(hospital: Hospital) -> None:
    slot = hospital.slot(capacity=1)
    three = hospital.emergency(slot, acuity=3)
    plain_old = hospital.emergency(slot)
    one = hospital.emergency(slot, acuity=1)
    three_later = hospital.emergency(slot, acuity=3)
    five = hospital.emergency(slot, acuity=5)
    plain_new = hospital.emergency(slot)
    assert tickets(hospital.queue(slot)) == tickets([plain_new, plain_old, one, three, three_later, five])
    hospital.do(plain_new, "triage", {"acuity": 3}).expect(200)
    assert tickets(hospital.queue(slot)) == tickets([plain_old, one, three, three_later, plain_new, five])
    token = hospital.do(five, "triage", {"acuity": 2}).expect(200)
    assert (token["acuity"], token["token_number"]) == (2, 3)
    assert tickets(hospital.queue(slot)) == tickets([plain_old, one, five, three, three_later, plain_new])


def test_nobody_passes_a_patient_who_has_been_called_or_is_in_the_room(hospital: Hospital) -> None:
    slot = hospital.slot()
    room, door, waits = (hospital.token(slot) for _ in range(3))
    hospital.done(room, "check_in", "call", "start")
    hospital.done(door, "check_in", "call")
    urgent = hospital.emergency(slot)
    assert urgent["token_number"] == 1
    assert [hospital.read(t)["status"] for t in (room, door)] == ["IN_CONSULTATION", "CALLED"]
    assert tickets(hospital.queue(slot)) == tickets([urgent, waits])


def test_a_requeued_patient_stands_where_they_stood(hospital: Hospital) -> None:
    slot = hospital.slot()
    tokens = [hospital.token(slot) for _ in range(3)]
    hospital.done(tokens[0], "check_in", "call", "requeue")
    after = hospital.read(tokens[0])
    assert (after["status"], after["priority"], after["token_number"]) == ("CHECKED_IN", tokens[0]["priority"], 1)


def test_a_reinstated_patient_stands_where_they_stood(hospital: Hospital) -> None:
    slot = hospital.slot()
    tokens = [hospital.token(slot) for _ in range(3)]
    hospital.done(tokens[0], "no_show")
    assert hospital.read(tokens[1])["token_number"] == 1
    hospital.done(tokens[0], "reinstate")
    after = hospital.read(tokens[0])
    assert (after["priority"], after["token_number"]) == (tokens[0]["priority"], 1)


def test_a_promoted_entry_keeps_the_time_and_priority_of_its_own_request(hospital: Hospital) -> None:
    """Its request is older, so it precedes a token of the same tier that was booked later."""
    slot, (first,) = hospital.full_slot(1)
    entry = hospital.entry(slot, category="WALKIN")
    hospital.desk.patch(f"slots/{slot['id']}/", {"max_capacity": 1}).expect(200)
    promoted = hospital.do(first, "cancel").expect(200)["promoted"]
    assert len(promoted) == 1
    token = hospital.desk.get(f"tokens/{promoted[0]}/").expect(200)
    assert token["priority"] == entry["priority"]
    assert token["patient"] == entry["patient"]


def test_a_promoted_entry_goes_before_a_later_booking_of_equal_priority(hospital: Hospital, clock: Any) -> None:
    """Request order, not booking order: raise the capacity after two have waited, then book one more."""
    slot, (first,) = hospital.full_slot(1)
    entries = [hospital.entry(slot) for _ in range(2)]
    hospital.desk.patch(f"slots/{slot['id']}/", {"max_capacity": 4}).expect(200)
    late = hospital.token(slot)
    assert [t["patient"] for t in hospital.queue(slot)] == [
        first["patient"], entries[0]["patient"], entries[1]["patient"], late["patient"],
    ]  # fmt: skip


def test_a_promoted_entry_keeps_its_time_bonus_hours_later(hospital: Hospital, clock: Any) -> None:
    start = hospital.now().replace(microsecond=0)
    clock.set(start)
    slot, (first,) = hospital.full_slot(1, start=start + timedelta(hours=5))
    entry = hospital.entry(slot, category="ONLINE")
    assert entry["priority"] == 3.50
    clock.advance(hours=3)
    promoted = hospital.do(first, "cancel").expect(200)["promoted"]
    assert hospital.desk.get(f"tokens/{promoted[0]}/").expect(200)["priority"] == 3.50


def test_explain_says_why(hospital: Hospital) -> None:
    slot = hospital.slot()
    hospital.token(slot, category="PRIORITY_PAID")
    hospital.token(slot, category="FOLLOWUP")
    hospital.token(slot, category="FOLLOWUP")
    token = hospital.token(slot, hospital.patient(needs_assistance=True), "ONLINE")
    hospital.emergency(slot)
    why = hospital.desk.get(f"tokens/{token['id']}/explain/").expect(200)
    assert {"token_number", "priority", "base", "time_bonus", "care_bonus", "ahead", "history"} == set(why)
    assert (why["token_number"], why["base"]) == (5, 4)
    assert (why["priority"], why["time_bonus"], why["care_bonus"]) == (3.01, 0.90, 0.09)
    ahead = {category: count for category, count in why["ahead"].items() if count}
    assert ahead == {"EMERGENCY": 1, "PRIORITY_PAID": 1, "FOLLOWUP": 2}
    assert isinstance(why["history"], list)
    assert len(why["history"]) >= 1


def test_explain_of_an_emergency_and_of_one_that_left_the_queue(hospital: Hospital) -> None:
    slot = hospital.slot()
    urgent = hospital.emergency(slot)
    why = hospital.desk.get(f"tokens/{urgent['id']}/explain/").expect(200)
    assert (why["priority"], why["base"], why["time_bonus"], why["care_bonus"]) == (1.0, 1, 0, 0)
    hospital.do(urgent, "cancel").expect(200)
    why = hospital.desk.get(f"tokens/{urgent['id']}/explain/").expect(200)
    assert why["token_number"] is None


def test_the_estimate_is_the_start_plus_the_tokens_ahead(hospital: Hospital) -> None:
    slot = hospital.slot(consultation=7, capacity=6)
    for _ in range(4):
        hospital.token(slot)
    start = when(slot["start_time"])
    hospital.emergency(slot)
    assert [when(t["estimated_time"]) for t in hospital.queue(slot)] == [
        start + timedelta(minutes=7 * n) for n in range(5)
    ]

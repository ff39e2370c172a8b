"""Time zone changes and range cancellations that run at the same time as bookings, planning and deactivation."""

from datetime import date, timedelta
from functools import partial
from typing import Any

import pytest

from clinics.doctors import update_doctor
from clinics.models import Doctor, Facility, Slot
from core import clock
from core.local_time import local_day
from tests.races.builders import a_doctor, a_slot, book, inconsistencies_of
from tests.races.interleaving import Refusal, overtake, together
from tests.support.invariants import assert_invariants_hold
from tokens.models import Token
from tokens.planning import PlanningService, SlotRange

pytestmark = pytest.mark.django_db(transaction=True)

FAR = "Pacific/Auckland"  # 10:00 in India is 17:30 of the same day there, or 16:30; 18:00 in India is the next day
planning = PlanningService()


def rezone(zone: str = FAR) -> Any:
    facility = Facility.objects.get()
    return planning.change_facility(facility_id=facility.id, changes={"time_zone": zone}, actor="user:admin")


def cancel_all(doctor: Doctor) -> Any:
    wanted = SlotRange(date(2000, 1, 1), date(2100, 1, 1))
    return planning.cancel_slots(doctor_id=doctor.id, wanted=wanted, actor="user:desk")


def a_late_slot(doctor: Doctor, *, capacity: int = 3) -> Slot:
    """Create a slot that falls on the next local day in Auckland."""
    morning = a_slot(doctor)
    return a_slot(doctor, start=morning.start_time + timedelta(hours=8), capacity=capacity)


def told(outcome: Any) -> str:
    return outcome.code if isinstance(outcome, Refusal) else "done"


def test_the_time_zone_waits_for_a_booking_and_is_refused(any_redis: None) -> None:
    slot = a_late_slot(a_doctor())
    ended = overtake(lambda: book(slot), rezone)
    assert not ended.overtook
    assert (told(ended.slow), told(ended.fast)) == ("done", "in-use")
    assert_invariants_hold()


def test_a_booking_waits_for_the_time_zone_and_is_of_the_new_day(any_redis: None) -> None:
    slot = a_late_slot(a_doctor())
    ended = overtake(rezone, lambda: book(slot))
    assert not ended.overtook
    assert (told(ended.slow), told(ended.fast)) == ("done", "done")
    moved = Slot.objects.get(id=slot.id)
    assert moved.local_date == slot.local_date + timedelta(days=1) == local_day(slot.start_time, FAR)
    token = Token.objects.get(slot=slot)
    assert (token.local_date, token.ticket) == (moved.local_date, f"{moved.ticket_prefix}-001")
    assert_invariants_hold()


def test_a_slot_that_is_planned_meanwhile_is_of_its_day_in_the_new_zone(any_redis: None) -> None:
    doctor = a_doctor()
    first = a_late_slot(doctor)
    ended = overtake(rezone, lambda: a_slot(doctor, start=first.end_time))
    assert not ended.overtook
    assert (told(ended.slow), told(ended.fast)) == ("done", "slot-busy")
    again = a_slot(doctor, start=first.end_time)
    assert again.local_date == local_day(again.start_time, FAR)


def test_a_cancelled_range_includes_earlier_bookings_and_refuses_later_ones(any_redis: None) -> None:
    doctor = a_doctor()
    slot = a_late_slot(doctor)
    ended = overtake(lambda: book(slot), partial(cancel_all, doctor))
    assert not ended.overtook
    assert told(ended.slow) == "done"
    assert (ended.fast.cancelled_slots, ended.fast.cancelled_tokens) == (2, 1)
    other = a_late_slot(doctor := a_doctor())
    ended = overtake(partial(cancel_all, doctor), lambda: book(other))
    assert not ended.overtook
    assert told(ended.fast) == "slot-not-open"
    assert_invariants_hold()


def test_zones_ranges_bookings_and_plans_at_once(any_redis: None) -> None:
    doctors = [a_doctor() for _ in range(2)]
    slots = [a_late_slot(doctor) for doctor in doctors]
    outcomes = together(
        [
            *(partial(rezone, zone) for zone in (FAR, "Asia/Kolkata", "Europe/London")),
            *(partial(cancel_all, doctor) for doctor in doctors),
            *(partial(book, slot) for slot in slots),
            *(partial(a_slot, doctor, start=slots[0].end_time) for doctor in doctors),
        ]
    )
    refused = {told(outcome) for outcome in outcomes}
    assert refused <= {"done", "in-use", "slot-not-open", "slot-busy"}
    zone = Facility.objects.get().time_zone
    for slot in Slot.objects.filter(end_time__gt=clock.now()):
        assert inconsistencies_of(slot) == []
        assert slot.local_date == local_day(slot.start_time, zone)
    assert_invariants_hold()


def test_a_doctor_is_deactivated_or_gets_a_slot_first(any_redis: None) -> None:
    doctor = a_doctor()
    first = a_slot(doctor)
    deactivate = partial(update_doctor, doctor_id=doctor.id, changes={"is_active": False})
    starts = [first.end_time + timedelta(hours=number) for number in range(4)]
    outcomes = together([deactivate, *(partial(a_slot, doctor, start=start) for start in starts)])
    made = sum(told(outcome) == "done" for outcome in outcomes[1:])
    assert {told(outcome) for outcome in outcomes[1:]} <= {"done", "doctor-inactive"}
    assert Slot.objects.filter(doctor=doctor).count() == 1 + made
    with pytest.raises(Exception, match="inactive"):
        a_slot(doctor, start=starts[-1] + timedelta(hours=1))

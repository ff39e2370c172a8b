"""Each event names its cause: the caller of the request, or the sweep."""

from typing import Any

import pytest

from core.clock import ManualClock
from events.models import Event
from tests.support.api import Api
from tests.support.hospital import Hospital
from tests.support.invariants import assert_invariants_hold

pytestmark = pytest.mark.django_db(transaction=True)

Json = dict[str, Any]
SWEEP = "system:sweep"


def causes(slot: Json, *, after: int) -> list[tuple[str, str]]:
    """Return the type and actor of the slot's events, without the first ones."""
    events = Event.objects.filter(slot_id=slot["id"]).order_by("number")
    return [(event.type, event.actor) for event in events[after:]]


def logged(slot: Json) -> int:
    return Event.objects.filter(slot_id=slot["id"]).count()


def slot_with_expired_hold(hospital: Hospital, clock: ManualClock) -> tuple[Json, Json]:
    """A one-seat slot with an expired hold and a waiting entry."""
    slot = hospital.slot(capacity=1)
    held = hospital.ask(slot, hold=True).expect(201)
    hospital.entry(slot)
    clock.advance(minutes=5)
    return slot, held


def actor_of(api: Api) -> str:
    return f"user:{api.get('auth/me/').expect(200)['id']}"


EXPIRED = [("token.expired", SWEEP), ("token.promoted", SWEEP), ("waitlist.promoted", SWEEP)]


def test_who_books_after_a_hold_has_ended_signs_the_booking_only(hospital: Hospital, clock: ManualClock) -> None:
    slot, _ = slot_with_expired_hold(hospital, clock)
    before = logged(slot)
    hospital.ask(slot).expect(202)
    assert causes(slot, after=before) == [*EXPIRED, ("waitlist.joined", actor_of(hospital.desk))]
    assert_invariants_hold()


def test_who_acts_on_a_token_after_a_hold_has_ended_signs_the_act_only(hospital: Hospital, clock: ManualClock) -> None:
    slot, _ = slot_with_expired_hold(hospital, clock)
    before = logged(slot)
    hospital.emergency(slot)
    hospital.desk.post(f"slots/{slot['id']}/call_next/").expect(200)
    acts = [("token.emergency_admitted", actor_of(hospital.desk)), ("token.called", actor_of(hospital.desk))]
    assert causes(slot, after=before) == [*EXPIRED, *acts]


def test_who_changes_a_day_after_a_hold_has_ended_signs_the_change_only(hospital: Hospital, clock: ManualClock) -> None:
    slot, _ = slot_with_expired_hold(hospital, clock)
    before = logged(slot)
    hospital.delay(slot, 20)
    told = causes(slot, after=before)
    assert told[: len(EXPIRED)] == EXPIRED
    assert {actor for _, actor in told[len(EXPIRED) :]} == {actor_of(hospital.desk)}


def test_a_waiting_list_that_ends_with_its_slot_is_ended_by_the_sweep(hospital: Hospital, clock: ManualClock) -> None:
    slot, (token,) = hospital.full_slot(1)
    hospital.entry(slot)
    before = logged(slot)
    clock.advance(hours=72)
    hospital.desk.delete(f"tokens/{token['id']}/").expect(200)
    assert causes(slot, after=before) == [("waitlist.expired", SWEEP), ("token.cancelled", actor_of(hospital.desk))]


def test_a_seat_that_somebody_gives_back_is_handed_on_in_their_name(hospital: Hospital) -> None:
    slot, (token,) = hospital.full_slot(1)
    hospital.entry(slot)
    before = logged(slot)
    hospital.desk.delete(f"tokens/{token['id']}/").expect(200)
    desk = actor_of(hospital.desk)
    handed_on = [("token.cancelled", desk), ("token.promoted", desk), ("waitlist.promoted", desk)]
    assert causes(slot, after=before) == handed_on


@pytest.mark.parametrize("who", ["doctor", "patient", "key", "ended session", "nobody"])
@pytest.mark.parametrize("act", ["book", "cancel", "call_next", "emergency", "check_in"])
def test_a_refused_caller_changes_nothing(hospital: Hospital, clock: ManualClock, who: str, act: str) -> None:
    patient = hospital.patient()
    callers = {
        "doctor": lambda: hospital.doctor_user(hospital.doctor()),
        "patient": lambda: hospital.patient_user(patient),
        "key": lambda: hospital.key("read"),
        "ended session": lambda: leaver(hospital),
        "nobody": lambda: hospital.nobody,
    }
    slot, held = slot_with_expired_hold(hospital, clock)
    body = {"slot_id": slot["id"], "patient_id": hospital.patient()["id"]}
    caller, before = callers[who](), logged(slot)
    asked = {
        "book": lambda: caller.post("tokens/", {**body, "category": "WALKIN"}),
        "cancel": lambda: caller.delete(f"tokens/{held['id']}/"),
        "call_next": lambda: caller.post(f"slots/{slot['id']}/call_next/"),
        "emergency": lambda: caller.post("tokens/emergency/", body),
        "check_in": lambda: caller.post(f"tokens/{held['id']}/check_in/"),
    }
    assert asked[act]().status in (401, 403, 404)
    assert logged(slot) == before
    assert hospital.read(held)["status"] == "PENDING"


def leaver(hospital: Hospital) -> Api:
    """A desk whose account was closed: the access token still has a good signature."""
    gone = hospital.user("FRONT_DESK")
    user = gone.get("auth/me/").expect(200)
    hospital.admin.patch(f"users/{user['id']}/", {"is_active": False}).expect(200)
    gone.renew = None
    return gone

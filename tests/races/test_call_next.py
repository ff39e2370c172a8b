"""Concurrent `call_next`: two desks at once, and an emergency that arrives during a call."""

from uuid import UUID

import pytest

from clinics.models import Slot
from clinics.rooms import create_room, delete_room
from tests.races.builders import a_patient, a_slot, book, events_of, fresh, inconsistencies_of, service
from tests.races.interleaving import NUMBERED_ONCE, Overtaking, overtake, together, without, without_locks
from tests.support.invariants import assert_invariants_hold
from tokens.models import Token

pytestmark = pytest.mark.django_db(transaction=True)


def waiting_room(patients: int) -> tuple[Slot, list[Token]]:
    slot = a_slot(capacity=patients)
    return slot, [book(slot, arrived=True) for _ in range(patients)]


def call_next(slot: Slot) -> Token:
    return service.call_next(slot_id=slot.id, actor="user:desk")


def test_eight_desks_call_eight_patients(any_redis: None) -> None:
    slot, tokens = waiting_room(8)
    called = together([lambda: call_next(slot)] * 8)
    assert sorted(token.id for token in called) == sorted(token.id for token in tokens)
    assert inconsistencies_of(slot) == []


def test_two_desks_never_call_the_same_patient(any_redis: None) -> None:
    slot, tokens = waiting_room(2)
    ended = overtake(lambda: call_next(slot), lambda: call_next(slot))
    assert not ended.overtook
    assert [ended.slow.id, ended.fast.id] == [token.id for token in tokens]
    assert_invariants_hold()


def test_canary_without_locks_two_desks_call_the_same_patient() -> None:
    slot, _ = waiting_room(2)
    with without_locks(), without(*NUMBERED_ONCE):
        ended = overtake(lambda: call_next(slot), lambda: call_next(slot))
        assert ended.overtook
        assert ended.slow.id == ended.fast.id
        assert inconsistencies_of(slot)


def two_rooms(slot: Slot) -> list[UUID]:
    """Give the slot two rooms."""
    rooms = [create_room(facility_id=slot.facility_id, name=code, code=code).id for code in ("R1", "R2")]
    service.change_slot(slot_id=slot.id, changes={"rooms": rooms}, actor="user:desk")
    return rooms


def call_to(slot: Slot, room: UUID) -> Token:
    return service.call_next(slot_id=slot.id, room=room, actor="user:desk")


def test_two_rooms_never_call_the_same_patient(any_redis: None) -> None:
    slot, tokens = waiting_room(2)
    first, second = two_rooms(slot)
    ended = overtake(lambda: call_to(slot, first), lambda: call_to(slot, second))
    assert not ended.overtook
    assert [(token.id, token.room) for token in (ended.slow, ended.fast)] == [
        (tokens[0].id, first),
        (tokens[1].id, second),
    ]
    assert_invariants_hold()


def test_canary_without_locks_two_rooms_call_the_same_patient() -> None:
    slot, _ = waiting_room(2)
    first, second = two_rooms(slot)
    with without_locks(), without(*NUMBERED_ONCE):
        ended = overtake(lambda: call_to(slot, first), lambda: call_to(slot, second))
        assert ended.overtook
        assert ended.slow.id == ended.fast.id


def test_a_room_is_not_deleted_while_a_slot_gets_it(any_redis: None) -> None:
    slot, _ = waiting_room(1)
    room = create_room(facility_id=slot.facility_id, name="R1", code="R1").id
    ended = overtake(
        lambda: service.change_slot(slot_id=slot.id, changes={"rooms": [room]}, actor="user:desk"),
        lambda: delete_room(room_id=room),
    )
    assert not ended.overtook
    assert ended.fast.code == "in-use"
    assert Slot.objects.get(id=slot.id).rooms == [room]


def triage_during_call() -> tuple[Slot, Token, Overtaking]:
    """Triage a patient to EMERGENCY at one desk while another desk calls them."""
    slot, (token,) = waiting_room(1)
    ended = overtake(
        lambda: service.admit_emergency(slot_id=slot.id, patient_id=token.patient_id, actor="user:er"),
        lambda: call_next(slot),
    )
    return slot, token, ended


def test_a_patient_triaged_during_the_call_is_called(any_redis: None) -> None:
    slot, token, ended = triage_during_call()
    assert not ended.overtook
    assert (ended.fast.id, ended.fast.category) == (token.id, "EMERGENCY")
    assert fresh(token).status == "CALLED"
    assert inconsistencies_of(slot) == []


def test_canary_without_locks_the_call_is_lost() -> None:
    with without_locks(), without(*NUMBERED_ONCE):
        slot, token, ended = triage_during_call()
        assert ended.overtook
        assert fresh(token).status == "CHECKED_IN"  # although a desk got the response that the patient was called
        assert inconsistencies_of(slot)


def test_emergencies_and_calls_at_once(any_redis: None) -> None:
    """In any order, each patient is called at most once and each emergency has a seat."""
    slot, _ = waiting_room(4)
    patients = [a_patient() for _ in range(4)]
    outcomes = together(
        [
            *([lambda: call_next(slot)] * 4),
            *(
                lambda patient=patient: service.admit_emergency(slot_id=slot.id, patient_id=patient.id, actor="user:er")
                for patient in patients
            ),
        ]
    )
    assert len({token.id for token in outcomes[:4]}) == 4
    assert events_of(slot.id, "token.called") == 4
    assert events_of(slot.id, "token.emergency_admitted") == 4
    assert inconsistencies_of(slot) == []
    assert_invariants_hold()

"""Merging a patient's record during a booking for it."""

import pytest

from patients.models import Patient
from tests.races.builders import a_patient, a_slot, book, inconsistencies_of
from tests.races.interleaving import Overtaking, overtake
from tests.support.invariants import assert_invariants_hold
from tokens.merging import merge_patients
from tokens.models import Token
from tokens.operations import booking

pytestmark = pytest.mark.django_db(transaction=True)


def booking_during_merger() -> tuple[Patient, Overtaking]:
    """Book for a record in another slot while it is merged."""
    old, new, slot, other = a_patient(), a_patient(), a_slot(), a_slot()
    book(slot, old)
    ended = overtake(
        lambda: merge_patients(patient_id=old.id, into=new.id, actor="user:desk"),
        lambda: book(other, old),
    )
    assert inconsistencies_of(slot) == []
    assert inconsistencies_of(other) == []
    return old, ended


def test_a_booking_during_a_merger_is_refused(any_redis: None) -> None:
    old, ended = booking_during_merger()
    assert not ended.overtook
    assert ended.fast.code == "merged"
    assert not Token.objects.filter(patient=old).exists()
    assert_invariants_hold()


def test_canary_without_the_lock_of_the_record_a_token_is_left_behind(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(booking, "PATIENT_LOCK", "")
    old, ended = booking_during_merger()
    assert ended.fast.patient_id == old.id
    assert Patient.objects.get(id=old.id).merged_into_id is not None
    assert Token.objects.filter(patient=old).exists()

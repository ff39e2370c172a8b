"""Concurrent registrations of the same person create one record. Uses real threads and transactions."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from functools import partial
from threading import Barrier
from typing import Any

import pytest
from django.db import IntegrityError, connection

from accounts.access.roles import Role
from accounts.models import User
from clinics.doctors import create_doctor
from clinics.facilities import default_facility
from clinics.models import Doctor
from core import clock
from core.db.transactions import atomic
from core.errors import EngineError, PermissionDenied
from patients.errors import DuplicatePatient, PatientInUse
from patients.identity import name_key, phone_key
from patients.models import Patient
from patients.services import MAX_RECORDS_OF_A_USER, delete_patient, register_patient
from reports.models import DailyReport
from reports.tasks import store_daily_reports
from tests.factories import a_patient, stored_slot, stored_token
from tests.races import builders
from tests.races.interleaving import overtake
from tokens.planning import PlanningService

pytestmark = pytest.mark.django_db(transaction=True)
NAME, PHONE = "Asha Rao", "+91 98860 55001"
ROUNDS = 5  # one attempt may miss the race


def at_once(*actions: Callable[[], Any]) -> list[Any]:
    """Run all actions at once, each in its own thread and connection; return each result or exception."""
    start = Barrier(len(actions))

    def run(action: Callable[[], Any]) -> Any:
        try:
            connection.ensure_connection()
            start.wait(timeout=10)
            return action()
        except (EngineError, IntegrityError) as error:
            return error
        finally:
            connection.close()

    with ThreadPoolExecutor(len(actions)) as pool:
        return list(pool.map(run, actions))


def many(action: Callable[[], Any], times: int = 6) -> list[Any]:
    return at_once(*[action] * times)


def test_canary_check_then_insert_is_not_enough() -> None:
    """Check-then-insert is not enough: both threads find no record, and only the constraint refuses the second."""
    both_have_looked = Barrier(2)

    def look_and_write() -> str:
        keys = {"facility": default_facility(), "name_key": name_key(NAME), "phone_key": phone_key(PHONE)}
        with atomic():
            seen = Patient.objects.filter(**keys).exists()
            both_have_looked.wait(timeout=10)
            Patient.objects.create(name=NAME, phone=PHONE, **keys, created_at=clock.now())
            return "saw somebody" if seen else "saw nobody"

    outcomes = at_once(look_and_write, look_and_write)
    assert sorted(type(each).__name__ for each in outcomes) == ["IntegrityError", "str"]
    assert "saw nobody" in outcomes


def test_one_is_registered_and_the_others_get_its_id() -> None:
    for number in range(ROUNDS):
        outcomes = many(lambda: register_patient(name=f"{NAME} {number}", phone=PHONE))  # noqa: B023
        registered = [each for each in outcomes if isinstance(each, Patient)]
        refused = [each for each in outcomes if isinstance(each, DuplicatePatient)]
        assert (len(registered), len(refused)) == (1, 5), outcomes
        assert {each.facts["existing_id"] for each in refused} == {str(registered[0].pk)}


def test_confirmed_namesakes_are_all_registered() -> None:
    outcomes = many(lambda: register_patient(name=NAME, phone=PHONE, allow_duplicate=True))
    assert all(isinstance(each, Patient) for each in outcomes), outcomes
    assert sorted(Patient.objects.values_list("namesake", flat=True)) == list(range(6))


def test_the_last_place_in_a_family_is_taken_once() -> None:
    user = User.objects.create_user("asha", "asha@example.org", role=Role.PATIENT)
    for _ in range(MAX_RECORDS_OF_A_USER - 1):
        user.patients.add(a_patient())
    children = [
        lambda number=number: register_patient(name=f"Child {number}", phone=PHONE, of_user=user.pk)
        for number in range(4)
    ]
    outcomes = at_once(*children)
    assert sum(isinstance(each, Patient) for each in outcomes) == 1, outcomes
    assert sum(isinstance(each, PermissionDenied) for each in outcomes) == 3
    assert user.patients.count() == MAX_RECORDS_OF_A_USER


def test_a_patient_is_removed_or_booked_but_not_both() -> None:
    for _ in range(ROUNDS):
        patient, slot = a_patient(), stored_slot()

        def book() -> Any:
            with atomic():
                return stored_token(slot, patient=patient)  # noqa: B023

        removed, booked = at_once(lambda: delete_patient(patient_id=patient.pk), book)  # noqa: B023
        if removed is None:
            assert isinstance(booked, IntegrityError)
            assert not Patient.objects.filter(pk=patient.pk).exists()
        else:
            assert isinstance(removed, PatientInUse)
            assert booked.patient_id == patient.pk


def test_doctors_created_at_once_have_different_ticket_letters() -> None:
    outcomes = many(lambda: create_doctor(name="Dr. X", specialization="ENT"), times=8)
    assert sorted(each.ticket_letters for each in outcomes) == list("ABCDEFGH")


def test_a_doctor_is_removed_once() -> None:
    doctor = create_doctor(name="Dr. X", specialization="ENT")
    stored_slot(doctor=doctor)
    outcomes = many(partial(PlanningService().delete_doctor, doctor_id=doctor.pk, actor="user:admin"), times=4)
    assert sum(each is None for each in outcomes) == 1, outcomes
    assert not Doctor.objects.exists()


def test_a_doctor_is_removed_or_booked_but_not_both() -> None:
    """A booking pauses before its first write; deleting the doctor waits for it and is refused."""
    slot = builders.a_slot()
    patient = a_patient()
    remove = partial(PlanningService().delete_doctor, doctor_id=slot.doctor_id, actor="user:admin")
    outcome = overtake(lambda: builders.book(slot, patient), remove)
    assert not outcome.overtook
    assert outcome.slow.status == "CONFIRMED"
    assert outcome.fast.code == "in-use"


def test_two_schedulers_store_a_day_once() -> None:
    stored_slot(start=clock.now() - timedelta(days=3))
    many(store_daily_reports, times=4)
    assert DailyReport.objects.count() == 3

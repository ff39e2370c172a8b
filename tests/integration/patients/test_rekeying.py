"""Recomputing search keys updates old rows and changes no patient data and no history."""

import io
from typing import Any

import pytest
from django.core.management import call_command
from django.db import IntegrityError, connection

from core import clock
from core.db.transactions import atomic
from patients.errors import DuplicatePatient
from patients.identity import name_key, phone_key
from patients.models import Patient
from patients.rekeying import PAGE
from patients.services import register_patient
from tests.factories import ensure_facility

pytestmark = pytest.mark.django_db


def rekey() -> str:
    said = io.StringIO()
    call_command("rekey_patients", stdout=said)
    return said.getvalue().strip()


def an_old_patient(name: str, phone: str, **facts: Any) -> Patient:
    """A row whose keys are the lower-cased input, as in earlier versions."""
    keys = {"facility": ensure_facility(), "name_key": name.lower(), "phone_key": phone}
    return Patient.objects.create(name=name, phone=phone, created_at=clock.now(), **{**keys, **facts})


def test_old_rows_are_recognised() -> None:
    old = an_old_patient("José Rao", "09876543210")
    register_patient(name="Arjun Rao", phone="9876543210")
    assert rekey() == "The keys of 1 patients changed."
    with pytest.raises(DuplicatePatient) as refused:
        register_patient(name="Rao Jose", phone="+91 98765 43210")
    assert refused.value.facts == {"existing_id": str(old.pk)}
    assert rekey() == "The keys of 0 patients changed."


def test_patients_whose_keys_collide_are_kept_and_numbered() -> None:
    rows = [
        an_old_patient("Asha Rao", "9876543210"),
        an_old_patient("Asha Rao", "9876543210", namesake=1),
        an_old_patient("Rao Asha", "9876543210"),
        an_old_patient("ASHA RAO", "+919876543210", namesake=7),
        an_old_patient("Zoya Khan", "9876543210", namesake=4),
    ]
    rekey()
    numbers = dict(Patient.objects.values_list("pk", "namesake"))
    assert sorted(numbers[row.pk] for row in rows[:4]) == [0, 1, 2, 3]
    assert numbers[rows[4].pk] == 4
    twin = {"name_key": name_key("Asha Rao"), "phone_key": phone_key("9876543210"), "namesake": 3}
    with pytest.raises(IntegrityError, match="patient_registered_once"), atomic():
        an_old_patient("Asha Rao", "9876543210", **twin)


def test_no_history_is_written_and_the_triggers_are_back() -> None:
    history = Patient.pgh_event_model.objects  # type: ignore[attr-defined]
    old = an_old_patient("José Rao", "09876543210")
    before = history.count()
    rekey()
    assert history.count() == before
    Patient.objects.filter(pk=old.pk).update(needs_assistance=True)
    assert history.count() == before + 1


def test_the_erased_stay_erased() -> None:
    erased = an_old_patient("erased", "", name_key="erased 7", phone_key="", erased_at=clock.now())
    rekey()
    erased.refresh_from_db()
    assert (erased.name_key, erased.phone_key) == ("erased 7", "")


def test_many_pages() -> None:
    number = PAGE + 10
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO patients_patient"
            " (id, facility_id, name, phone, needs_assistance,"
            " name_key, phone_key, namesake, is_active, version, created_at)"
            " SELECT gen_random_uuid(), %s, 'Rao ' || n, '0987' || n, false,"
            " 'rao ' || n, '0987' || n, 0, true, 1, now()"
            " FROM generate_series(1000000, 999999 + %s) AS n",
            [ensure_facility().id, number],
        )
    assert rekey() == f"The keys of {number} patients changed."
    assert not Patient.objects.exclude(phone_key__startswith="+91987").exists()

"""manage.py erase_facility: no person is named any more, the evidence stays, and other facilities stay as they are."""

import json
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.contrib.admin.models import CHANGE, LogEntry
from django.core.management import CommandError, call_command
from django.db import connection

from accounts.access.roles import Role
from accounts.models import User
from clinics.doctors import create_doctor
from clinics.facilities import create_facility
from clinics.models import Doctor, Facility, Slot
from events.models import Event
from patients.models import Patient
from patients.services import register_patient
from tests.factories import ensure_facility, first_admin
from tests.races.builders import a_slot, book
from tokens.models import Token
from tokens.services import TokenAllocationService

pytestmark = pytest.mark.django_db(transaction=True)

SECRETS = ("Zebrawood", "+919876500000", "zebra@hospital.example")


@pytest.fixture(autouse=True)
def superuser() -> User:
    ensure_facility()
    return first_admin("Quiet-Harbour-27")


@pytest.fixture
def branch() -> Facility:
    """A facility with a doctor, a patient, a desk user and a token."""
    facility: Facility = create_facility(name="Zebrawood Branch", code="BRANCH", display_name="Zebrawood")
    doctor = create_doctor(name="Dr. Zebrawood", specialization="Eyes", facility_id=facility.pk)
    patient = register_patient(name="Zebrawood", phone="+919876500000", facility_id=facility.pk)
    User.objects.create_user("zebrawood", "zebra@hospital.example", role=Role.FRONT_DESK, facility=facility)
    book(a_slot(doctor), patient)
    for row in (doctor, patient):  # as the admin site does
        LogEntry.objects.log_actions(User.objects.get(role=Role.ADMIN).pk, [row], CHANGE)
    return facility


def end_tokens() -> None:
    for slot in Slot.objects.all():
        TokenAllocationService().cancel_slot(slot_id=slot.pk, actor="user:desk")


def erase(code: str = "BRANCH", confirm: str = "BRANCH") -> str:
    said = StringIO()
    call_command("erase_facility", code, confirm=confirm, stdout=said)
    return said.getvalue()


def whole_database() -> str:
    """Return the text of all rows of all tables."""
    with connection.cursor() as cursor:
        tables = connection.introspection.table_names(cursor)
        rows = []
        for table in tables:
            cursor.execute(f"SELECT string_agg(row::text, E'\\n') FROM \"{table}\" AS row")
            rows.append(cursor.fetchone()[0] or "")
    return "\n".join(rows)


def test_nobody_is_named_any_more_and_the_evidence_stays(branch: Facility) -> None:
    end_tokens()
    evidence = [list(model.objects.order_by("pk").values_list("pk")) for model in (Event, Token, Slot, Doctor, Patient)]
    assert all(word in whole_database() for word in SECRETS)
    assert erase() == "Erased BRANCH: 1 users, 0 api keys, 1 patients, 1 doctors, 0 reports.\n"
    left = whole_database()
    assert [word for word in SECRETS if word.lower() in left.lower()] == []
    remaining = [
        list(model.objects.order_by("pk").values_list("pk")) for model in (Event, Token, Slot, Doctor, Patient)
    ]
    assert remaining == evidence
    branch.refresh_from_db()
    assert (branch.code, branch.name) == ("BRANCH", "erased")
    call_command("check_invariants", stdout=StringIO())
    call_command("verify_log", stdout=StringIO())
    erase()


def test_another_facility_stays_as_it_is(branch: Facility, tmp_path: Path) -> None:
    end_tokens()
    token = book(a_slot())
    call_command("export_facility", "MAIN", str(tmp_path / "before"), stdout=StringIO())
    erase()
    call_command("export_facility", "MAIN", str(tmp_path / "after"), stdout=StringIO())
    for file in (tmp_path / "before").iterdir():
        if file.suffix == ".jsonl":
            assert file.read_text() == (tmp_path / "after" / file.name).read_text(), file.name
    assert Token.objects.get(pk=token.pk).status == "CONFIRMED"
    assert json.loads((tmp_path / "after" / "export.json").read_text())["rows"]["tokens_token"] == 1


def test_it_needs_the_code_once_more(branch: Facility, monkeypatch: pytest.MonkeyPatch) -> None:
    end_tokens()
    before = whole_database()
    for typed in ("", "branch", "MAIN"):
        with pytest.raises(CommandError, match="nothing was changed"):
            erase(confirm=typed)
        monkeypatch.setattr("builtins.input", lambda prompt, typed=typed: typed)
        with pytest.raises(CommandError, match="nothing was changed"):
            call_command("erase_facility", "BRANCH")
    assert whole_database() == before
    monkeypatch.setattr("builtins.input", lambda prompt: "BRANCH")
    call_command("erase_facility", "BRANCH", stdout=StringIO())


def test_a_facility_that_expects_patients_is_not_erased(branch: Facility) -> None:
    before = whole_database()
    with pytest.raises(CommandError, match="1 token"):
        erase()
    with pytest.raises(CommandError, match="no facility NOWHERE"):
        erase("NOWHERE", "NOWHERE")
    assert whole_database() == before


def test_the_last_administrators_are_not_erased(branch: Facility, superuser: User) -> None:
    end_tokens()
    call_command("create_facility", name="X", code="X", admin_email="boss@x.example", stdout=StringIO())
    User.objects.filter(pk=superuser.pk).update(is_superuser=False, facility=branch)
    User.objects.filter(email="boss@x.example").update(is_active=False)
    with pytest.raises(CommandError, match="No superuser"):
        erase()
    User.objects.filter(pk=superuser.pk).update(is_superuser=True)
    erase()
    superuser.refresh_from_db()
    assert superuser.facility is None


def test_one_failure_leaves_everything_as_it_was(branch: Facility, monkeypatch: pytest.MonkeyPatch) -> None:
    end_tokens()
    before = whole_database()

    def fail(facility: Any) -> int:
        raise RuntimeError("stop")

    monkeypatch.setattr("ops.facility_erasure._erase_doctors", fail)
    with pytest.raises(RuntimeError):
        erase()
    assert whole_database() == before

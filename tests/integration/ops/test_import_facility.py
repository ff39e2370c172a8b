"""manage.py create_facility and import_facility: all lines or none, and every bad line by its reason."""

from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from accounts.access.roles import Role
from accounts.models import User
from clinics.models import Doctor, Facility, Slot
from core.clock import ManualClock
from events.models import Event
from patients.models import Patient
from tests.factories import ensure_facility
from tests.support.invariants import assert_invariants_hold

pytestmark = pytest.mark.django_db(transaction=True)

DOCTORS = "name,specialization,consultation_minutes,is_active\nDr. Asha Rao,Eyes,15,yes\nDr. Ravi Iyer,ENT,,\n"
PATIENTS = "name,phone,date_of_birth,needs_assistance\nलक्ष्मी,+91 98765 43210,1951-08-15,true\nRavi,98450 11223,,\n"
SLOTS = "doctor,start_time,end_time,max_capacity\nDr. Asha Rao,2026-03-09T09:00,2026-03-09T12:00,20\n"


@pytest.fixture(autouse=True)
def branch(clock: ManualClock) -> Facility:
    ensure_facility()
    call_command("create_facility", name="Branch", code="BRANCH", time_zone="Europe/London", stdout=StringIO())
    return Facility.objects.get(code="BRANCH")


class Files:
    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def run(self, *, dry_run: bool = False, encoding: str = "utf-8", **contents: str | bytes) -> str:
        paths = {}
        for kind, content in contents.items():
            path = self.folder / f"{kind}.csv"
            path.write_bytes(content if isinstance(content, bytes) else content.encode(encoding))
            paths[kind] = path
        said = StringIO()
        call_command("import_facility", "BRANCH", dry_run=dry_run, stdout=said, stderr=said, **paths)
        return said.getvalue()

    def refused(self, **options: Any) -> list[str]:
        """Return the reasons; check that nothing was changed."""
        said, before = StringIO(), rows()
        paths = {}
        for kind, content in options.items():
            path = self.folder / f"{kind}.csv"
            path.write_bytes(content if isinstance(content, bytes) else content.encode())
            paths[kind] = path
        for dry_run in (True, False):
            said = StringIO()
            with pytest.raises(CommandError, match="Nothing was changed"):
                call_command("import_facility", "BRANCH", dry_run=dry_run, stderr=said, **paths)
            assert rows() == before
        return said.getvalue().splitlines()


def rows() -> list[int]:
    return [model.objects.count() for model in (Doctor, Patient, Slot, Event)]


@pytest.fixture
def files(tmp_path: Path) -> Files:
    return Files(tmp_path)


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig"])
def test_all_lines_are_imported_into_this_facility(files: Files, branch: Facility, encoding: str) -> None:
    said = files.run(encoding=encoding, doctors=DOCTORS, patients=PATIENTS, slots=SLOTS)
    assert said == "Imported 2 doctors, 2 patients, 1 slots.\n"
    doctor = Doctor.objects.get(name="Dr. Asha Rao")
    assert (doctor.facility, doctor.consultation_minutes, doctor.ticket_letters) == (branch, 15, "A")
    assert {each.facility for each in Patient.objects.all()} == {branch}
    slot = Slot.objects.get()
    assert (slot.facility, slot.doctor, slot.max_capacity) == (branch, doctor, 20)
    assert slot.start_time.isoformat() == "2026-03-09T09:00:00+00:00"  # local to the facility
    assert Event.objects.get().actor == "command:import_facility"
    assert_invariants_hold()


def test_a_dry_run_changes_nothing(files: Files) -> None:
    before = rows()
    said = files.run(dry_run=True, doctors=DOCTORS, patients=PATIENTS, slots=SLOTS)
    assert said == "Can import 2 doctors, 2 patients, 1 slots.\n"
    assert rows() == before


def test_each_bad_line_is_named_with_its_reason(files: Files) -> None:
    bad_doctors = DOCTORS + ",Eyes,10,yes\nDr. B,Eyes,ten,perhaps\nDr. C,Eyes,10\n"
    bad_patients = PATIENTS + "Ravi,+91 98450 11223,,\nMeera,12,2999-01-01,\n"
    bad_slots = SLOTS + (
        "Dr. Asha Rao,2026-03-09T11:00,2026-03-09T13:00,5\n"
        "Dr. Nobody,2026-03-09T09:00,2026-03-09T13:00,5\n"
        "Dr. Ravi Iyer,2025-03-09T09:00,2025-03-09T13:00,5\n"
        "Dr. Ravi Iyer,2026-03-29T01:30,2026-03-29T03:00,5\n"
        "Dr. Ravi Iyer,2026-03-10T09:00,2026-03-10T08:00,0\n"
    )
    reasons = files.refused(doctors=bad_doctors, patients=bad_patients, slots=bad_slots)
    assert [reason.split(": ")[:2] for reason in reasons] == [
        ["doctors.csv line 4", "name"],
        ["doctors.csv line 5", "consultation_minutes"],
        ["doctors.csv line 5", "is_active"],
        ["doctors.csv line 6", "line"],
        [
            "patients.csv line 4",
            "A patient of this name and phone is registered. Send allow_duplicate if it is another person.",
        ],
        ["patients.csv line 5", "phone"],
        ["patients.csv line 5", "date_of_birth"],
        ["slots.csv line 3", "The slot overlaps another slot of this doctor that is not cancelled."],
        ["slots.csv line 4", "doctor"],
        ["slots.csv line 5", "end_time"],
        ["slots.csv line 6", "start_time"],
        ["slots.csv line 7", "max_capacity"],
    ]
    assert not any(value in "".join(reasons) for value in ("Meera", "98450"))


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"\n",
        b"name,name\nx,y\n",
        b"name,facility\nx,y\n",
        b"id,name\nx,y\n",
        b"name,specialization\n\xff\xfe,Eyes\n",
        b'name,specialization\n"Dr. X,Eyes\n',
        b"name,specialization\na\x00b,Eyes\n",
        "name,specialization\nDr. X,Eyes\n".encode("utf-16"),
    ],
)
def test_a_file_that_is_not_such_a_table_is_refused(files: Files, content: bytes) -> None:
    assert files.refused(doctors=content)


def test_an_unknown_facility_and_a_missing_file_are_told(tmp_path: Path) -> None:
    with pytest.raises(CommandError, match="no facility NOWHERE"):
        call_command("import_facility", "NOWHERE")
    with pytest.raises(CommandError, match="No such file"):
        call_command("import_facility", "BRANCH", doctors=tmp_path / "none.csv")


def test_the_first_administrator_belongs_to_the_facility() -> None:
    call_command("create_facility", name="Third", code="THIRD", admin_email="boss@third.example", stdout=StringIO())
    boss = User.objects.get(email="boss@third.example")
    assert (boss.role, boss.facility.code, boss.is_superuser) == (Role.ADMIN, "THIRD", False)
    assert not boss.has_usable_password()
    assert Facility.objects.get(code="THIRD").time_zone == "Asia/Kolkata"


@pytest.mark.parametrize(
    ("changed", "reason"),
    [
        ({"code": "BRANCH"}, "code: Another facility"),
        ({"code": "lower"}, "code: Use capital"),
        ({"name": ""}, "name: "),
        ({"time_zone": "Mars/Olympus"}, "time_zone: "),
        ({"admin_email": "nobody"}, "valid email"),
    ],
)
def test_a_facility_is_refused_as_by_the_api(changed: dict[str, str], reason: str) -> None:
    before = Facility.objects.count()
    with pytest.raises(CommandError, match=reason):
        call_command("create_facility", **{"name": "New", "code": "NEW", **changed})
    assert Facility.objects.count() == before

"""manage.py export_facility: complete, of one moment, private, and harmless in a spreadsheet."""

import csv
import json
import stat
from collections.abc import Iterator
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from clinics.doctors import create_doctor
from clinics.models import Doctor, Facility, Slot
from events.models import Event
from ops import facility_export
from ops.facility_tables import rows_of, tables_of_a_facility
from tests.factories import ensure_facility
from tests.races.builders import a_slot, book
from tokens.models import Token

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def facility() -> Facility:
    return ensure_facility()


def lines(folder: Path, table: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (folder / f"{table}.jsonl").read_bytes().splitlines()]


def cells(folder: Path, table: str) -> list[dict[str, str]]:
    return list(csv.DictReader(StringIO((folder / f"{table}.csv").read_bytes().decode(), newline="")))


def export(facility: Facility, folder: Path) -> str:
    said = StringIO()
    call_command("export_facility", facility.code, str(folder), stdout=said)
    return said.getvalue()


def test_every_row_of_the_facility_is_exported_and_none_of_another(facility: Facility, tmp_path: Path) -> None:
    tokens = [book(a_slot()), book(a_slot())]
    other = Facility.objects.create(name="Branch", code="BRANCH", time_zone="Asia/Kolkata")
    create_doctor(name="Dr. Elsewhere", specialization="Eyes", facility_id=other.pk)
    folder = tmp_path / "export"
    assert "clinics_doctor" in export(facility, folder)
    assert {each["id"] for each in lines(folder, "tokens_token")} == {str(token.pk) for token in tokens}
    for model in tables_of_a_facility():
        table = model._meta.db_table
        assert len(lines(folder, table)) == len(cells(folder, table)) == rows_of(model, facility.pk).count(), table
    assert [each["code"] for each in lines(folder, "clinics_facility")] == [facility.code]
    assert "Elsewhere" not in "".join(file.read_text() for file in folder.iterdir())
    rows = json.loads((folder / "export.json").read_text())["rows"]
    assert rows["events_event"] == Event.objects.filter(facility_id=facility.pk).count() > 0


def test_only_the_owner_can_read_the_files(facility: Facility, tmp_path: Path) -> None:
    folder = tmp_path / "export"
    export(facility, folder)
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert {stat.S_IMODE(file.stat().st_mode) for file in folder.iterdir()} == {0o600}


@pytest.mark.parametrize("start", ["=", "+", "-", "@", "\t", "\r", "\uff1d", "\uff0b", "\uff0d", "\uff20"])
def test_a_cell_never_begins_like_a_formula(facility: Facility, tmp_path: Path, start: str) -> None:
    name = f'{start}HYPERLINK("http://evil.example")'
    doctor = create_doctor(name="Dr. X", specialization="Eyes")
    Doctor.objects.filter(pk=doctor.pk).update(name=name)
    export(facility, tmp_path / "export")
    assert [each["name"] for each in lines(tmp_path / "export", "clinics_doctor")] == [name]
    assert [each["name"] for each in cells(tmp_path / "export", "clinics_doctor")] == [f"'{name}"]


def test_all_files_show_one_moment(
    facility: Facility, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, another_connection: Any
) -> None:
    book(a_slot())
    write_table, later = facility_export._write_table, []

    def write_and_book(folder: Path, name: str, rows: Any) -> int:
        if not later:
            later.append(another_connection(lambda: book(a_slot()).pk))
        return write_table(folder, name, rows)

    monkeypatch.setattr(facility_export, "_write_table", write_and_book)
    export(facility, tmp_path / "export")
    assert later
    assert Token.objects.count() == 2
    assert [len(lines(tmp_path / "export", name)) for name in ("tokens_token", "clinics_slot")] == [1, 1]


@pytest.fixture
def another_connection() -> Iterator[Any]:
    """Run a step in another thread, and so on another connection."""
    from concurrent.futures import ThreadPoolExecutor

    from django.db import connections

    def with_closing(step: Any) -> Any:
        try:
            return step()
        finally:
            connections.close_all()

    with ThreadPoolExecutor(1) as pool:
        yield lambda step: pool.submit(with_closing, step).result()


def test_pages_are_joined_without_a_gap(facility: Facility, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(facility_export, "PAGE", 2)
    for number in range(5):
        create_doctor(name=f"Dr. {number}", specialization="Eyes")
    export(facility, tmp_path / "export")
    assert sorted(each["name"] for each in lines(tmp_path / "export", "clinics_doctor")) == [
        f"Dr. {number}" for number in range(5)
    ]


def test_nothing_is_left_behind_by_a_failure(
    facility: Facility, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "export").mkdir()
    (tmp_path / "export" / "mine.txt").write_text("mine")
    with pytest.raises(CommandError, match="not empty"):
        export(facility, tmp_path / "export")
    with pytest.raises(CommandError, match="no facility NOWHERE"):
        call_command("export_facility", "NOWHERE", str(tmp_path / "other"))

    def fail(*args: Any) -> int:
        raise OSError("the disk is full")

    monkeypatch.setattr(facility_export, "_write_table", fail)
    with pytest.raises(CommandError, match="disk is full"):
        export(facility, tmp_path / "other")
    assert [path.name for path in tmp_path.iterdir()] == ["export"]
    assert [path.name for path in (tmp_path / "export").iterdir()] == ["mine.txt"]


def test_no_secret_is_exported(facility: Facility) -> None:
    secret = {"password", "key", "secret_sha256", "code_sha256", "code_hash", "current", "previous"}
    for model in tables_of_a_facility():
        columns = {field.attname for field in model._meta.concrete_fields}
        assert columns & secret <= facility_export._SECRETS, model


def test_slots_are_in_the_list_of_tables() -> None:
    assert {Slot, Token, Event, Doctor} <= set(tables_of_a_facility())

"""Export everything that belongs to one facility: for each table a file of JSON lines and a CSV file.

All files show the same moment: they are read in one snapshot, page by page. Secrets (passwords and keys, even hashed)
are left out.
"""

import csv
import json
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any, TextIO
from uuid import UUID

from django.core.serializers.json import DjangoJSONEncoder
from django.db.models import Model, QuerySet

from accounts.models import ReadTrail
from clinics.models import Facility
from core import clock
from core.db.transactions import snapshot
from core.errors import NotFound
from ops.facility_tables import rows_of, tables_of_a_facility
from patients.models import Patient

PAGE = 2_000
ACTOR = "command:export_facility"
_SECRETS = frozenset({"password", "secret_sha256", "code_sha256", "key_sha256", "cookie_sha256", "presence_secret"})
_FORMULA = tuple("=+-@\t\r\uff1d\uff0b\uff0d\uff20")  # the last four are full-width forms


class ExportError(Exception):
    """The export could not be written; the message says why."""


def export_facility(*, code: str, folder: Path) -> dict[str, int]:
    """Write all rows of a facility into a new folder that only its owner can read; return the numbers of rows.

    Raise NotFound for an unknown code and ExportError if the folder is in use. The folder gets its name when all files
    are complete. The read trail records the export for each patient.
    """
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise ExportError(f"{folder} exists and is not empty.")
    if not folder.absolute().parent.is_dir():
        raise ExportError(f"{folder.absolute().parent} is no folder.")
    unfinished = Path(tempfile.mkdtemp(prefix=f".{folder.name}.", dir=folder.absolute().parent))
    try:
        with snapshot():
            facility = Facility.objects.filter(code=code).first()
            if facility is None:
                raise NotFound
            counts = _write_tables(facility, unfinished)
            patients = list(_patients_of(facility.pk))
        _record_reads(patients)
        os.replace(unfinished, folder)
    except BaseException:
        shutil.rmtree(unfinished, ignore_errors=True)
        raise
    return counts


def _write_tables(facility: Facility, folder: Path) -> dict[str, int]:
    tables: dict[str, QuerySet[Any]] = {Facility._meta.db_table: Facility.objects.filter(pk=facility.pk)}
    for model in tables_of_a_facility():
        tables[model._meta.db_table] = rows_of(model, facility.pk)
    counts = {name: _write_table(folder, name, rows) for name, rows in sorted(tables.items())}
    about = {"facility": str(facility.pk), "code": facility.code, "exported_at": clock.now(), "rows": counts}
    with _private(folder / "export.json") as file:
        json.dump(about, file, cls=DjangoJSONEncoder, indent=2)
    return counts


def _write_table(folder: Path, name: str, rows: QuerySet[Any]) -> int:
    columns = [field.attname for field in rows.model._meta.concrete_fields if field.attname not in _SECRETS]
    encode = DjangoJSONEncoder(ensure_ascii=False).encode
    count = 0
    with ExitStack() as files:
        lines = files.enter_context(_private(folder / f"{name}.jsonl"))
        table = csv.writer(files.enter_context(_private(folder / f"{name}.csv")))
        table.writerow(columns)
        for values in _pages(rows, columns):
            row = {column: _plain(value) for column, value in zip(columns, values, strict=True)}
            lines.write(encode(row) + "\n")
            table.writerow([_cell(value, encode) for value in row.values()])
            count += 1
    return count


def _pages(rows: QuerySet[Any], columns: list[str]) -> Iterator[tuple[Any, ...]]:
    """Return the rows in order of their key; each page is a statement of its own, so that memory stays small."""
    key = _key_of(rows.model)
    rows = rows.order_by(key)
    page = list(rows.values_list(key, *columns)[:PAGE])
    while page:
        for row in page:
            yield row[1:]
        page = list(rows.filter(**{f"{key}__gt": page[-1][0]}).values_list(key, *columns)[:PAGE])


def _key_of(model: type[Model]) -> str:
    key = model._meta.pk
    assert key is not None, "every model has a key"
    return key.attname


def _plain(value: Any) -> Any:
    return bytes(value).hex() if isinstance(value, bytes | memoryview) else value


def _cell(value: Any, encode: Any) -> Any:
    """Return the text of a cell. A text that a spreadsheet would take for a formula gets an apostrophe in front."""
    if value is None:
        return ""
    if not isinstance(value, str):
        return encode(value).strip('"')
    return f"'{value}" if value.startswith(_FORMULA) else value


def _private(file: Path) -> TextIO:
    """Create a file that only its owner can read."""
    return os.fdopen(os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8", newline="")


def _patients_of(facility_id: UUID) -> Iterator[UUID]:
    if Patient in tables_of_a_facility():
        yield from rows_of(Patient, facility_id).values_list("pk", flat=True)


def _record_reads(patients: list[UUID]) -> None:
    now = clock.now()
    for start in range(0, len(patients), PAGE):
        ReadTrail.objects.create(
            actor=ACTOR,
            patient_ids=patients[start : start + PAGE],
            what="facilities.export",
            request_id="",
            at=now,
        )

"""Import the doctors, patients and future slots of a facility from CSV files: all of them, or nothing.

Each line is read by the serializer of the API and saved by its service, in a savepoint of its own, so that one run
finds every bad line. A dry run is the same run, rolled back.
"""

import csv
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pghistory
from django.db import IntegrityError
from rest_framework import serializers

from clinics.api.serializers import DoctorSerializer
from clinics.doctors import create_doctor
from clinics.models import Doctor, Facility
from core import clock
from core.api.problem_details import describe, translate
from core.db.transactions import atomic, roll_back
from core.errors import EngineError, NotFound, ValidationFailed
from patients.api.serializers import PatientSerializer
from patients.services import register_patient
from tokens.api.serializers import SlotRequest
from tokens.planning import PlanningService, SlotPlan

ACTOR = "command:import_facility"
MAX_SHOWN = 1_000
_SET_BY_THE_IMPORT = frozenset({"facility", "rooms"})
_WORDS = {"true": True, "yes": True, "1": True, "false": False, "no": False, "0": False}


@dataclass
class Imported:
    """The numbers of imported lines by kind, and the bad lines with their reasons."""

    counts: dict[str, int] = field(default_factory=dict)
    errors: list[str] = field(default_factory=list)


def import_facility(
    *,
    code: str,
    doctors: Path | None = None,
    patients: Path | None = None,
    slots: Path | None = None,
    dry_run: bool = False,
) -> Imported:
    """Import the files into the facility with this code; change nothing if a line is bad or with `dry_run`.

    Raise NotFound for an unknown code.
    """
    done = Imported()
    with atomic(durable=True), pghistory.context(actor=ACTOR):
        facility = Facility.objects.filter(code=code).first()
        if facility is None:
            raise NotFound
        for kind, path, form, save in (
            ("doctors", doctors, DoctorSerializer(), _doctor),
            ("patients", patients, PatientSerializer(), _patient),
            ("slots", slots, SlotRequest(), _Slots(facility)),
        ):
            if path is not None:
                done.counts[kind] = _import_file(path, form, save, facility, done.errors)
        if dry_run or done.errors:
            roll_back()
    return done


def _import_file(
    path: Path, form: serializers.Serializer[Any], save: Callable[..., None], facility: Facility, errors: list[str]
) -> int:
    count = 0
    try:
        for number, row in _rows(path, form):
            try:
                with atomic():
                    save(facility, _values(row, form))
                count += 1
            except (EngineError, serializers.ValidationError, IntegrityError) as error:
                errors.extend(f"{path.name} line {number}: {reason}" for reason in _reasons(error))
            if len(errors) >= MAX_SHOWN:
                errors.append(f"{path.name}: the lines after {number} were not read.")
                break
    except (UnicodeDecodeError, csv.Error, ValidationFailed) as error:
        reason = error.errors[0]["detail"] if isinstance(error, ValidationFailed) else f"not CSV in UTF-8 ({error})"
        errors.append(f"{path.name}: {reason}")
    return count


def _rows(path: Path, form: serializers.Serializer[Any]) -> Iterator[tuple[int, dict[str, str]]]:
    """Return the lines with their numbers; raise ValidationFailed for a column that the form does not have."""
    known = {name for name, each in form.fields.items() if not each.read_only} - _SET_BY_THE_IMPORT
    with path.open(encoding="utf-8-sig", newline="") as file:
        reader = csv.DictReader(file, strict=True)
        header = [name.strip() for name in reader.fieldnames or []]
        if unknown := [name for name in header if name not in known]:
            raise ValidationFailed.of("header", "unknown-field", f"There is no column {unknown[0][:100]!r}.")
        if len(set(header)) != len(header) or not header:
            raise ValidationFailed.of("header", "repeated", "The first line must name each column once.")
        reader.fieldnames = header
        for row in reader:
            yield reader.line_num, row


def _values(row: dict[str, Any], form: serializers.Serializer[Any]) -> dict[str, Any]:
    """Return the cells that are not empty, as JSON would have them."""
    if None in row or None in row.values():
        raise ValidationFailed.of("line", "invalid", "The line has more or fewer cells than the first line.")
    return {name: _value(text.strip(), form.fields[name]) for name, text in row.items() if text.strip()}


def _value(text: str, field: Any) -> Any:
    if isinstance(field, serializers.BooleanField):
        return _WORDS.get(text.lower(), text)
    if isinstance(field, serializers.IntegerField) and text.isascii():
        with suppress(ValueError):
            return int(text[:20])
    return text


def _read(form: serializers.Serializer[Any]) -> dict[str, Any]:
    form.is_valid(raise_exception=True)
    return dict(form.validated_data)


def _doctor(facility: Facility, values: dict[str, Any]) -> None:
    create_doctor(**_read(DoctorSerializer(data=values)), facility_id=facility.pk)


def _patient(facility: Facility, values: dict[str, Any]) -> None:
    register_patient(**_read(PatientSerializer(data=values)), facility_id=facility.pk)


class _Slots:
    """Saves slots, whose doctors are named in the file and locked at their first slot."""

    def __init__(self, facility: Facility) -> None:
        self._facility = facility
        self._locked: dict[Any, Doctor] = {}

    def __call__(self, facility: Facility, values: dict[str, Any]) -> None:
        doctor = self._doctor(values.get("doctor", ""))
        plan = _read(SlotRequest(data={**values, "doctor": str(doctor.pk)}, context={"zone": facility.time_zone}))
        if plan["end_time"] <= clock.now():
            raise ValidationFailed.of("end_time", "in-the-past", "The slot is over.")
        del plan["doctor_id"]
        PlanningService().add_slot(doctor=doctor, plan=SlotPlan(**plan), actor=ACTOR)

    def _doctor(self, name: str) -> Doctor:
        found = list(Doctor.objects.filter(facility_id=self._facility.pk, name=name).values_list("pk", flat=True)[:2])
        if len(found) != 1:
            problem = "Several doctors have this name." if found else "There is no doctor of this name."
            raise ValidationFailed.of("doctor", "invalid", problem)
        if found[0] not in self._locked:
            rows = Doctor.objects.select_for_update(of=("self",), no_key=True).select_related("facility")
            self._locked[found[0]] = rows.get(pk=found[0])
        return self._locked[found[0]]


def _reasons(error: Exception) -> list[str]:
    """Return the reasons for refusing a line, without its values."""
    known = translate(error) if isinstance(error, IntegrityError) else error
    if known is None:
        raise error
    problem, _ = describe(known)
    return [f"{each['field']}: {each['detail']}" for each in problem.get("errors", [])] or [problem["detail"]]

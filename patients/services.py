"""Registering, changing and deleting patients.

`patients.selectors` decides which records a user may see and change; this module has the rules for all callers.
"""

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from django.db import IntegrityError
from django.db.models import ProtectedError, QuerySet
from psycopg.errors import ForeignKeyViolation

from accounts.models import User
from clinics.facilities import default_facility
from core import clock
from core.api.commands import Reply
from core.api.problem_details import constraint_of
from core.db.transactions import atomic
from core.errors import Merged, NotFound, PermissionDenied, ValidationFailed
from patients.errors import DuplicatePatient, PatientInUse
from patients.identity import name_key, phone_key
from patients.models import Patient

MAX_RECORDS_OF_A_USER = 8
_BY_THE_HOSPITAL = "Only the hospital can activate or deactivate a record."
_PHONES = "Only the hospital can keep a record without a phone."
_ONCE = "patient_registered_once"


def register_patient(
    *,
    name: str,
    phone: str | None,
    facility_id: UUID | None = None,
    allow_duplicate: bool = False,
    no_phone: bool = False,
    of_user: UUID | None = None,
    **details: Any,
) -> Any:
    """Register a patient of a facility, by default the first one.

    Raise DuplicatePatient if name and phone are registered there, unless `allow_duplicate`.

    `of_user`: the user adds the patient to their own family. The duplicate check then covers only the user's own
    records, so that it does not reveal any other: a patient known only to the hospital gets a second record. Raise
    PermissionDenied beyond MAX_RECORDS_OF_A_USER, for an inactive record or one without a phone. `no_phone`: the
    patient has no phone. `details`: email, date_of_birth, birth_date_is_approximate, sex, needs_assistance, is_active.
    """
    with atomic():
        facility_id = facility_id or default_facility().pk
        patient = Patient(facility_id=facility_id, name=name, phone=phone, created_at=clock.now(), **details)
        if of_user is not None and not patient.is_active:
            raise PermissionDenied(_BY_THE_HOSPITAL)
        if phone is None:
            _check_without_phone(no_phone=no_phone, of_user=of_user)
        owned = None if of_user is None else _family_with_room(of_user)
        _save_once(patient, among=owned, allow_duplicate=allow_duplicate)
        if of_user is not None:
            User.patients.through.objects.create(user_id=of_user, patient_id=patient.pk)
        return patient


def register_own(*, facility_id: UUID, name: str, phone: str, email: str, date_of_birth: Any) -> UUID:
    """Register a patient who signs up; always create a new record, even for a known name and phone. Return its id."""
    with atomic():
        patient = Patient(
            facility_id=facility_id,
            name=name,
            phone=phone,
            email=email,
            date_of_birth=date_of_birth,
            created_at=clock.now(),
        )
        _save_once(patient, among=Patient.objects.none(), allow_duplicate=False)
        return patient.pk


def update_patient(
    *,
    patient_id: UUID,
    changes: Mapping[str, Any],
    among: QuerySet[Patient] | None = None,
    of_user: UUID | None = None,
    reply: Reply | None = None,
) -> Any:
    """Change a patient, and return it or, with `reply`, the answer to the request.

    Raise DuplicatePatient for the name and phone of another record, as at registration.

    `among`: the patients that the caller may change; raise NotFound for any other. `of_user`: the user changes a record
    of their own family; raise PermissionDenied if they activate or deactivate it, or remove the phone.
    """
    with atomic(durable=reply is not None):
        patient = _locked_patient(patient_id, among)
        if reply is not None:
            reply.check_version(patient.version)
        facility_id = changes.get("facility_id", patient.facility_id)
        if facility_id != patient.facility_id:
            raise ValidationFailed.of("facility", "immutable", "A record cannot move: register the patient there.")
        allow_duplicate, no_phone = changes.get("allow_duplicate", False), changes.get("no_phone", False)
        if no_phone:
            changes = {**changes, "phone": None}
        changes = {name: value for name, value in changes.items() if value != getattr(patient, name, value)}
        if "phone" in changes and changes["phone"] is None:
            _check_without_phone(no_phone=no_phone, of_user=of_user)
        if "date_of_birth" in changes:
            changes.setdefault("birth_date_is_approximate", False)
        if of_user is not None and "is_active" in changes:
            raise PermissionDenied(_BY_THE_HOSPITAL)
        if changes:
            changes["version"] = patient.version + 1
        for name, value in changes.items():
            setattr(patient, name, value)
        if _keys(patient) != (patient.name_key, patient.phone_key):
            owned = None if of_user is None else Patient.objects.filter(users=of_user)
            _save_once(patient, among=owned, allow_duplicate=allow_duplicate)
        elif changes:
            patient.save(update_fields=sorted(changes))
        return patient if reply is None else reply.store(patient, changed=bool(changes))


def delete_patient(*, patient_id: UUID, among: QuerySet[Patient] | None = None, reply: Reply | None = None) -> Any:
    """Delete a patient; raise PatientInUse if a token or a waiting-list entry refers to the patient."""
    try:
        with atomic(durable=reply is not None):
            patient = _locked_patient(patient_id, among)
            if reply is not None:
                reply.check_version(patient.version)
            patient.delete()
            return None if reply is None else reply.store(None)
    except ProtectedError as error:
        raise PatientInUse from error
    except IntegrityError as error:  # booked at the same time
        if isinstance(error.__cause__, ForeignKeyViolation):
            raise PatientInUse from error
        raise


def _save_once(patient: Patient, *, among: QuerySet[Patient] | None, allow_duplicate: bool) -> None:
    """Save the patient with the next free namesake number.

    Raise DuplicatePatient if another record has the same keys, unless `allow_duplicate`.
    `among`: the records that the duplicate check covers; None for all. Records outside it are ignored, because the
    caller may not know of them.
    """
    patient.name_key, patient.phone_key = _keys(patient)
    keys = {"facility_id": patient.facility_id, "name_key": patient.name_key, "phone_key": patient.phone_key}
    twins = Patient.objects.filter(**keys).exclude(pk=patient.pk)
    while True:
        # One query decides both whether there is a twin and which number is next. With two queries, a patient
        # registered between them would be missed by the duplicate check and yet counted by the numbering.
        numbers = dict(twins.order_by("namesake").values_list("pk", "namesake"))
        if not allow_duplicate:
            known = numbers if among is None else set(among.filter(pk__in=numbers).values_list("pk", flat=True))
            existing = next((pk for pk in numbers if pk in known), None)
            if existing is not None:
                raise DuplicatePatient(existing_id=str(existing))
        patient.namesake = max(numbers.values(), default=-1) + 1
        try:
            with atomic():
                patient.save()
            return
        except IntegrityError as error:
            # Another transaction registered the same name and phone and has committed: check again.
            if constraint_of(error) != _ONCE:
                raise


def _check_without_phone(*, no_phone: bool, of_user: UUID | None) -> None:
    """Raise ValidationFailed for a missing phone without `no_phone`, PermissionDenied if a patient leaves it out."""
    if not no_phone:
        raise ValidationFailed.of("phone", "null", "Send no_phone as well if the patient has no phone.")
    if of_user is not None:
        raise PermissionDenied(_PHONES)


def _keys(patient: Patient) -> tuple[str, str]:
    return name_key(patient.name), phone_key(patient.phone or "")


def _family_with_room(user_id: UUID) -> QuerySet[Patient]:
    """Return the user's records; raise PermissionDenied if the user may not add another.

    The user's row stays locked, so that concurrent registrations cannot exceed the limit.
    """
    if User.objects.select_for_update(no_key=True).filter(pk=user_id).first() is None:
        raise NotFound
    owned = Patient.objects.filter(users=user_id)
    if owned.count() >= MAX_RECORDS_OF_A_USER:
        raise PermissionDenied(f"A user can have at most {MAX_RECORDS_OF_A_USER} patient records.")
    return owned


def _locked_patient(patient_id: UUID, among: QuerySet[Patient] | None) -> Patient:
    patients = Patient.objects.filter(erased_at=None, merged_into=None) if among is None else among
    patient = patients.select_for_update(of=("self",), no_key=True).filter(pk=patient_id).first()
    if patient is None:
        raise_if_merged(patient_id, among)
        raise NotFound
    return patient


def raise_if_merged(patient_id: UUID, among: QuerySet[Patient] | None) -> None:
    """Raise Merged for a record that was merged into one of the patients that the caller may see."""
    kept = Patient.objects.filter(pk=patient_id, merged_into__isnull=False).values_list("merged_into_id", flat=True)
    into = kept.first()
    if into is not None and (among is None or among.filter(pk=into).exists()):
        raise Merged(into=str(into))


def lock_for_merge(*, patient_id: UUID, into: UUID, facility_id: UUID) -> tuple[Patient, Patient]:
    """Lock both records of a merger in order of id; raise NotFound or Merged.

    A booking locks its patient FOR KEY SHARE. The record that is merged is locked against that, so that no booking for
    it is lost; the record that stays takes bookings meanwhile.
    """
    locked: dict[UUID, Patient] = {}
    for pk in sorted((patient_id, into)):
        rows = Patient.objects.select_for_update(of=("self",), no_key=pk == into)
        patient = rows.filter(pk=pk, facility_id=facility_id, erased_at=None).first()
        if patient is None:
            raise NotFound
        if patient.merged_into_id is not None:
            raise Merged(into=str(patient.merged_into_id))
        locked[pk] = patient
    return locked[patient_id], locked[into]


def mark_merged(patient: Patient, *, into: Patient) -> None:
    """Mark a locked record as merged, with those that were merged into it. Its name and phone can be used again."""
    Patient.objects.filter(merged_into=patient).update(merged_into=into)
    patient.merged_into = into
    patient.name_key, patient.phone_key, patient.namesake = f"merged {patient.pk}", "", 0
    patient.version += 1
    patient.save()

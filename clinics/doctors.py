"""Adding and changing doctors. `tokens.planning` deletes them together with their slots."""

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from django.db.models import F

from clinics.facilities import default_facility
from clinics.models import Doctor, Facility
from core import clock
from core.api.commands import Reply
from core.db.transactions import atomic
from core.errors import NotFound, ValidationFailed

LETTERS = 26
MAX_DOCTORS = LETTERS + LETTERS**2 + LETTERS**3 + LETTERS**4


def ticket_letters(number: int) -> str:
    """Return the ticket letters of a facility's doctor number 1, 2, ...: A, B, ..., Z, AA, AB, ..., ZZZZ."""
    if not 1 <= number <= MAX_DOCTORS:
        raise ValueError(f"doctors are numbered from 1 to {MAX_DOCTORS}")
    letters = ""
    while number:
        number, letter = divmod(number - 1, LETTERS)
        letters = chr(ord("A") + letter) + letters
    return letters


def create_doctor(
    *,
    name: str,
    specialization: str,
    facility_id: UUID | None = None,
    **details: Any,
) -> Any:
    """Add a doctor, with ticket letters that no other doctor of the facility has ever had.

    Raise NotFound if the facility does not exist. `details`: email, phone, experience_years, consultation_minutes,
    is_active.
    """
    with atomic():
        facility = _take_doctor_number(facility_id or default_facility().pk)
        doctor = Doctor.objects.create(
            facility=facility,
            name=name,
            specialization=specialization,
            ticket_letters=ticket_letters(facility.doctors_numbered),
            created_at=clock.now(),
            **details,
        )
        return doctor


def update_doctor(
    *, doctor_id: UUID, changes: Mapping[str, Any], within: UUID | None = None, reply: Reply | None = None
) -> Any:
    """Change a doctor, and return the doctor or, with `reply`, the answer to the request.

    Existing slots keep their consultation_minutes. The facility cannot change. `within`: the only facility in which the
    caller changes doctors; None for all.
    """
    with atomic(durable=reply is not None):
        doctor = _locked_doctor(doctor_id, within)
        changes = dict(changes)
        facility_id = changes.pop("facility_id", None) or doctor.facility_id
        if facility_id != doctor.facility_id:
            if within is not None or not Facility.objects.filter(pk=facility_id).exists():
                raise NotFound
            raise ValidationFailed.of("facility", "immutable", "A doctor cannot move to another facility.")
        changes = {name: value for name, value in changes.items() if value != getattr(doctor, name)}
        for name, value in changes.items():
            setattr(doctor, name, value)
        if changes:
            doctor.save(update_fields=sorted(changes))
        return doctor if reply is None else reply.store(doctor, changed=bool(changes))


def _take_doctor_number(facility_id: UUID) -> Facility:
    """Take the facility's next doctor number and return the facility.

    Its row stays locked until the transaction ends, so that no two doctors get the same number.
    """
    taken = Facility.objects.filter(pk=facility_id, doctors_numbered__lt=MAX_DOCTORS).update(
        doctors_numbered=F("doctors_numbered") + 1
    )
    facility = Facility.objects.filter(pk=facility_id).first()
    if facility is None:
        raise NotFound
    if not taken:
        raise ValidationFailed.of("facility", "too-many-doctors", "This facility has used up all ticket letters.")
    return facility


def _locked_doctor(doctor_id: UUID, within: UUID | None) -> Doctor:
    # NO KEY: at commit, the foreign-key check of a booking locks the doctor's row FOR KEY SHARE. It must not wait for
    # a transaction that itself waits for the booking's slot.
    doctors = Doctor.objects.select_for_update(of=("self",), no_key=True).select_related("facility")
    doctor = doctors.filter(pk=doctor_id).first()
    if doctor is None or within not in (None, doctor.facility_id):
        raise NotFound
    return doctor

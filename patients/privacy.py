"""Export and erasure of a patient's personal data.

Erasure removes the personal data and keeps the counts: tokens, waiting lists and reports stay, without a name. The read
trail of the record also stays; it holds only an id.
"""

from typing import Any
from uuid import UUID

import pgtrigger
from django.db import connection
from django.db.models import Q

from accounts.access.roles import Role
from accounts.audit.read_trail import reads_of
from accounts.models import ReadTrail, User
from accounts.users import remove_user
from core import clock
from core.db.transactions import atomic
from core.errors import InUse, NotFound
from core.models import IdempotencyRecord
from events.models import Event
from patients.models import Patient

NAME_OF_THE_ERASED = "erased"
# Tokens that have ended; a NO_SHOW has ended when its grace is over.
_ENDED = Q(status__in=["COMPLETED", "CANCELLED", "EXPIRED"]) | Q(status="NO_SHOW", due_at__isnull=True)

History: Any = Patient.pgh_event_model  # type: ignore[attr-defined]  # made by pghistory
UserHistory: Any = User.pgh_event_model  # type: ignore[attr-defined]


class StillExpected(InUse):
    """The patient is still expected"""

    template = "Cancel first: {tokens} token(s) that have not ended, {entries} waiting-list entries."


def mask_name(name: str) -> str:
    """Return the initials of a name, which distinguish patients in a log without identifying them."""
    return " ".join(f"{word[0]}." for word in name.split())


def mask_phone(phone: str | None) -> str:
    """Return the last two digits of a phone number, with dots for the others."""
    digits = [letter for letter in phone or "" if letter.isdigit()]
    return "•" * max(0, len(digits) - 2) + "".join(digits[-2:])


def export_patient(*, patient_id: UUID) -> dict[str, Any]:
    """Return all data stored about a patient, as plain values, and record the export in the read trail.

    Raise NotFound if neither a record nor a history exists.
    """
    patient = Patient.objects.filter(pk=patient_id).first()
    history = list(History.objects.filter(pgh_obj_id=patient_id).order_by("pgh_id").values())
    if patient is None and not history:
        raise NotFound
    about: dict[str, Any] = {"exported_at": clock.now(), "patient": None, "history": history}
    if patient is not None:
        tokens = list(patient.tokens.order_by("id").values())
        about |= {
            "patient": Patient.objects.filter(pk=patient_id).values().get(),
            "accounts": list(patient.users.values("id", "username", "email", "role", "is_active", "created_at")),
            "tokens": tokens,
            "waiting_list_entries": list(patient.waitlist_entries.order_by("id").values()),
            "events": list(
                Event.objects.filter(token_id__in=[token["id"] for token in tokens])
                .order_by("seq")
                .values("id", "type", "slot_id", "token_id", "at", "actor", "data")
            ),
        }
    about["reads"] = list(reads_of(patient_id).values("actor", "what", "at", "request_id"))
    ReadTrail.objects.create(
        actor="command:export_patient", patient_ids=[patient_id], what="patients.export", request_id="", at=clock.now()
    )
    return about


def erase_patient(*, patient_id: UUID) -> None:
    """Erase a patient's personal data: the record, its history, emergency reasons, and an account of theirs alone.

    Raise StillExpected while the patient has a token that has not ended or a WAITING entry, and NotFound if neither a
    record nor a history exists. A second call does no harm. For a deleted record, erase its history.
    Records that were merged into this one are erased with it.
    """
    with atomic():
        patient = Patient.objects.select_for_update().filter(pk=patient_id).first()
        if patient is None and not History.objects.filter(pgh_obj_id=patient_id).exists():
            raise NotFound
        if patient is not None:
            _refuse_while_expected(patient)
            _erase_accounts(patient)
            for record in [patient, *Patient.objects.filter(merged_into=patient)]:
                _erase_record(record)
        with pgtrigger.ignore("patients.PatientEvent:append_only"):
            records = [patient_id, *Patient.objects.filter(merged_into=patient_id).values_list("pk", flat=True)]
            History.objects.filter(pgh_obj_id__in=records).delete()
        _erase_stored_responses(patient_id)


def _refuse_while_expected(patient: Patient) -> None:
    tokens = patient.tokens.exclude(_ENDED).count()
    entries = patient.waitlist_entries.filter(status="WAITING").count()
    if tokens or entries:
        raise StillExpected(tokens=tokens, entries=entries)


def _erase_accounts(patient: Patient) -> None:
    for user in list(patient.users.all()):
        user.patients.remove(patient)
        if user.role == Role.PATIENT and not user.patients.exists():
            remove_user(user_id=user.pk, by="command:erase_patient")
            with pgtrigger.ignore("accounts.UserEvent:append_only"):
                UserHistory.objects.filter(pgh_obj_id=user.pk).delete()


def _erase_stored_responses(patient_id: UUID) -> None:
    """Delete the responses stored for retries that mention the patient: they may contain the name."""
    table = connection.ops.quote_name(IdempotencyRecord._meta.db_table)
    with connection.cursor() as cursor:
        cursor.execute(f"DELETE FROM {table} WHERE position(%s::bytea IN body) > 0", [str(patient_id).encode()])


def _erase_record(patient: Patient) -> None:
    patient.name = NAME_OF_THE_ERASED
    patient.phone = patient.phone_key = ""
    patient.name_key = f"{NAME_OF_THE_ERASED} {patient.pk}"
    patient.namesake = 0
    patient.email = patient.date_of_birth = patient.sex = None
    patient.birth_date_is_approximate = False
    patient.needs_assistance = False
    patient.erased_at = patient.erased_at or clock.now()
    patient.save()
    patient.tokens.exclude(emergency_reason="").update(emergency_reason="")
    patient.waitlist_entries.exclude(seat_reason="").update(seat_reason="")

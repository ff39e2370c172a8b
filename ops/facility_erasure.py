"""Erase a facility: its personal data, secrets and branding, for good.

What remains is what others may have to prove later, and it names nobody: slots, tokens, waiting-list entries, the event
log and the read trail with their ids and times, and the row of the facility with its code.
"""

from typing import Any

import pgtrigger
from django.contrib.admin.models import LogEntry
from django.db.models import Model, Q

from accounts.access.roles import Role
from accounts.models import ApiKey, User
from clinics.models import Doctor, Facility, FacilityLogo
from core.db.transactions import atomic
from core.errors import InUse, NotFound
from core.models import IdempotencyRecord
from patients.models import Patient
from patients.privacy import NAME_OF_THE_ERASED, erase_patient
from reports.models import DailyReport
from tokens.models import IS_LIVE, Token
from waitlist.models import EntryStatus, WaitlistEntry

_DoctorHistory: Any = Doctor.pgh_event_model  # type: ignore[attr-defined]  # made by pghistory, like those below
_UserHistory: Any = User.pgh_event_model  # type: ignore[attr-defined]
_KeyHistory: Any = ApiKey.pgh_event_model  # type: ignore[attr-defined]


class StillOpen(InUse):
    """The facility still expects patients"""

    template = "Cancel first: {tokens} token(s) that have not ended, {entries} waiting-list entries."


class NobodyLeft(InUse):
    """No administrator would be left"""

    template = "No superuser and no administrator of another facility would be left."


def erase_facility(*, code: str) -> dict[str, int]:
    """Erase the facility with this code, all of it or nothing; return the numbers of what was erased.

    Raise NotFound, StillOpen while a token is live or a patient waits, and NobodyLeft. Run as the owner of the tables:
    rows of the append-only history that name persons are deleted. A second call does no harm.
    """
    with atomic(durable=True):
        facility = Facility.objects.select_for_update().filter(code=code).first()
        if facility is None:
            raise NotFound
        _refuse_while_open(facility)
        erased = {
            "users": _erase_users(facility),
            "api_keys": _erase_keys(facility),
            "patients": _erase_patients(facility),
            "doctors": _erase_doctors(facility),
            "reports": DailyReport.objects.filter(facility=facility).delete()[0],  # they name the doctors
        }
        IdempotencyRecord.objects.filter(facility_id=facility.pk).delete()
        FacilityLogo.objects.filter(facility=facility).delete()
        facility.name, facility.display_name, facility.colour = NAME_OF_THE_ERASED, None, None
        facility.save(update_fields=["name", "display_name", "colour"])
    return erased


def _refuse_while_open(facility: Facility) -> None:
    tokens = Token.objects.filter(IS_LIVE | Q(status="BUFFER"), facility_id=facility.pk).count()
    entries = WaitlistEntry.objects.filter(facility_id=facility.pk, status=EntryStatus.WAITING).count()
    if tokens or entries:
        raise StillOpen(tokens=tokens, entries=entries)
    others = User.objects.filter(Q(is_superuser=True) | ~Q(facility=facility), role=Role.ADMIN, is_active=True)
    if not others.exists():
        raise NobodyLeft


def _erase_users(facility: Facility) -> int:
    """Delete the staff. A superuser, who acts in all facilities, stays and belongs to none."""
    User.objects.filter(facility=facility, is_superuser=True).update(facility=None)
    staff = User.objects.filter(facility=facility)
    ids = list(staff.values_list("pk", flat=True))
    staff.delete()
    _forget(_UserHistory, ids)
    return len(ids)


def _erase_keys(facility: Facility) -> int:
    keys = ApiKey.objects.filter(facility=facility)
    ids = list(keys.values_list("pk", flat=True))
    keys.delete()
    _forget(_KeyHistory, ids)
    return len(ids)


def _erase_patients(facility: Facility) -> int:
    ids = list(Patient.objects.filter(facility=facility).values_list("pk", flat=True))
    for patient_id in ids:
        erase_patient(patient_id=patient_id)
    LogEntry.objects.filter(object_id__in=[str(each) for each in ids]).delete()
    return len(ids)


def _erase_doctors(facility: Facility) -> int:
    doctors = Doctor.objects.filter(facility=facility)
    ids = list(doctors.values_list("pk", flat=True))
    doctors.update(
        name=NAME_OF_THE_ERASED, specialization="", email=None, phone=None, experience_years=None, is_active=False
    )
    _forget(_DoctorHistory, ids)
    return len(ids)


def _forget(history: type[Model], ids: list[Any]) -> None:
    """Delete the history of these rows, and the admin site's log of their changes, which has their names."""
    LogEntry.objects.filter(object_id__in=[str(each) for each in ids]).delete()
    with pgtrigger.ignore(f"{history._meta.label}:append_only"):
        history._base_manager.filter(pgh_obj_id__in=ids).delete()

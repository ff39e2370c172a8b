"""Which patients somebody may see, and how they are searched for."""

from django.db.models import Q, QuerySet

from accounts.matrix import Reach, reach
from accounts.principals import Principal
from accounts.roles import Role
from patients.identity import name_key, phone_digits
from patients.models import Patient


def visible_patients(*, principal: Principal, capability: str) -> QuerySet[Patient]:
    """The patients to whom the capability reaches: all, those with a token in own slots, or one's own family."""
    patients = Patient.objects.filter(erased_at=None)
    far = reach(principal, capability)
    if far is Reach.ALL:
        return patients
    if far is Reach.OWN and principal.role == Role.DOCTOR and principal.doctor_id is not None:
        seen = Patient.objects.filter(tokens__slot__doctor=principal.doctor_id)
        return patients.filter(pk__in=seen.values("pk"))
    if far is Reach.OWN and principal.role == Role.PATIENT:
        return patients.filter(users=principal.id)
    return patients.none()


def search(*, patients: QuerySet[Patient], text: str) -> QuerySet[Patient]:
    """Those whose name has the text in it, in any case of letters, or whose phone has its digits."""
    found = Q(name_key__contains=name_key(text))
    if digits := phone_digits(text):
        found |= Q(phone_key__contains=digits)
    return patients.filter(found)

"""Which patients a caller may see, and the search for patients."""

from django.db.models import Q, QuerySet

from accounts.access.permission_table import Reach, reach
from accounts.access.principal import Principal
from accounts.access.roles import Role
from accounts.access.scoping import scoped
from patients.identity import is_international, name_words, phone_digits, phone_key
from patients.models import Patient

# The least number of digits for which leading zeros are ignored. Shorter texts are searched as they are.
SHORTEST_NATIONAL = 5


def visible_patients(*, principal: Principal, capability: str) -> QuerySet[Patient]:
    """Return the patients that the capability covers: all of the caller's facility, those with a token in a doctor's
    slots, or a family with its records in all facilities.
    """
    patients = scoped(Patient.objects.filter(erased_at=None, merged_into=None), principal)
    far = reach(principal, capability)
    if far is Reach.ALL:
        return patients
    if far is Reach.OWN and principal.role == Role.DOCTOR and principal.doctor_id is not None:
        seen = Patient.objects.filter(tokens__doctor=principal.doctor_id)
        return patients.filter(pk__in=seen.values("pk"))
    if far is Reach.OWN and principal.role == Role.PATIENT:
        return patients.filter(users=principal.id)
    return patients.none()


def search(*, patients: QuerySet[Patient], text: str) -> QuerySet[Patient]:
    """Filter the patients to those whose name contains every word of the text, or whose phone contains its digits.

    A word may be the beginning of a word of the name; the order, case and accents do not matter. A phone number may be
    in any format, with or without its country code or trunk prefix.
    """
    named = Q()
    for word in name_words(text):
        named &= Q(name_key__contains=word)
    return patients.filter(named | _phoned(text))


def _phoned(text: str) -> Q:
    digits = phone_digits(text)
    if not digits:
        return Q(pk__in=[])
    begins = Q(phone_key__startswith=phone_key(text))
    if is_international(text):
        return begins
    found = begins | Q(phone_key__contains=digits)
    national = digits.lstrip("0")
    return found | Q(phone_key__contains=national) if len(national) >= SHORTEST_NATIONAL else found

"""Which patients somebody may see, and how they are searched for."""

from django.db.models import Q, QuerySet

from accounts.access.permission_table import Reach, reach
from accounts.access.principal import Principal
from accounts.access.roles import Role
from patients.identity import is_international, name_words, phone_digits, phone_key
from patients.models import Patient

# With fewer digits, a number that begins with zeros is taken for the end of a phone, as it stands.
SHORTEST_NATIONAL = 5


def visible_patients(*, principal: Principal, capability: str) -> QuerySet[Patient]:
    """The patients to whom the capability reaches: all, those with a token in own slots, or one's own family."""
    patients = Patient.objects.filter(erased_at=None)
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
    """Those whose name has every word of the text, or the start of one, in any order, or whose phone has its digits.

    Case, accents and the formatting of a phone do not matter; a phone may be typed with or without its country code or
    trunk prefix.
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

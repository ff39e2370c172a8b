"""What a caller may see: all of it, a doctor's own, a patient's own. What lies outside does not exist for them.

Slots are seen by everybody: what a caller may not do with one is refused.
"""

from uuid import UUID

from django.db.models import F, Q, QuerySet

from accounts.access.permission_table import Reach
from accounts.access.principal import Principal
from accounts.access.roles import Role
from clinics.models import Slot
from core.errors import NotFound, PermissionDenied
from events.models import Event
from tokens.engine.locate import facility_of_slot, place_of_token
from tokens.models import Token
from waitlist.models import WaitlistEntry

# Every join of a slot names this: it holds for all rows, and a database that is distributed by facility needs it.
SLOT_OF_ITS_FACILITY = Q(slot__facility_id=F("facility_id"))


def visible_tokens(*, principal: Principal, reach: Reach) -> QuerySet[Token]:
    """The tokens that the caller may see, with all that their description needs."""
    tokens = Token.objects.select_related("slot__doctor", "slot__facility", "patient").filter(SLOT_OF_ITS_FACILITY)
    if reach is Reach.ALL:
        return tokens
    if principal.role == Role.DOCTOR:
        return tokens.filter(doctor_id__in=_own_doctor(principal))
    return tokens.filter(patient_id__in=principal.patient_ids)


def visible_entries(*, principal: Principal, reach: Reach) -> QuerySet[WaitlistEntry]:
    """The waiting-list entries that the caller may see, with all that their description needs."""
    entries = WaitlistEntry.objects.select_related("slot__facility", "patient").filter(SLOT_OF_ITS_FACILITY)
    if reach is Reach.ALL:
        return entries
    if principal.role == Role.DOCTOR:
        return entries.filter(doctor_id__in=_own_doctor(principal))
    return entries.filter(patient_id__in=principal.patient_ids)


def visible_events(*, principal: Principal, reach: Reach) -> QuerySet[Event]:
    """The events that the caller may see."""
    if reach is Reach.ALL:
        return Event.objects.all()
    return Event.objects.filter(slot_id__in=Slot.objects.filter(doctor_id__in=_own_doctor(principal)).values("id"))


def refuse_hidden_token(*, token_id: UUID, principal: Principal, reach: Reach) -> None:
    """Raises NotFound for a token that the caller may not act on. Of who reaches all nothing is asked: the service
    finds out whether the token exists.
    """
    if reach is not Reach.ALL:
        tokens = visible_tokens(principal=principal, reach=reach).select_related(None)
        if not tokens.filter(facility_id=place_of_token(token_id).facility_id, id=token_id).exists():
            raise NotFound


def refuse_foreign_slot(*, slot_id: UUID, principal: Principal, reach: Reach) -> None:
    """Raises NotFound for a slot that does not exist, and PermissionDenied if it is another doctor's.

    Like `refuse_hidden_token`, it asks nothing for a caller who reaches all.
    """
    if reach is Reach.ALL:
        return
    slots = Slot.objects.filter(facility_id=facility_of_slot(slot_id), id=slot_id)
    doctor_id = slots.values_list("doctor_id", flat=True).first()
    if doctor_id is None:
        raise NotFound
    refuse_foreign_doctor(doctor_id, principal=principal, reach=reach)


def refuse_foreign_doctor(doctor_id: UUID, *, principal: Principal, reach: Reach) -> None:
    """Raises PermissionDenied for a doctor on a slot of another one: everybody may know of it, but not act on it."""
    if reach is not Reach.ALL and principal.role == Role.DOCTOR and doctor_id != principal.doctor_id:
        raise PermissionDenied("This is another doctor's slot.")


def _own_doctor(principal: Principal) -> list[UUID]:
    return [] if principal.doctor_id is None else [principal.doctor_id]

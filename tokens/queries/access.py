"""The rows that a caller may see: all of the facility, a doctor's own or a patient's own. Any other row is not found.

Every caller may see every slot; an action that the caller may not take on a slot is refused.
"""

from uuid import UUID

from django.db.models import F, Q, QuerySet

from accounts.access.permission_table import Reach
from accounts.access.principal import Principal
from accounts.access.roles import Role
from accounts.access.scoping import scoped
from clinics.models import Slot
from core.errors import NotFound, PermissionDenied
from events.models import Event
from tokens.engine.locate import facility_of_slot, facility_of_token
from tokens.models import Token
from waitlist.models import WaitlistEntry

# Part of every join with the slot: true for all rows, and required by a database that is distributed by facility.
SLOT_OF_ITS_FACILITY = Q(slot__facility_id=F("facility_id"))


def visible_tokens(*, principal: Principal, reach: Reach) -> QuerySet[Token]:
    """Return the tokens that the caller may see, with the rows that are needed to describe them."""
    tokens = Token.objects.select_related("slot__doctor", "slot__facility", "patient").filter(SLOT_OF_ITS_FACILITY)
    tokens = scoped(tokens, principal)
    if reach is Reach.ALL:
        return tokens
    if principal.role == Role.DOCTOR:
        return tokens.filter(doctor_id__in=_own_doctor(principal))
    return tokens.filter(patient_id__in=principal.patient_ids)


def visible_entries(*, principal: Principal, reach: Reach) -> QuerySet[WaitlistEntry]:
    """Return the waiting-list entries that the caller may see, with the rows that are needed to describe them."""
    entries = WaitlistEntry.objects.select_related("slot__facility", "patient").filter(SLOT_OF_ITS_FACILITY)
    entries = scoped(entries, principal)
    if reach is Reach.ALL:
        return entries
    if principal.role == Role.DOCTOR:
        return entries.filter(doctor_id__in=_own_doctor(principal))
    return entries.filter(patient_id__in=principal.patient_ids)


def visible_events(*, principal: Principal, reach: Reach) -> QuerySet[Event]:
    """Return the events that the caller may see."""
    events = scoped(Event.objects.all(), principal)
    if reach is Reach.ALL:
        return events
    return events.filter(slot_id__in=Slot.objects.filter(doctor_id__in=_own_doctor(principal)).values("id"))


def refuse_hidden_token(*, token_id: UUID, principal: Principal, reach: Reach) -> None:
    """Raise NotFound for a token that the caller may not act on.

    Run no query for a caller with Reach.ALL: the service finds out whether the token exists.
    """
    if reach is not Reach.ALL:
        tokens = visible_tokens(principal=principal, reach=reach).select_related(None)
        if not tokens.filter(facility_id=facility_of_token(token_id), id=token_id).exists():
            raise NotFound


def refuse_foreign_slot(*, slot_id: UUID, principal: Principal, reach: Reach) -> None:
    """Raise NotFound for a slot that does not exist, and PermissionDenied for another doctor's slot.

    Like `refuse_hidden_token`, run no query for a caller with Reach.ALL.
    """
    if reach is Reach.ALL:
        return
    slots = Slot.objects.filter(facility_id=facility_of_slot(slot_id), id=slot_id)
    doctor_id = slots.values_list("doctor_id", flat=True).first()
    if doctor_id is None:
        raise NotFound
    refuse_foreign_doctor(doctor_id, principal=principal, reach=reach)


def refuse_foreign_doctor(doctor_id: UUID, *, principal: Principal, reach: Reach) -> None:
    """Raise PermissionDenied if the caller is a doctor and the slot is another doctor's, which they may only read."""
    if reach is not Reach.ALL and principal.role == Role.DOCTOR and doctor_id != principal.doctor_id:
        raise PermissionDenied("This is another doctor's slot.")


def _own_doctor(principal: Principal) -> list[UUID]:
    return [] if principal.doctor_id is None else [principal.doctor_id]

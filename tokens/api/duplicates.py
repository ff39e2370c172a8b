"""The token that stands in the way of a booking, for a caller who may see it."""

from collections.abc import Iterator
from contextlib import contextmanager
from uuid import UUID

from django.db.models import Exists, OuterRef

from accounts.access.permission_table import reach
from accounts.access.principal import Principal
from clinics.models import Slot
from tokens.engine.locate import facility_of_slot, facility_of_token
from tokens.errors import DuplicateBooking
from tokens.models import IS_LIVE, Token
from tokens.queries.access import visible_tokens


@contextmanager
def naming_existing_token(
    principal: Principal, *, slot_id: UUID, patient_id: UUID | None = None, moved: UUID | None = None
) -> Iterator[None]:
    """Add `existing_token_id` to DuplicateBooking: the live token of the patient with that doctor on that day.

    `moved`: the token that was to move to the slot, instead of its patient.
    """
    try:
        yield
    except DuplicateBooking as refusal:
        if moved is not None:
            tokens = Token.objects.filter(facility_id=facility_of_token(moved), id=moved)
            patient_id = tokens.values_list("patient_id", flat=True).first()
        slots = Slot.objects.filter(facility_id=facility_of_slot(slot_id), id=slot_id)
        visible = visible_tokens(principal=principal, reach=reach(principal, "tokens.read")).select_related(None)
        for day in slots.values("facility_id", "doctor_id", "local_date"):
            found = visible.filter(IS_LIVE, **day, patient_id__in=[patient_id]).exclude(id__in=[moved] if moved else [])
            if (token_id := found.values_list("id", flat=True).first()) is not None:
                raise DuplicateBooking(existing_token_id=str(token_id)) from refusal
        raise


@contextmanager
def naming_token_of_kept_record(principal: Principal, *, patient_id: UUID, into: UUID) -> Iterator[None]:
    """Add `existing_token_id` to the DuplicateBooking of a merger: a live token of the record that stays.

    The merged record has another live token with that doctor on that day.
    """
    try:
        yield
    except DuplicateBooking as refusal:
        visible = visible_tokens(principal=principal, reach=reach(principal, "tokens.read")).select_related(None)
        same_day = {name: OuterRef(name) for name in ("facility_id", "doctor_id", "local_date")}
        of_merged = Token.objects.filter(IS_LIVE, **same_day, patient_id=patient_id).order_by()
        found = visible.filter(IS_LIVE, Exists(of_merged), patient_id=into).order_by("id")
        if (token_id := found.values_list("id", flat=True).first()) is not None:
            raise DuplicateBooking(existing_token_id=str(token_id)) from refusal
        raise

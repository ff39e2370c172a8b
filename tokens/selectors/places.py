"""Which patients already have a place with a doctor on a day, or wait for a slot."""

from collections.abc import Collection
from functools import cached_property
from uuid import UUID

from clinics.models import Slot
from tokens.models import IS_LIVE, Token
from waitlist.order import waiting_in


class Places:
    """What is known, under the slot's lock, of the places that some patients have; read when first asked for."""

    def __init__(self, *, slot: Slot, patient_ids: Collection[UUID]) -> None:
        self._slot = slot
        self._patient_ids = patient_ids

    @cached_property
    def held(self) -> set[UUID]:
        """Those who hold a live token with the doctor on that day, in any slot."""
        slot = self._slot
        live = Token.objects.filter(
            IS_LIVE, facility_id=slot.facility_id, doctor_id=slot.doctor_id, local_date=slot.local_date
        )
        return set(live.filter(patient_id__in=self._patient_ids).values_list("patient_id", flat=True))

    @cached_property
    def waiting(self) -> set[UUID]:
        """Those who are on the slot's waiting list."""
        if not self._slot.waiting_count:
            return set()
        waiting = waiting_in(slot_id=self._slot.id).filter(patient_id__in=self._patient_ids)
        return set(waiting.values_list("patient_id", flat=True))

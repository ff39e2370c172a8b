"""Which patients already have a place with a doctor on a day, or wait for a slot."""

from collections.abc import Collection, Sequence
from datetime import date
from functools import cached_property
from uuid import UUID

from clinics.models import Slot
from tokens.models import IS_LIVE, Token
from waitlist.models import EntryStatus, WaitlistEntry


class Places:
    """What is known, under the slots' locks, of the places that some patients have; read when first asked for."""

    def __init__(self, *, slots: Sequence[Slot], patient_ids: Collection[UUID]) -> None:
        self._slots = slots
        self._patient_ids = list(patient_ids)

    def holds(self, patient_id: UUID, slot: Slot) -> bool:
        """Whether the patient holds a live token with the slot's doctor on its day, in any slot."""
        return (patient_id, slot.doctor_id, slot.local_date) in self._held

    def waits(self, patient_id: UUID, slot: Slot) -> bool:
        """Whether the patient is on the slot's waiting list."""
        return slot.waiting_count > 0 and (patient_id, slot.id) in self._waiting

    def note_held(self, patient_id: UUID, slot: Slot) -> None:
        """A token was just issued."""
        self._held.add((patient_id, slot.doctor_id, slot.local_date))

    def note_waits(self, patient_id: UUID, slot: Slot) -> None:
        """An entry just joined the list."""
        self._waiting.add((patient_id, slot.id))

    @cached_property
    def _held(self) -> set[tuple[UUID, UUID, date]]:
        live = Token.objects.filter(
            IS_LIVE,
            facility_id=self._slots[0].facility_id,
            patient_id__in=self._patient_ids,
            doctor_id__in={slot.doctor_id for slot in self._slots},
            local_date__in={slot.local_date for slot in self._slots},
        )
        return set(live.values_list("patient_id", "doctor_id", "local_date"))

    @cached_property
    def _waiting(self) -> set[tuple[UUID, UUID]]:
        waiting = WaitlistEntry.objects.filter(
            facility_id=self._slots[0].facility_id,
            slot_id__in=[slot.id for slot in self._slots],
            patient_id__in=self._patient_ids,
            status=EntryStatus.WAITING,
        )
        return set(waiting.order_by().values_list("patient_id", "slot_id"))

"""Which patients already have a place with a doctor on a day, or wait for a slot."""

from collections.abc import Collection, Sequence
from datetime import date
from functools import cached_property
from typing import Any
from uuid import UUID

from django.db import connection

from clinics.models import Slot
from tokens.policy.lifecycle import LIVE

HELD = f"""
SELECT patient_id, doctor_id, local_date FROM tokens_token
WHERE facility_id = %s AND patient_id = ANY(%s) AND doctor_id = ANY(%s) AND local_date = ANY(%s)
  AND (status IN ({", ".join(f"'{status}'" for status in sorted(LIVE))}) OR (status = 'NO_SHOW' AND due_at IS NOT NULL))
"""  # the names are ours
WAITING = """
SELECT patient_id, slot_id FROM waitlist_waitlistentry
WHERE facility_id = %s AND patient_id = ANY(%s) AND slot_id = ANY(%s) AND status = 'WAITING'
"""


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
        doctors = {slot.doctor_id for slot in self._slots}
        days = {slot.local_date for slot in self._slots}
        return self._found(HELD, self._patient_ids, list(doctors), list(days))

    @cached_property
    def _waiting(self) -> set[tuple[UUID, UUID]]:
        return self._found(WAITING, self._patient_ids, [slot.id for slot in self._slots])

    def _found(self, statement: str, *sought: list[Any]) -> set[Any]:
        with connection.cursor() as cursor:
            cursor.execute(statement, [self._slots[0].facility_id, *sought])
            return set(cursor.fetchall())

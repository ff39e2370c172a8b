"""Which patients already have a place with a doctor on a day, or wait for a slot."""

from collections.abc import Collection, Iterable, Sequence
from functools import cached_property
from typing import Any
from uuid import UUID

from clinics.models import Slot
from core.rows import Statement, ask
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
    """What is known, under the slots' locks, of the places that some patients have."""

    def __init__(self, *, slots: Sequence[Slot], patient_ids: Collection[UUID]) -> None:
        self._slots = slots
        self._patient_ids = list(patient_ids)
        self._held: set[Any] | None = None

    def holds(self, patient_id: UUID, slot: Slot) -> bool:
        """Whether the patient holds a live token with the slot's doctor on its day, in any slot."""
        return (patient_id, slot.doctor_id, slot.local_date) in self._holding()

    def waits(self, patient_id: UUID, slot: Slot) -> bool:
        """Whether the patient is on the slot's waiting list."""
        return slot.waiting_count > 0 and (patient_id, slot.id) in self._waiting

    def note_held(self, patient_id: UUID, slot: Slot) -> None:
        """A token was just issued."""
        self._holding().add((patient_id, slot.doctor_id, slot.local_date))

    def note_waits(self, patient_id: UUID, slot: Slot) -> None:
        """An entry just joined the list."""
        self._waiting.add((patient_id, slot.id))

    def asking_who_holds(self) -> Statement:
        """The statement behind `holds`, to be asked with others; else it is asked by itself when it is needed."""
        doctors = {slot.doctor_id for slot in self._slots}
        days = {slot.local_date for slot in self._slots}
        return Statement(HELD, (self._slots[0].facility_id, self._patient_ids, list(doctors), list(days)))

    def learn_who_holds(self, rows: Iterable[Any]) -> None:
        """Take what that statement found."""
        self._held = set(rows)

    def _holding(self) -> set[Any]:
        if self._held is None:
            self.learn_who_holds(*ask([self.asking_who_holds()]))
        return self._held  # type: ignore[return-value]

    @cached_property
    def _waiting(self) -> set[Any]:
        slot_ids = [slot.id for slot in self._slots]
        [rows] = ask([Statement(WAITING, (self._slots[0].facility_id, self._patient_ids, slot_ids))])
        return set(rows)

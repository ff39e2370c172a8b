"""Which patients already hold a live token with a doctor on a day, or wait for a slot."""

from collections.abc import Collection, Sequence
from functools import cached_property
from typing import Any
from uuid import UUID

from clinics.models import Slot
from core.db.sql import Found, Statement, ask
from tokens.queries.locked import IS_LIVE

HOLDERS = f"""
SELECT row.patient_id, row.doctor_id, row.local_date FROM tokens_token AS row
WHERE row.facility_id = %s AND row.patient_id = ANY(%s) AND {IS_LIVE}
"""
WAITING = """
SELECT patient_id, slot_id FROM waitlist_waitlistentry
WHERE facility_id = %s AND patient_id = ANY(%s) AND slot_id = ANY(%s) AND status = 'WAITING'
"""


def active_bookings_query(*, facility_id: UUID, patient_ids: Collection[UUID]) -> Statement:
    """Return the query for (patient, doctor, local day) of the live tokens that the patients hold in the facility."""
    return Statement(HOLDERS, (facility_id, list(patient_ids)))


class Places:
    """The live tokens and waiting-list entries of some patients, read under the slots' locks when first needed.

    `held`: the rows of `active_bookings_query` for these patients, if they have been read already.
    """

    def __init__(self, *, slots: Sequence[Slot], patient_ids: Collection[UUID], held: Found | None) -> None:
        self._slots = slots
        self._patient_ids = list(patient_ids)
        if held is not None:
            self._held = set(held)

    def holds(self, patient_id: UUID, slot: Slot) -> bool:
        """Return whether the patient holds a live token with the slot's doctor on the slot's day, in any slot."""
        return (patient_id, slot.doctor_id, slot.local_date) in self._held

    def waits(self, patient_id: UUID, slot: Slot) -> bool:
        """Return whether the patient is on the slot's waiting list."""
        return slot.waiting_count > 0 and (patient_id, slot.id) in self._waiting

    def note_held(self, patient_id: UUID, slot: Slot) -> None:
        """Record that the patient was issued a token in the slot."""
        self._held.add((patient_id, slot.doctor_id, slot.local_date))

    def note_waits(self, patient_id: UUID, slot: Slot) -> None:
        """Record that the patient joined the slot's waiting list."""
        self._waiting.add((patient_id, slot.id))

    @cached_property
    def _held(self) -> set[Any]:
        [rows] = ask(active_bookings_query(facility_id=self._slots[0].facility_id, patient_ids=self._patient_ids))
        return set(rows)

    @cached_property
    def _waiting(self) -> set[Any]:
        slot_ids = [slot.id for slot in self._slots]
        [rows] = ask(Statement(WAITING, (self._slots[0].facility_id, self._patient_ids, slot_ids)))
        return set(rows)

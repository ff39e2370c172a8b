"""The service that merges two records of one person."""

from typing import Any
from uuid import UUID

from accounts.models import User
from core.api.commands import Reply
from core.db.transactions import atomic
from core.errors import NotFound, SlotBusy, ValidationFailed
from patients.models import Patient
from patients.services import lock_for_merge, mark_merged
from tokens.engine.ledger import Ledger
from tokens.engine.transaction import on_slots
from tokens.models import Token
from waitlist.models import EntryStatus, WaitlistEntry

MAX_RUNS = 5
"""Runs of a merger whose slots change before they are locked."""


class _MoreSlots(Exception):
    """The patient got a token or an entry in another slot before the record was locked."""


def merge_patients(
    *, patient_id: UUID, into: UUID, actor: str, within: UUID | None = None, reply: Reply | None = None
) -> Any:
    """Move the tokens, waiting-list entries and users of a patient to another record of the same person.

    Return that record. Every slot with a token or an entry of the patient is locked and records the merger. Of two
    entries that wait for one slot the better one stays. Raise NotFound, Merged, ValidationFailed for one record, and
    DuplicateBooking if both hold a live token with one doctor on one day. Raise VersionConflict if the request is for
    another version of the record. `within`: the caller's facility.
    """
    if patient_id == into:
        raise ValidationFailed.of("into", "invalid", "A record cannot be merged into itself.")
    facility_id = Patient.objects.filter(pk=patient_id).values_list("facility_id", flat=True).first()
    if facility_id is None or within not in (None, facility_id):
        raise NotFound

    def operation(ledgers: dict[UUID, Ledger], found: Any) -> Patient:
        merged, kept = lock_for_merge(patient_id=patient_id, into=into, facility_id=facility_id)
        if reply is not None:
            reply.check_version(merged.version)
        if not _slots_of(facility_id, patient_id) <= ledgers.keys():
            raise _MoreSlots
        for ledger in ledgers.values():
            _withdraw_second_entry(ledger, {merged.pk, kept.pk})
            ledger.note("patient.merged", patient=str(merged.pk), into=str(kept.pk))
            ledger.write()
        for rows in (Token.objects, WaitlistEntry.objects):
            rows.filter(facility_id=facility_id, patient_id=merged.pk).update(patient_id=kept.pk)
        _move_users(merged, kept)
        mark_merged(merged, into=kept)
        return kept

    for _ in range(MAX_RUNS):
        slots = _slots_of(facility_id, patient_id)
        try:
            if slots:
                return on_slots(slots, actor=actor, operation=operation, reply=reply)
            with atomic(durable=True):
                kept = operation({}, [])
                return kept if reply is None else reply.store(kept)
        except _MoreSlots:
            continue
    raise SlotBusy


def _slots_of(facility_id: UUID, patient_id: UUID) -> set[UUID]:
    of_patient = {"facility_id": facility_id, "patient_id": patient_id}
    tokens = Token.objects.filter(**of_patient).order_by().values_list("slot_id", flat=True)
    entries = WaitlistEntry.objects.filter(**of_patient).order_by().values_list("slot_id", flat=True)
    return {*tokens, *entries}


def _withdraw_second_entry(ledger: Ledger, patient_ids: set[UUID]) -> None:
    slot = ledger.slot
    if slot.waiting_count > 1:
        waiting = WaitlistEntry.objects.filter(
            facility_id=slot.facility_id, slot_id=slot.id, status="WAITING", patient_id__in=patient_ids
        )
        ledger.settle_entries(waiting.order_by("priority", "arrival")[1:], to=EntryStatus.WITHDRAWN)


def _move_users(merged: Patient, kept: Patient) -> None:
    for user in User.objects.filter(patients=merged):
        user.patients.add(kept)
        user.patients.remove(merged)

"""How an operation is carried out: under the lock, after what is due, with promotion, writing and answering in one
transaction.
"""

from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import Any
from uuid import UUID

from django.db import IntegrityError

from clinics.models import Slot
from core.errors import NotFound, SlotBusy
from patients.models import Patient
from tokens.errors import DuplicateBooking, refusal_of
from tokens.ledger import Ledger, close_all
from tokens.locking import DoctorDay, locked_days, locked_slots
from tokens.models import Token
from tokens.operations.promoting import promote
from tokens.operations.settling import settle

Answer = Callable[[Any], Any]

TRIES = 5


def on_slot(slot_id: UUID, *, actor: str, operation: Callable[[Ledger], Any], answer: Answer) -> Any:
    """Carry out an operation on one locked slot; what `answer` makes of its result is returned."""
    return on_slots([slot_id], actor=actor, operation=lambda ledgers: operation(ledgers[slot_id]), answer=answer)


def on_slots(
    slot_ids: Collection[UUID],
    *,
    actor: str,
    operation: Callable[[dict[UUID, Ledger]], Any],
    answer: Answer,
    wait_seconds: float | None = None,
) -> Any:
    """Carry out an operation on locked slots of one facility; `wait_seconds`: the patience, if it is not the usual
    one.
    """

    def attempt() -> Any:
        with locked_slots(slot_ids=slot_ids, actor=actor, wait_seconds=wait_seconds) as ledgers, passing_by(ledgers):
            for ledger in ledgers:
                settle(ledger)
            result = operation({ledger.slot.id: ledger for ledger in ledgers})
            for ledger in ledgers:
                promote(ledger)
            close_all(ledgers)
            return answer(result)

    return carry_out(attempt)


def on_days(
    days: set[DoctorDay],
    *,
    actor: str,
    operation: Callable[[list[Ledger]], Any],
    answer: Answer,
    having: UUID | None = None,
    dry_run: bool = False,
) -> Any:
    """Carry out an operation on all slots of doctors' local days, locked; with `dry_run` nothing is written.

    Raises SlotBusy if the slot `having` left these days before they were locked.
    """

    def attempt() -> Any:
        with locked_days(days=days, actor=actor) as ledgers, passing_by(ledgers):
            if having is not None and all(ledger.slot.id != having for ledger in ledgers):
                raise SlotBusy("The slot was moved or removed meanwhile. Ask again.")
            if dry_run:
                return answer(operation(ledgers))
            for ledger in ledgers:
                settle(ledger)
            result = operation(ledgers)
            for ledger in ledgers:
                promote(ledger)
            close_all(ledgers)
            return answer(result)

    return carry_out(attempt)


def on_day_of_slot(
    slot_id: UUID,
    *,
    actor: str,
    operation: Callable[[list[Ledger]], Any],
    answer: Answer,
    dry_run: bool = False,
) -> Any:
    """Carry out an operation on all slots of the day that a slot belongs to."""
    slot = slot_row(slot_id)
    day = {(slot.doctor_id, slot.local_date)}
    return on_days(day, actor=actor, operation=operation, answer=answer, having=slot_id, dry_run=dry_run)


class PassedBy(Exception):
    """A patient who was being promoted got a place with that doctor elsewhere at the same moment."""


@contextmanager
def passing_by(ledgers: Sequence[Ledger]) -> Iterator[None]:
    """Tell a promotion that came too late from a refusal of what was asked: no slot lock guards a patient's day."""
    try:
        yield
    except IntegrityError as error:
        told = str(getattr(getattr(error.__cause__, "diag", None), "message_detail", ""))
        promoted = {str(patient_id) for ledger in ledgers for patient_id in ledger.promoted}
        if isinstance(refusal_of(error), DuplicateBooking) and any(patient_id in told for patient_id in promoted):
            raise PassedBy from error
        raise


def carry_out(attempt: Callable[[], Any]) -> Any:
    """Run the transaction, again when somebody who was being promoted passed by: now they are seen and left out."""
    for _ in range(TRIES):
        with suppress(PassedBy), refusals():
            return attempt()
    raise SlotBusy


@contextmanager
def refusals() -> Iterator[None]:
    """Turn what the database refuses into the engine's error for it."""
    try:
        yield
    except IntegrityError as error:
        refusal = refusal_of(error)
        if refusal is None:
            raise
        raise refusal from error


# Rows


def slot_row(slot_id: UUID) -> Slot:
    """The slot as it is before the lock: good for what never changes and for knowing what to lock."""
    slot = Slot.objects.select_related("doctor__facility").filter(id=slot_id).first()
    if slot is None:
        raise NotFound
    return slot


def slot_of_token(token_id: UUID) -> UUID:
    """The slot of a token, which never changes."""
    slot_id = Token.objects.filter(id=token_id).values_list("slot_id", flat=True).first()
    if slot_id is None:
        raise NotFound
    return slot_id


def token_of(ledger: Ledger, token_id: UUID) -> Token:
    """The token's fresh row, under the lock of its slot."""
    token = Token.objects.select_related("patient").get(facility_id=ledger.slot.facility_id, id=token_id)
    token.slot = ledger.slot
    return token


def patient_of(patient_id: UUID) -> Patient:
    """The patient, or NotFound."""
    patient = Patient.objects.filter(id=patient_id).first()
    if patient is None:
        raise NotFound
    return patient


def ledger_of(day: Sequence[Ledger], slot_id: UUID) -> Ledger:
    """The ledger of this slot."""
    return next(ledger for ledger in day if ledger.slot.id == slot_id)

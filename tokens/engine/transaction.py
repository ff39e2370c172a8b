"""How an operation is carried out: under the lock, after what is due, with promotion, writing and answering in one
transaction.
"""

from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, suppress
from datetime import date
from functools import partial
from typing import Any
from uuid import UUID

from django.db import IntegrityError, connection

from clinics.models import Facility, Slot
from core.db.sql import Found, Rows, Statement, ask
from core.db.transactions import roll_back
from core.errors import NotFound, SlotBusy
from tokens.engine.locate import facility_of_slot
from tokens.engine.locking import DoctorDay, locked_days, locked_facility, locked_plan, locked_slots
from tokens.engine.unit_of_work import Ledger, close_all
from tokens.errors import DuplicateBooking, refusal_of
from tokens.operations.expiring import expire_waiting_if_over, settle
from tokens.operations.promoting import promote

Answer = Callable[[Any], Any]

TRIES = 5


def on_slot(
    slot_id: UUID, *, actor: str, operation: Callable[..., Any], answer: Answer, asking: Sequence[Statement] = ()
) -> Any:
    """Carry out an operation on one locked slot, `operation(ledger, *found)`; what `answer` makes of its result is
    returned.
    """

    def on_it(ledgers: dict[UUID, Ledger], found: list[Found]) -> Any:
        return operation(ledgers[slot_id], *found)

    return on_slots([slot_id], actor=actor, operation=on_it, answer=answer, asking=asking)


def on_slots(
    slot_ids: Collection[UUID],
    *,
    actor: str,
    operation: Callable[[dict[UUID, Ledger], list[Found]], Any],
    answer: Answer,
    gathered: bool = False,
    wait_seconds: float | None = None,
    asking: Sequence[Statement] = (),
    admitting: Callable[[list[Found]], Collection[UUID]] | None = None,
) -> Any:
    """Carry out an operation on locked slots of one facility, given what the questions find under the locks;
    `gathered`: for many who have waited together already; `wait_seconds`: the patience, if it is not the usual one.

    `admitting` decides, by what the questions found, which of the slots may be touched: in the others not even what is
    due is applied, and the operation does not get them.
    """

    def attempt() -> Any:
        locks = locked_slots(
            slot_ids=slot_ids, actor=actor, gathered=gathered, wait_seconds=wait_seconds, asking=asking
        )
        with locks as (locked, found), passing_by(locked):
            touched = slot_ids if admitting is None else admitting(found)
            ledgers = [ledger for ledger in locked if ledger.slot.id in touched]
            for ledger in ledgers:
                settle(ledger)
            if asking and any(ledger.has_changes for ledger in ledgers):
                found = ask(*asking)  # what was due has changed what was found
            result = operation({ledger.slot.id: ledger for ledger in ledgers}, found)
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
    """Carry out an operation on all slots of doctors' local days, locked; with `dry_run` nothing is changed.

    Raises SlotBusy if the slot `having` left these days before they were locked.
    """

    def checked(ledgers: list[Ledger]) -> Any:
        if having is not None and all(ledger.slot.id != having for ledger in ledgers):
            raise SlotBusy("The slot was moved or removed meanwhile. Ask again.")
        return operation(ledgers)

    return _on_ledgers(lambda: locked_days(days=days, actor=actor), checked, answer, dry_run)


def on_plan_of(
    doctor_id: UUID,
    *,
    actor: str,
    operation: Callable[[list[Ledger]], Any],
    answer: Answer,
    first: date = date.min,
    last: date = date.max,
    dry_run: bool = False,
) -> Any:
    """Carry out an operation on all slots of a doctor's local days from `first` to `last`, locked; with `dry_run`
    nothing is changed.
    """
    locks = partial(locked_plan, doctor_id=doctor_id, first=first, last=last, actor=actor)
    return _on_ledgers(locks, operation, answer, dry_run)


def _on_ledgers(
    locks: Callable[[], AbstractContextManager[list[Ledger]]],
    operation: Callable[[list[Ledger]], Any],
    answer: Answer,
    dry_run: bool,
) -> Any:
    """Settle what is due, operate, promote, write and answer. A dry run does the same up to the operation, so that it
    counts the same, and is rolled back.
    """

    def attempt() -> Any:
        with locks() as ledgers, passing_by(ledgers):
            for ledger in ledgers:
                settle(ledger)
            result = operation(ledgers)
            if dry_run:
                told = answer(result)
                roll_back()
                return told
            for ledger in ledgers:
                expire_waiting_if_over(ledger)  # its end may have come nearer
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
    day = {day_of_slot(slot_id)}
    return on_days(day, actor=actor, operation=operation, answer=answer, having=slot_id, dry_run=dry_run)


def on_facility(
    facility_id: UUID,
    *,
    since: date,
    actor: str,
    operation: Callable[[Facility, Iterator[list[Ledger]]], Any],
) -> Any:
    """Carry out an operation on a locked facility and, doctor by doctor, its slots of the local days from `since` on.
    The operation writes and answers.
    """
    with locked_facility(facility_id, since=since, actor=actor) as (facility, doctors):
        return operation(facility, doctors)


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

DAY_OF_SLOT = f"SELECT doctor_id, local_date FROM {Rows(Slot).table} WHERE facility_id = %s AND id = %s"


def slot_row(slot_id: UUID) -> Slot:
    """The slot as it is before the lock: good for what never changes and for knowing what to lock."""
    slots = Slot.objects.select_related("doctor__facility")
    slot = slots.filter(facility_id=facility_of_slot(slot_id), id=slot_id).first()
    if slot is None:
        raise NotFound
    return slot


def day_of_slot(slot_id: UUID) -> DoctorDay:
    """The doctor and the local day of a slot, as they are before the lock."""
    with connection.cursor() as cursor:
        cursor.execute(DAY_OF_SLOT, [facility_of_slot(slot_id), slot_id])
        day: DoctorDay | None = cursor.fetchone()
    if day is None:
        raise NotFound
    return day


def ledger_of(day: Sequence[Ledger], slot_id: UUID) -> Ledger:
    """The ledger of this slot."""
    return next(ledger for ledger in day if ledger.slot.id == slot_id)

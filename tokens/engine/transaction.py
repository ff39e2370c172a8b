"""Run an operation in one transaction: lock, apply what is due, operate, promote, write and store the answer.

With a `reply`, the functions return the answer to the request in place of the operation's result.
"""

from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, suppress
from datetime import date
from functools import partial
from typing import Any
from uuid import UUID

from django.db import IntegrityError, connection

from clinics.models import Facility, Slot
from core.api.commands import Reply, ResultStore
from core.db.sql import Found, Rows, Statement, ask
from core.db.transactions import roll_back
from core.errors import NotFound, SlotBusy
from tokens.engine.ledger import Ledger, close_all
from tokens.engine.locate import Place, facility_of_slot, in_slot_of
from tokens.engine.locking import DoctorDay, locked_days, locked_facility, locked_plan, locked_slots
from tokens.errors import DuplicateBooking, refusal_of
from tokens.models import Token
from tokens.operations.expiring import expire_waiting_if_over, settle
from tokens.operations.promoting import promote
from tokens.queries.locked import seated, tokens_query

PROMOTION_RUNS = 5
"""Runs of a transaction whose promotions lose races; here and not at the API, because sweeps promote too."""


def on_slot(
    slot_id: UUID,
    *,
    actor: str,
    operation: Callable[..., Any],
    reply: Reply | None = None,
    queries: Sequence[Statement] = (),
) -> Any:
    """Run `operation(ledger, *found)` on one locked slot and return its result, or the answer with it.

    Raise VersionConflict if the request is for another version of the slot.
    """

    def on_one(ledgers: dict[UUID, Ledger], found: list[Found]) -> Any:
        if reply is not None:
            reply.check_version(ledgers[slot_id].slot.version)
        return operation(ledgers[slot_id], *found)

    return on_slots([slot_id], actor=actor, operation=on_one, reply=reply, queries=queries)


def on_token(
    token_id: UUID, *, actor: str, operation: Callable[[Ledger, Token], Any], reply: Reply | None = None
) -> Any:
    """Run `operation(ledger, token)` on a token in its locked slot, wherever the token is by then."""

    def attempt(place: Place) -> Any:
        def on_its_slot(ledger: Ledger, rows: Found) -> Any:
            return operation(ledger, locked_token(rows, ledger))

        queries = [tokens_query(facility_id=place.facility_id, slot_ids=[place.slot_id], token_ids=[token_id])]
        return on_slot(place.slot_id, actor=actor, operation=on_its_slot, reply=reply, queries=queries)

    return in_slot_of(token_id, attempt)


def locked_token(rows: Found, ledger: Ledger) -> Token:
    """Return the token that was read under the lock of its slot; raise NotFound if it is not in this slot."""
    if not rows:
        raise NotFound
    [token] = seated(rows, {ledger.slot.id: ledger.slot})
    return token


def on_slots(
    slot_ids: Collection[UUID],
    *,
    actor: str,
    operation: Callable[[dict[UUID, Ledger], list[Found]], Any],
    reply: ResultStore | None = None,
    batched: bool = False,
    wait_seconds: float | None = None,
    queries: Sequence[Statement] = (),
) -> Any:
    """Run `operation(ledgers, found)` on locked slots of one facility, `found` being the results of the queries.

    `batched`: skip the Redis lock, because the requests have waited for each other already. `wait_seconds`: how long to
    wait for the locks; OPD_LOCK_WAIT_SECONDS by default.
    """

    def attempt() -> Any:
        locks = locked_slots(
            slot_ids=slot_ids, actor=actor, batched=batched, wait_seconds=wait_seconds, queries=queries
        )
        with locks as (ledgers, found), promotions_checked(ledgers):
            for ledger in ledgers:
                settle(ledger)
            if queries and any(ledger.has_changes for ledger in ledgers):
                found = ask(*queries)  # the changes that were due may have changed the results
            result = operation({ledger.slot.id: ledger for ledger in ledgers}, found)
            for ledger in ledgers:
                promote(ledger)
            changed = any(ledger.has_changes for ledger in ledgers)
            close_all(ledgers)
            return result if reply is None else reply.store(result, changed=changed)

    return run(attempt)


def on_days(
    days: set[DoctorDay],
    *,
    actor: str,
    operation: Callable[[list[Ledger]], Any],
    reply: Reply | None = None,
    required_slot: UUID | None = None,
    dry_run: bool = False,
) -> Any:
    """Run an operation on all slots of doctors' local days, locked; `dry_run` changes nothing.

    Raise SlotBusy if the slot `required_slot` was moved to another day or deleted before the days were locked, and
    VersionConflict if the request is for another version of it.
    """

    def checked(ledgers: list[Ledger]) -> Any:
        if required_slot is not None:
            slot = next((ledger.slot for ledger in ledgers if ledger.slot.id == required_slot), None)
            if slot is None:
                raise SlotBusy("The slot was moved or removed meanwhile. Ask again.")
            if reply is not None:
                reply.check_version(slot.version)
        return operation(ledgers)

    return _on_ledgers(lambda: locked_days(days=days, actor=actor), checked, reply, dry_run)


def on_plan_of(
    doctor_id: UUID,
    *,
    actor: str,
    operation: Callable[[list[Ledger]], Any],
    reply: Reply | None = None,
    first: date = date.min,
    last: date = date.max,
    dry_run: bool = False,
    changes_other_rows: bool = False,
) -> Any:
    """Run an operation on all slots of a doctor's local days from `first` to `last`, locked; `dry_run` changes nothing.

    `changes_other_rows`: the operation changes something else too, even if there are no slots.
    """
    locks = partial(locked_plan, doctor_id=doctor_id, first=first, last=last, actor=actor)
    return _on_ledgers(locks, operation, reply, dry_run, changes_other_rows=changes_other_rows)


def _on_ledgers(
    locks: Callable[[], AbstractContextManager[list[Ledger]]],
    operation: Callable[[list[Ledger]], Any],
    reply: Reply | None,
    dry_run: bool,
    *,
    changes_other_rows: bool = False,
) -> Any:
    """Apply what is due, operate, promote, write and store the answer.

    A dry run is the same up to the operation, so that it counts the same, and is then rolled back.
    """

    def attempt() -> Any:
        with locks() as ledgers, promotions_checked(ledgers):
            locked = len(ledgers)
            for ledger in ledgers:
                settle(ledger)
            result = operation(ledgers)
            if dry_run:
                answer = result if reply is None else reply.render(result)
                roll_back()
                return answer
            for ledger in ledgers:
                expire_waiting_if_over(ledger)  # the operation may have moved the end of the slot
                promote(ledger)
            # An operation returns the slots that it creates, and removes the ledgers of those that it deletes.
            created = isinstance(result, list) and bool(result)
            changed = (
                changes_other_rows or created or len(ledgers) != locked or any(ledger.has_changes for ledger in ledgers)
            )
            close_all(ledgers)
            return result if reply is None else reply.store(result, changed=changed)

    return run(attempt)


def on_day_of_slot(
    slot_id: UUID,
    *,
    actor: str,
    operation: Callable[[list[Ledger]], Any],
    reply: Reply | None = None,
    dry_run: bool = False,
) -> Any:
    """Run an operation on all slots of the day that a slot belongs to."""
    day = {day_of_slot(slot_id)}
    return on_days(day, actor=actor, operation=operation, reply=reply, required_slot=slot_id, dry_run=dry_run)


def on_facility(
    facility_id: UUID,
    *,
    since: date,
    actor: str,
    operation: Callable[[Facility, Iterator[list[Ledger]]], Any],
) -> Any:
    """Run an operation on a locked facility and, doctor by doctor, its slots of the local days from `since` on.

    The operation writes its changes itself.
    """
    with locked_facility(facility_id, since=since, actor=actor) as (facility, doctors):
        return operation(facility, doctors)


class PromotionLostRace(Exception):
    """A patient who was being promoted got a token with that doctor in another slot at the same moment."""


@contextmanager
def promotions_checked(ledgers: Sequence[Ledger]) -> Iterator[None]:
    """Raise PromotionLostRace if a promotion, and not the request itself, breaks the rule of one live token per day.

    The locks of slots do not protect this rule, only the constraint does.
    """
    try:
        yield
    except IntegrityError as error:
        detail = str(getattr(getattr(error.__cause__, "diag", None), "message_detail", ""))
        promoted = {str(patient_id) for ledger in ledgers for patient_id in ledger.promoted}
        if isinstance(refusal_of(error), DuplicateBooking) and any(patient_id in detail for patient_id in promoted):
            raise PromotionLostRace from error
        raise


def run(attempt: Callable[[], Any]) -> Any:
    """Run a transaction; run it again after PromotionLostRace, when it sees the other token. SlotBusy in the end."""
    for _ in range(PROMOTION_RUNS):
        with suppress(PromotionLostRace), refusals():
            return attempt()
    raise SlotBusy


@contextmanager
def refusals() -> Iterator[None]:
    """Raise the engine's error for a constraint that was broken."""
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
    """Return the slot as it is before the lock, to determine what to lock; raise NotFound if there is none."""
    slots = Slot.objects.select_related("doctor__facility")
    slot = slots.filter(facility_id=facility_of_slot(slot_id), id=slot_id).first()
    if slot is None:
        raise NotFound
    return slot


def day_of_slot(slot_id: UUID) -> DoctorDay:
    """Return the doctor and the local day of a slot as they are before the lock; raise NotFound if there is none."""
    with connection.cursor() as cursor:
        cursor.execute(DAY_OF_SLOT, [facility_of_slot(slot_id), slot_id])
        day: DoctorDay | None = cursor.fetchone()
    if day is None:
        raise NotFound
    return day


def ledger_of(day: Sequence[Ledger], slot_id: UUID) -> Ledger:
    """Return the ledger of this slot."""
    return next(ledger for ledger in day if ledger.slot.id == slot_id)

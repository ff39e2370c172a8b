"""The one key: first the Redis gate, then the transaction, then fresh rows under their row locks.

Redis is courtesy: it keeps a crowd off the database. The row lock decides, and the constraints hold even without it.
"""

from collections.abc import Collection, Iterable, Iterator, Sequence
from contextlib import contextmanager, nullcontext
from datetime import date
from typing import Any, NamedTuple
from uuid import UUID

from django.db import OperationalError

from clinics.models import Doctor, Facility, Slot
from core import clock
from core.db import retry
from core.db.sql import Found, Rows, Statement, ask
from core.db.transactions import atomic
from core.errors import NotFound, SlotBusy
from core.redis.lock import gate
from tokens import rules
from tokens.engine.locate import facility_of_slot
from tokens.engine.unit_of_work import Ledger

DoctorDay = tuple[UUID, date]


class Locked(NamedTuple):
    """The ledgers of locked slots, and what the questions found that were asked as soon as the locks were held."""

    ledgers: list[Ledger]
    found: list[Found]


ROW_LOCK = "FOR NO KEY UPDATE OF locked"
_slots, _doctors, _facilities = Rows(Slot), Rows(Doctor), Rows(Facility)
SLOTS = f"""
SELECT set_config('lock_timeout', %s, true),
    {_slots.columns("locked")}, {_doctors.columns("doctor")}, {_facilities.columns("facility")}
FROM {_slots.table} AS locked
JOIN {_doctors.table} AS doctor ON doctor.id = locked.doctor_id
JOIN {_facilities.table} AS facility ON facility.id = locked.facility_id
"""
DOCTORS = f"SELECT set_config('lock_timeout', %s, true), locked.facility_id FROM {_doctors.table} AS locked"
FACILITIES = f"""
SELECT set_config('lock_timeout', %s, true), {_facilities.columns("locked")} FROM {_facilities.table} AS locked
"""
DOCTORS_OF_SLOTS = f"SELECT set_config('lock_timeout', %s, true), locked.doctor_id FROM {_slots.table} AS locked"


@contextmanager
def locked_slots(
    *,
    slot_ids: Collection[UUID],
    actor: str,
    gathered: bool = False,
    wait_seconds: float | None = None,
    queries: Sequence[Statement] = (),
) -> Iterator[Locked]:
    """Open the outermost transaction and yield a ledger for each slot, its row read under the lock, in order of id,
    and what the questions found: asked on the same journey, they see the database as it is once the locks are held.

    Raises NotFound if one of the slots does not exist in the facility of the others, and SlotBusy if the locks are not
    had within `wait_seconds` (OPD_LOCK_WAIT_SECONDS). The gate keeps a crowd off the rows; who come `gathered` go to
    them at once (measured: at one slot, the way through the gate was half of their time).
    """
    ids = sorted(set(slot_ids))
    these: tuple[str, list[Any]] = "locked.facility_id = %s AND locked.id = ANY(%s)", [facility_of_slot(ids[0]), ids]
    gates = [] if gathered else [f"slot:{slot_id}" for slot_id in ids]
    with _patient_transaction(gates, wait_seconds) as patience:
        rows, *found = _lock(SLOTS, *these, patience, queries)
        if len(rows) != len(ids):
            # A slot that moved to another doctor while we waited no longer fits the doctor that it was read with.
            rows, *found = _lock(SLOTS, *these, patience, queries)
        if len(rows) != len(ids):
            raise NotFound
        yield Locked(_ledgers(map(_slot, rows), actor), found)


@contextmanager
def locked_days(*, days: Collection[DoctorDay], actor: str) -> Iterator[list[Ledger]]:
    """Open the outermost transaction and yield a ledger for each slot of the doctors' local days.

    The doctors' rows are locked first, so that nobody adds a slot to the day meanwhile. Raises NotFound if a doctor
    does not exist in the facility of the others.
    """
    doctor_ids = sorted({doctor_id for doctor_id, _ in days})
    with _patient_transaction([f"doctor:{doctor_id}" for doctor_id in doctor_ids]) as patience:
        [doctors] = _lock(DOCTORS, "locked.id = ANY(%s)", [doctor_ids], patience)
        facilities = {facility_id for _, facility_id in doctors}
        if len(doctors) != len(doctor_ids) or len(facilities) != 1:
            raise NotFound
        of_the_days = "locked.facility_id = %s AND locked.doctor_id = ANY(%s) AND locked.local_date = ANY(%s)"
        [rows] = _lock(SLOTS, of_the_days, [*facilities, doctor_ids, sorted({day for _, day in days})], patience)
        yield _ledgers(map(_slot, rows), actor)


@contextmanager
def locked_plan(*, doctor_id: UUID, first: date, last: date, actor: str) -> Iterator[list[Ledger]]:
    """Open the outermost transaction and yield a ledger for each slot of a doctor's local days from `first` to `last`.

    The doctor's row is locked first, so that nobody adds a slot meanwhile. Raises NotFound if there is no such doctor.
    """
    with _patient_transaction([f"doctor:{doctor_id}"]) as patience:
        [doctors] = _lock(DOCTORS, "locked.id = %s", [doctor_id], patience)
        if not doctors:
            raise NotFound
        [(_, facility_id)] = doctors
        of_the_days = "locked.facility_id = %s AND locked.doctor_id = %s AND locked.local_date BETWEEN %s AND %s"
        [rows] = _lock(SLOTS, of_the_days, [facility_id, doctor_id, first, last], patience)
        yield _ledgers(map(_slot, rows), actor)


@contextmanager
def locked_facility(facility_id: UUID, *, since: date, actor: str) -> Iterator[tuple[Facility, Iterator[list[Ledger]]]]:
    """Open the outermost transaction, lock a facility, all its doctors and their slots of the local days from `since`
    on, and yield the facility and, doctor by doctor, the ledgers of these slots.

    Nobody adds a doctor or a slot meanwhile, nor books in these slots. Raises NotFound if there is no such facility.
    """
    with _patient_transaction([]) as patience:
        [facilities] = _lock(FACILITIES, "locked.id = %s", [facility_id], patience)
        if not facilities:
            raise NotFound
        _lock(DOCTORS, "locked.facility_id = %s", [facility_id], patience)
        since_then = "locked.facility_id = %s AND locked.local_date >= %s"
        [slots] = _lock(DOCTORS_OF_SLOTS, since_then, [facility_id, since], patience)
        of_doctor = f"{since_then} AND locked.doctor_id = %s"
        doctors = sorted({doctor_id for _, doctor_id in slots})
        found = (_lock(SLOTS, of_doctor, [facility_id, since, doctor_id], patience)[0] for doctor_id in doctors)
        yield _facilities.take(facilities[0], start=1), (_ledgers(map(_slot, rows), actor) for rows in found)


@contextmanager
def _patient_transaction(keys: list[str], wait_seconds: float | None = None) -> Iterator[float]:
    """Gate and transaction; yields the patience that is left for the row locks, in seconds."""
    patience = rules.current().lock_wait_seconds if wait_seconds is None else wait_seconds
    began = clock.monotonic()
    try:
        with gate(keys, wait_seconds=patience) if keys else nullcontext(), atomic(durable=True):
            yield max(0.05, patience - (clock.monotonic() - began))
    except OperationalError as error:
        if retry.sqlstate(error) == retry.LOCK_NOT_AVAILABLE:
            raise SlotBusy from error
        raise


def _lock(
    rows: str, condition: str, parameters: Sequence[Any], wait_seconds: float, queries: Sequence[Statement] = ()
) -> list[Found]:
    """The rows as they are once the lock is held, always locked in order of id, and what the questions find then.

    The same statement bounds its own wait: what a row puts out is computed before the row is locked.
    """
    patience = f"{int(wait_seconds * 1000)}ms"
    locking = f"{rows} WHERE {condition} ORDER BY locked.id {ROW_LOCK}"
    return ask(Statement(locking, (patience, *parameters)), *queries)


def _slot(row: Sequence[Any]) -> Slot:
    slot = _slots.take(row, start=1)
    slot.doctor = _doctors.take(row, start=1 + len(_slots))
    slot.facility = slot.doctor.facility = _facilities.take(row, start=1 + len(_slots) + len(_doctors))
    return slot


def _ledgers(slots: Iterable[Slot], actor: str) -> list[Ledger]:
    now = clock.now()
    return [Ledger(slot, now=now, actor=actor) for slot in slots]

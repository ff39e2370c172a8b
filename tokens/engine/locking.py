"""Lock slots for an operation: take the Redis lock, open the transaction, lock the rows and read them.

The Redis lock only keeps many waiting requests off the database. Correctness depends on the row locks, and the
constraints hold even without these.
"""

from collections.abc import Collection, Iterable, Iterator, Sequence
from contextlib import contextmanager, nullcontext
from datetime import date
from typing import Any, NamedTuple
from uuid import UUID

from django.conf import settings
from django.db import OperationalError

from clinics.models import Doctor, Facility, Slot
from core import clock
from core.db import retry
from core.db.sql import Found, Rows, Statement, ask
from core.db.transactions import atomic
from core.errors import ChangeBlocked, NotFound, SlotBusy
from core.redis.lock import redis_lock
from tokens.engine.ledger import Ledger
from tokens.engine.locate import facility_of_slot

DoctorDay = tuple[UUID, date]


class Locked(NamedTuple):
    """The ledgers of locked slots, and the results of the queries that ran as soon as the locks were held."""

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
    batched: bool = False,
    wait_seconds: float | None = None,
    queries: Sequence[Statement] = (),
) -> Iterator[Locked]:
    """Open the outermost transaction and yield a ledger for each slot, its row read under the lock, in order of id,
    and the results of the queries, which run in the same round trip as soon as the locks are held.

    Raise NotFound if one of the slots does not exist in the facility of the others, and SlotBusy if the locks are not
    acquired within `wait_seconds` (default: OPD_LOCK_WAIT_SECONDS). `batched` requests have waited for each other
    already and skip the Redis lock (measured with a batch for one slot: the Redis lock took half of its time).
    """
    ids = sorted(set(slot_ids))
    by_id: tuple[str, list[Any]] = "locked.facility_id = %s AND locked.id = ANY(%s)", [facility_of_slot(ids[0]), ids]
    redis_keys = [] if batched else [f"slot:{slot_id}" for slot_id in ids]
    with _transaction(redis_keys, wait_seconds) as timeout:
        rows, *found = _lock(SLOTS, *by_id, timeout, queries)
        if len(rows) != len(ids):
            # If a slot moves to another doctor during the wait, the join with its former doctor drops the row.
            rows, *found = _lock(SLOTS, *by_id, timeout, queries)
        if len(rows) != len(ids):
            raise NotFound
        yield Locked(ledgers_of(map(_slot, rows), actor), found)


@contextmanager
def locked_days(*, days: Collection[DoctorDay], actor: str) -> Iterator[list[Ledger]]:
    """Open the outermost transaction and yield a ledger for each slot of the doctors' local days.

    The doctors' rows are locked first, so that no other transaction adds a slot to the days. Raise NotFound if a doctor
    does not exist in the facility of the others.
    """
    doctor_ids = sorted({doctor_id for doctor_id, _ in days})
    with _transaction([f"doctor:{doctor_id}" for doctor_id in doctor_ids]) as timeout:
        [doctors] = _lock(DOCTORS, "locked.id = ANY(%s)", [doctor_ids], timeout)
        facilities = {facility_id for _, facility_id in doctors}
        if len(doctors) != len(doctor_ids) or len(facilities) != 1:
            raise NotFound
        of_the_days = "locked.facility_id = %s AND locked.doctor_id = ANY(%s) AND locked.local_date = ANY(%s)"
        [rows] = _lock(SLOTS, of_the_days, [*facilities, doctor_ids, sorted({day for _, day in days})], timeout)
        yield ledgers_of(map(_slot, rows), actor)


@contextmanager
def locked_plan(*, doctor_id: UUID, first: date, last: date, actor: str) -> Iterator[list[Ledger]]:
    """Open the outermost transaction and yield a ledger for each slot of a doctor's local days from `first` to `last`.

    The doctor's row is locked first, so that no other transaction adds a slot. Raise NotFound if there is no such
    doctor.
    """
    with _transaction([f"doctor:{doctor_id}"]) as timeout:
        [doctors] = _lock(DOCTORS, "locked.id = %s", [doctor_id], timeout)
        if not doctors:
            raise NotFound
        [(_, facility_id)] = doctors
        of_the_days = "locked.facility_id = %s AND locked.doctor_id = %s AND locked.local_date BETWEEN %s AND %s"
        [rows] = _lock(SLOTS, of_the_days, [facility_id, doctor_id, first, last], timeout)
        yield ledgers_of(map(_slot, rows), actor)


@contextmanager
def locked_facility(facility_id: UUID, *, since: date, actor: str) -> Iterator[tuple[Facility, Iterator[list[Ledger]]]]:
    """Open the outermost transaction, lock a facility, all its doctors and their slots of the local days from `since`
    on, and yield the facility and, doctor by doctor, the ledgers of these slots.

    No other transaction adds a doctor or a slot, or books in these slots, until the end. Raise NotFound if there is no
    such facility.
    """
    with _transaction([]) as timeout:
        [facilities] = _lock(FACILITIES, "locked.id = %s", [facility_id], timeout)
        if not facilities:
            raise NotFound
        _lock(DOCTORS, "locked.facility_id = %s", [facility_id], timeout)
        from_day = "locked.facility_id = %s AND locked.local_date >= %s"
        [slots] = _lock(DOCTORS_OF_SLOTS, from_day, [facility_id, since], timeout)
        of_doctor = f"{from_day} AND locked.doctor_id = %s"
        doctors = sorted({doctor_id for _, doctor_id in slots})
        found = (_lock(SLOTS, of_doctor, [facility_id, since, doctor_id], timeout)[0] for doctor_id in doctors)
        yield _facilities.take(facilities[0], start=1), (ledgers_of(map(_slot, rows), actor) for rows in found)


@contextmanager
def _transaction(keys: list[str], wait_seconds: float | None = None) -> Iterator[float]:
    """Take the Redis locks, open the transaction and yield the seconds left to wait for row locks.

    Raise SlotBusy if a lock is not acquired in time, and ChangeBlocked if a later statement waits too long.
    """
    timeout = settings.OPD_LOCK_WAIT_SECONDS if wait_seconds is None else wait_seconds
    began = clock.monotonic()
    try:
        with redis_lock(keys, wait_seconds=timeout) if keys else nullcontext(), atomic(durable=True):
            yield max(0.05, timeout - (clock.monotonic() - began))
    except OperationalError as error:
        if retry.sqlstate(error) == retry.LOCK_NOT_AVAILABLE:
            raise ChangeBlocked from error
        raise


def _lock(
    rows: str, condition: str, parameters: Sequence[Any], wait_seconds: float, queries: Sequence[Statement] = ()
) -> list[Found]:
    """Lock rows in order of id; return them as read under the lock, and the results of the queries run after that.

    The statement sets its own lock timeout: the columns of a row are computed before the row is locked.
    """
    timeout = f"{int(wait_seconds * 1000)}ms"
    locking = f"{rows} WHERE {condition} ORDER BY locked.id {ROW_LOCK}"
    try:
        return ask(Statement(locking, (timeout, *parameters)), *queries)
    except OperationalError as error:
        if retry.sqlstate(error) == retry.LOCK_NOT_AVAILABLE:
            raise SlotBusy from error
        raise


def _slot(row: Sequence[Any]) -> Slot:
    slot = _slots.take(row, start=1)
    slot.doctor = _doctors.take(row, start=1 + len(_slots))
    slot.facility = slot.doctor.facility = _facilities.take(row, start=1 + len(_slots) + len(_doctors))
    return slot


def ledgers_of(slots: Iterable[Slot], actor: str) -> list[Ledger]:
    now = clock.now()
    return [Ledger(slot, now=now, actor=actor) for slot in slots]

"""The one key: first the Redis gate, then the transaction, then fresh rows under their row locks.

Redis is courtesy: it keeps a crowd off the database. The row lock decides, and the constraints hold even without it.
"""

from collections.abc import Collection, Iterator
from contextlib import contextmanager
from datetime import date
from typing import TypeVar
from uuid import UUID

from django.db import OperationalError
from django.db.models import BooleanField, Func, QuerySet, TextField, Value

from clinics.models import Doctor, Slot
from core import clock
from core.errors import NotFound, SlotBusy
from core.redis_gate import gate
from core.transactions import atomic
from tokens import rules
from tokens.ledger import Ledger

M = TypeVar("M", Slot, Doctor)

LOCK_NOT_AVAILABLE = "55P03"

DoctorDay = tuple[UUID, date]


@contextmanager
def locked_slots(*, slot_ids: Collection[UUID], actor: str) -> Iterator[list[Ledger]]:
    """Open the outermost transaction and yield a ledger for each slot, its row read under the lock, in order of id.

    Raises NotFound if one of the slots does not exist, and SlotBusy if the locks are not had within
    OPD_LOCK_WAIT_SECONDS.
    """
    ids = sorted(set(slot_ids))
    with _patient_transaction([f"slot:{slot_id}" for slot_id in ids]) as wait_seconds:
        rows = _locked(Slot.objects.filter(id__in=ids), wait_seconds)
        if len(rows) != len(ids):
            raise NotFound
        yield _ledgers(rows, actor)


@contextmanager
def locked_days(*, days: Collection[DoctorDay], actor: str) -> Iterator[list[Ledger]]:
    """Open the outermost transaction and yield a ledger for each slot of the doctors' local days.

    The doctors' rows are locked first, so that nobody adds a slot to the day meanwhile. Raises NotFound if a doctor
    does not exist.
    """
    doctor_ids = sorted({doctor_id for doctor_id, _ in days})
    with _patient_transaction([f"doctor:{doctor_id}" for doctor_id in doctor_ids]) as wait_seconds:
        doctors = _with_patience(Doctor.objects.filter(id__in=doctor_ids), wait_seconds)
        if len(list(doctors.order_by("id").select_for_update(no_key=True))) != len(doctor_ids):
            raise NotFound
        of_the_days = Slot.objects.filter(doctor_id__in=doctor_ids, local_date__in={day for _, day in days})
        yield _ledgers(_locked(of_the_days, wait_seconds), actor)


@contextmanager
def _patient_transaction(keys: list[str]) -> Iterator[float]:
    """Gate and transaction; yields the patience that is left for the row locks, in seconds."""
    patience = rules.current().lock_wait_seconds
    began = clock.monotonic()
    try:
        with gate(keys, wait_seconds=patience), atomic(durable=True):
            yield max(0.05, patience - (clock.monotonic() - began))
    except OperationalError as error:
        if getattr(error.__cause__, "sqlstate", None) == LOCK_NOT_AVAILABLE:
            raise SlotBusy from error
        raise


def _locked(slots: QuerySet[Slot], wait_seconds: float) -> list[Slot]:
    """The rows as they are once the lock is held, with doctor and facility, always locked in order of id."""
    lockable = slots.select_related("doctor", "facility").order_by("id")
    return list(_with_patience(lockable, wait_seconds).select_for_update(no_key=True, of=("self",)))


def _with_patience(rows: QuerySet[M], wait_seconds: float) -> QuerySet[M]:
    """Bound the wait for the lock in the statement that takes it: the output of a row is computed before it is
    locked.
    """
    setting = Func(
        Value("lock_timeout", output_field=TextField()),
        Value(f"{int(wait_seconds * 1000)}ms", output_field=TextField()),
        Value(True, output_field=BooleanField()),
        function="set_config",
        output_field=TextField(),
    )
    return rows.annotate(lock_patience=setting)


def _ledgers(rows: list[Slot], actor: str) -> list[Ledger]:
    now = clock.now()
    return [Ledger(row, now=now, actor=actor) for row in rows]

"""Operations that need several locks take them in one fixed order, whatever the order in the request."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date
from functools import partial
from typing import Any
from uuid import UUID

import pytest

from clinics.models import Doctor, Slot
from core.api import idempotency
from core.api.idempotency import Key, Stored
from core.db.transactions import atomic, roll_back
from tests.races.builders import a_doctor, a_slot, inconsistencies_of, service
from tests.races.interleaving import TIMEOUT_SECONDS, Refusal, Runner, together
from tests.support.eventually import eventually
from tests.support.invariants import assert_invariants_hold
from tokens.engine import locking, transaction

pytestmark = pytest.mark.django_db(transaction=True)


def change_doctor(slot: Slot, doctor: Doctor) -> Any:
    return service.change_slot(slot_id=slot.id, changes={"doctor_id": doctor.id}, actor="user:desk")


def swap(repeats: int = 1) -> tuple[list[Any], list[Slot]]:
    """One desk moves slots from a doctor to another, a second one the other way, a third delays both days."""
    one, other = a_doctor(), a_doctor()
    first = a_slot(one)
    there = [a_slot(one, start=first.end_time + n * (first.end_time - first.start_time)) for n in range(repeats)]
    back = [a_slot(other, start=there[-1].end_time + n * (first.end_time - first.start_time)) for n in range(repeats)]
    outcomes = together(
        [
            *(partial(change_doctor, slot, other) for slot in there),
            *(partial(change_doctor, slot, one) for slot in back),
        ]
    )
    return outcomes, [first, *there, *back]


def test_opposite_orders_never_stand_in_each_others_way(any_redis: None) -> None:
    outcomes, slots = swap(repeats=4)
    assert not [outcome for outcome in outcomes if isinstance(outcome, Refusal)]
    assert all(inconsistencies_of(slot) == [] for slot in slots)
    assert_invariants_hold()


def test_delays_and_bookings_run_through_one_day_at_once(any_redis: None) -> None:
    from tests.races.builders import a_patient, book

    doctor = a_doctor()
    first = a_slot(doctor, capacity=4)
    second = a_slot(doctor, capacity=4, start=first.end_time)
    patients = [a_patient() for _ in range(6)]
    outcomes = together(
        [
            *(
                partial(service.delay_slot, slot_id=slot.id, delay_minutes=minutes, actor="user:desk")
                for slot in (first, second)
                for minutes in (10, 20, 30)
            ),
            *(partial(book, (first, second)[n % 2], patient) for n, patient in enumerate(patients)),
        ]
    )
    assert not [outcome for outcome in outcomes if isinstance(outcome, Refusal)]
    delays = [Slot.objects.get(id=slot.id).delay_minutes for slot in (first, second)]
    assert delays[1] >= delays[0] > 0
    assert_invariants_hold()


def test_canary_without_the_order_they_lock_each_other_out(monkeypatch: pytest.MonkeyPatch) -> None:
    """One takes the doctors' rows upwards, the other downwards: the database has to kill one of them."""
    met = threading.Barrier(2)
    upwards = threading.Lock()

    @contextmanager
    def unordered(*, days: set[tuple[UUID, date]], actor: str) -> Iterator[Any]:
        ids = sorted({doctor_id for doctor_id, _ in days})
        if len(ids) > 1 and not upwards.acquire(blocking=False):
            ids.reverse()
        with locking.atomic(durable=True):
            for doctor_id in ids:
                Doctor.objects.select_for_update().get(id=doctor_id)
                if len(ids) > 1 and doctor_id == ids[0]:
                    met.wait(TIMEOUT_SECONDS)
            rows = Slot.objects.filter(doctor_id__in=ids, local_date__in={day for _, day in days})
            yield locking.ledgers_of(list(rows.select_related("doctor", "facility").order_by("id")), actor)

    monkeypatch.setattr(transaction, "locked_days", unordered)
    outcomes, _ = swap()
    assert [outcome.code for outcome in outcomes if isinstance(outcome, Refusal)] == ["OperationalError"]


def test_batches_with_the_same_keys_store_their_answers_in_one_order() -> None:
    """Two batches bring the keys in opposite orders, while a third transaction holds the key in the middle."""
    held, go = threading.Event(), threading.Event()

    def store(names: str) -> None:
        answers = [(Key(actor="user:desk", key=name, fingerprint=""), Stored(201, b"{}", {})) for name in names]
        with atomic(durable=True):
            idempotency.store(answers)

    def hold() -> None:
        with atomic(durable=True):
            idempotency.store([(Key(actor="user:desk", key="b", fingerprint=""), Stored(201, b"{}", {}))])
            held.set()
            go.wait(TIMEOUT_SECONDS)
            roll_back()

    holder, one, other = Runner(hold), Runner(partial(store, "abc")), Runner(partial(store, "cba"))
    holder.start()
    assert held.wait(TIMEOUT_SECONDS)
    try:
        one.start()
        eventually(lambda: one.backend is not None and one.waits_for(holder))
        other.start()
        eventually(lambda: other.backend is not None and (other.waits_for(holder) or other.waits_for(one)))
    finally:
        go.set()
    holder.finish()
    assert [one.finish(), other.finish().code] == [None, "KeyTaken"]

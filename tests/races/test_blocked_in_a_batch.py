"""A request whose change another transaction blocks does not fail the others of its batch."""

import threading
from typing import Any

import pytest

from clinics.models import Slot
from core.api.commands import Reply
from core.errors import SlotBusy
from patients.models import Patient
from tests.races.builders import a_patient, a_slot, service
from tests.races.interleaving import TIMEOUT_SECONDS, Runner
from tokens.engine import batch
from tokens.engine.batch import RETRY_ALONE, QueuedRequest
from tokens.operations.booking import BookingRequest
from tokens.policy.priority import Category

pytestmark = pytest.mark.django_db(transaction=True)


def booking(slot: Slot, patient: Patient) -> QueuedRequest:
    request = BookingRequest(slot_id=slot.id, patient_id=patient.id, category=Category.WALKIN, actor="user:desk")
    return QueuedRequest(request, None)


def test_only_the_blocked_booking_is_refused(settings: Any) -> None:
    settings.OPD_COMBINE, settings.OPD_LOCK_WAIT_SECONDS = False, 0.5
    slot = a_slot(capacity=9)
    same_day = a_slot(slot.doctor, start=slot.end_time)
    blocked, others = a_patient(), [a_patient(), a_patient()]
    booked, go = threading.Event(), threading.Event()

    def hesitate(result: Any) -> Any:
        booked.set()
        go.wait(TIMEOUT_SECONDS)
        return result

    elsewhere = Runner(lambda: service.book(booking(same_day, blocked).request, reply=Reply(hesitate)))
    try:
        elsewhere.start()
        assert booked.wait(TIMEOUT_SECONDS)
        together = [booking(slot, each) for each in (others[0], blocked, others[1])]
        assert batch.run_or_retry_alone(together) == [RETRY_ALONE] * 3
        for each in others:
            [token] = batch.run_batch([booking(slot, each)])
            assert token.patient_id == each.id
        with pytest.raises(SlotBusy):
            batch.run_batch([booking(slot, blocked)])
    finally:
        go.set()
    elsewhere.finish()

"""Requests that wait at the same moment, so that the engine serves them in one batch."""

import threading
import uuid
from collections.abc import Callable
from typing import Any

import pytest

from core.api.commands import Reply
from tests.races.builders import a_patient, a_slot, service
from tests.races.interleaving import TIMEOUT_SECONDS, Runner
from tests.support.eventually import eventually
from tokens.engine import batch
from tokens.models import Token
from tokens.operations.booking import BookingRequest
from tokens.policy.priority import Category


def ask(slot_id: uuid.UUID, patient_id: uuid.UUID, *, wait: bool = True, reply: Reply | None = None) -> Any:
    """Book a seat, or with `wait` a place on the waiting list."""
    request = BookingRequest(
        slot_id=slot_id, patient_id=patient_id, category=Category.WALKIN, actor="user:desk", join_waiting_list=wait
    )
    return service.book(request, reply=reply)


def leave(token: Token, *, keep_seat: bool = False, reply: Reply | None = None) -> Any:
    """Cancel a token."""
    return service.cancel(token_id=token.id, keep_seat=keep_seat, actor="user:desk", reply=reply)


def one_batch(steps: list[Callable[[], Any]], *, monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """Run the steps as one batch, by queueing them all behind another booking; return their results."""
    booked, go = threading.Event(), threading.Event()
    leader_slot, leader = a_slot(), a_patient()
    monkeypatch.setattr(batch, "QUEUE_SECONDS", TIMEOUT_SECONDS)

    def hold_up(result: Any) -> Any:
        booked.set()
        go.wait(TIMEOUT_SECONDS)
        return result

    first = Runner(lambda: ask(leader_slot.id, leader.id, reply=Reply(hold_up)))
    first.start()
    assert booked.wait(TIMEOUT_SECONDS)
    runners = [Runner(step) for step in steps]
    try:
        for number, runner in enumerate(runners):
            eventually(lambda number=number: batch.any_slots.waiting(None) >= number)
            runner.start()
        eventually(lambda: batch.any_slots.waiting(None) >= len(runners))
    finally:
        go.set()
    assert isinstance(first.finish(), Token)
    return [runner.finish() for runner in runners]

"""Two kiosks scan one ticket at once, and many wrong guesses at one kiosk at once."""

import threading
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest

from core import clock
from core.api.answers import Answer
from core.api.commands import Reply
from live import kiosk_check_in
from live.devices import create_device
from live.kiosk_check_in import MAX_FAILURES, Attempt, Outcome, arrived
from live.links import issue_link
from live.models import Kiosk
from live.secrets import secret_of
from tests.races.builders import a_slot, book, events_of, inconsistencies_of
from tests.races.interleaving import NUMBERED_ONCE, overtake, together, without, without_locks
from tests.support.invariants import assert_invariants_hold

pytestmark = pytest.mark.django_db(transaction=True)


def entrance() -> tuple[Any, str, list[UUID]]:
    """Return a slot that is about to start, the code of a booked patient's link, and two kiosks."""
    slot = a_slot(start=clock.now() + timedelta(minutes=30))
    token = book(slot)
    link = issue_link(token_id=token.id, actor="user:desk")
    kiosks = [create_device(Kiosk, facility_id=slot.facility_id, name=name).pk for name in "AB"]
    return slot, secret_of(link.seed), kiosks


def scan(kiosk_id: UUID, code: str) -> Outcome:
    shown: list[Outcome] = []

    def form(result: Any) -> Answer:
        shown.append(arrived(result))
        return Answer(200, {})

    kiosk_check_in.check_in(kiosk_id, Attempt(scan=code), actor=f"kiosk:{kiosk_id}", reply=Reply(form))
    return shown[-1]


def test_two_kiosks_that_scan_one_ticket_record_one_arrival(any_redis: None) -> None:
    slot, code, (one, other) = entrance()
    ended = overtake(lambda: scan(one, code), lambda: scan(other, code))
    assert not ended.overtook
    assert (ended.slow.outcome, ended.fast.outcome) == ("ARRIVED", "ALREADY")
    assert ended.slow.ticket == ended.fast.ticket
    assert events_of(slot.id, "token.checked_in") == 1
    assert_invariants_hold()


def test_canary_without_locks_the_patient_arrives_twice() -> None:
    slot, code, (one, other) = entrance()
    with without_locks(), without(*NUMBERED_ONCE):
        ended = overtake(lambda: scan(one, code), lambda: scan(other, code))
        assert ended.overtook
        assert (ended.slow.outcome, ended.fast.outcome) == ("ARRIVED", "ARRIVED")
        assert events_of(slot.id, "token.checked_in") == 2
        assert inconsistencies_of(slot)


def failures_at_once() -> Kiosk:
    _, _, (kiosk_id, _) = entrance()
    assert {each.outcome for each in together([lambda: scan(kiosk_id, "x")] * MAX_FAILURES)} == {"SEE_DESK"}
    return Kiosk.objects.get(pk=kiosk_id)


def test_failures_at_once_are_all_counted() -> None:
    assert failures_at_once().locked_until is not None


def test_canary_without_the_lock_of_its_row_failures_are_lost(monkeypatch: pytest.MonkeyPatch) -> None:
    read = threading.Barrier(MAX_FAILURES)

    def unlocked(kiosk_id: UUID) -> Kiosk:
        kiosk = Kiosk.objects.select_related("facility").get(pk=kiosk_id)
        read.wait(timeout=60)
        return kiosk

    monkeypatch.setattr(kiosk_check_in, "locked_kiosk", unlocked)
    kiosk = failures_at_once()
    assert (kiosk.locked_until, len(kiosk.failures)) == (None, 1)

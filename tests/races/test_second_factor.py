"""Parallel guesses of a second factor are counted one by one."""

import threading
from functools import partial

import pytest
from django.db import connection
from django_otp.plugins.otp_totp.models import TOTPDevice

from accounts.auth import second_factor
from accounts.models import User
from core.db.transactions import atomic
from tests.races.interleaving import TIMEOUT_SECONDS, Runner
from tests.support.eventually import eventually

pytestmark = pytest.mark.django_db(transaction=True)

WAITING = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"


def waiting() -> int:
    with connection.cursor() as cursor:
        cursor.execute(WAITING)
        return int(cursor.fetchone()[0])


def test_the_correct_one_of_many_parallel_codes_is_refused() -> None:
    """A correct code that begins before the guesses are counted, and comes after them, is refused."""
    user = User.objects.create_user("desk", "desk@hospital.example", "Quiet-Harbour-27")
    TOTPDevice.objects.create(user=user, name="app", confirmed=True)
    recovery_code, *_ = second_factor.new_recovery_codes(user)
    held, go = threading.Event(), threading.Event()

    def hold() -> None:
        with atomic():
            TOTPDevice.objects.select_for_update().get(user=user)
            held.set()
            go.wait(TIMEOUT_SECONDS)

    holder = Runner(hold)
    holder.start()
    assert held.wait(TIMEOUT_SECONDS)
    wrong = ["000000"] * second_factor.GUESSES.max_attempts
    attempts = [Runner(partial(second_factor.verify_code, user=user, code=code)) for code in [*wrong, recovery_code]]
    try:
        for number, attempt in enumerate(attempts, start=1):
            attempt.start()
            eventually(lambda number=number: waiting() == number)  # type: ignore[misc]
    finally:
        go.set()
    assert [attempt.finish() for attempt in attempts] == [False] * len(attempts)
    assert second_factor.recovery_codes_left(user=user) > 0

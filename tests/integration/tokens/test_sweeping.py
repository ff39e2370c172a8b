"""Celery expires what is due: real worker and beat processes with short intervals."""

import contextlib
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path

import environ
import pytest
from celery import Celery
from django.db import connection

from clinics.models import Slot
from core import clock
from devserver import EmbeddedRedis
from devserver.data_dir import remove_home
from events.models import Event
from tests.races.builders import a_slot, book, fresh, inconsistencies_of, service
from tests.support.invariants import assert_invariants_hold
from tokens.models import Token
from waitlist.models import WaitlistEntry

pytestmark = pytest.mark.django_db(transaction=True)

QUIET = ("--without-gossip", "--without-mingle", "--without-heartbeat")


WORKER = ("worker", "--pool", "threads", "-c", "10", *QUIET)
"""Ten sweeps at once in one process, which starts faster than ten."""


@contextlib.contextmanager
def celery(*processes: tuple[str, ...], folder: Path, redis_url: str) -> Iterator[Callable[[], str]]:
    """Run Celery processes on the test database; yield their output so far."""
    database = environ.Env().str("DATABASE_URL").rpartition("/")[0] + f"/{connection.settings_dict['NAME']}"
    settings = {
        "DJANGO_SETTINGS_MODULE": "config.settings.local",
        "DATABASE_URL": database,
        "REDIS_URL": redis_url,
        "OPD_SWEEP_SECONDS": "0.3",
        "PYTHONUNBUFFERED": "1",
    }
    started: list[subprocess.Popen[bytes]] = []
    log = folder / "celery.log"
    try:
        with log.open("wb") as out:
            for words in processes:
                command = [sys.executable, "-m", "celery", "-A", "config", *words]
                started.append(
                    subprocess.Popen(command, env={**os.environ, **settings}, stdout=out, stderr=subprocess.STDOUT)
                )
        yield lambda: log.read_text(errors="replace")
    finally:
        for process in started:
            process.terminate()
        for process in started:
            try:
                process.wait(15)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


@pytest.fixture
def redis_url(tmp_path: Path) -> Iterator[str]:
    server = EmbeddedRedis(tmp_path / "redis", fsync=False)
    server.start()
    yield server.url
    server.stop()
    remove_home(data_dir=server.data_dir)


def eventually(true: Callable[[], bool], told: Callable[[], str]) -> None:
    deadline = time.monotonic() + 120
    while not true():
        assert time.monotonic() < deadline, told()[-3000:]
        time.sleep(0.1)


def due_now() -> tuple[Slot, Slot]:
    """A slot with a hold, a grace and a buffer that are over, and somebody who is here; and a slot that is over, with
    somebody on its list."""
    slot = a_slot(capacity=4)
    book(slot, hold=True)
    missing, leaving = book(slot), book(slot)
    book(slot, arrived=True)
    service.no_show(token_id=missing.id, actor="user:desk")
    service.cancel(token_id=leaving.id, keep_seat=True, actor="user:desk")
    over = a_slot(capacity=1)
    book(over)
    book(over, join_waiting_list=True)
    now, days = clock.now(), timedelta(days=2)
    Token.objects.filter(slot=slot, due_at__isnull=False).update(due_at=now)
    Slot.objects.filter(id=slot.id).update(next_due_at=now)
    Slot.objects.filter(id=over.id).update(start_time=over.start_time - days, end_time=over.end_time - days)
    return slot, over


def ended(slot: Slot, over: Slot) -> bool:
    statuses = sorted(Token.objects.filter(slot=slot).values_list("status", "due_at"))
    done = [("CANCELLED", None), ("CHECKED_IN", None), ("EXPIRED", None), ("NO_SHOW", None)]
    return statuses == done and not WaitlistEntry.objects.filter(slot=over, status="WAITING").exists()


def test_a_worker_two_beats_and_ten_sweeps_at_once_have_the_effect_of_one(tmp_path: Path, redis_url: str) -> None:
    beats = [("beat", "-s", str(tmp_path / f"beat{n}"), "--pidfile=") for n in (1, 2)]
    with celery(WORKER, *beats, folder=tmp_path, redis_url=redis_url) as told:
        slot, over = due_now()
        with Celery(broker=redis_url).connection_for_write() as link:
            for _ in range(10):
                Celery(broker=redis_url).send_task("tokens.tasks.sweep", queue="opd", connection=link)
        eventually(lambda: ended(slot, over), told)
        time.sleep(1)  # further sweeps with nothing to do
        assert "Traceback" not in told()
    swept = Event.objects.filter(actor="system:sweep").order_by("slot_id", "number")
    assert sorted(swept.filter(slot_id=slot.id).values_list("type", flat=True)) == [
        "token.buffer_released",
        "token.expired",
        "token.grace_ended",
    ]
    assert [event.type for event in swept.filter(slot_id=over.id)] == ["waitlist.expired"]
    here = Token.objects.get(slot=slot, status="CHECKED_IN")
    assert fresh(here).updated_at == here.created_at  # a patient who is present is never swept
    assert inconsistencies_of(slot) == inconsistencies_of(over) == []
    assert_invariants_hold()

"""Real Celery worker and beat processes on a separate Redis."""

import contextlib
import os
import subprocess
import sys
import time
import uuid
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path

import environ
import pytest
from celery import Celery
from django.db import connection

from core import clock
from core.models import IdempotencyRecord
from devserver import EmbeddedRedis
from devserver.data_dir import remove_home

pytestmark = pytest.mark.django_db(transaction=True)


@contextlib.contextmanager
def celery(*words: str, log: Path, redis_url: str) -> Iterator[Callable[[], str]]:
    """Run a Celery process on the test database; yield its output so far."""
    given = environ.Env().db_url("DATABASE_URL")
    place = f"{given['HOST']}:{given['PORT']}" if given["PORT"] else given["HOST"]
    who = f"{given['USER']}:{given['PASSWORD']}" if given["PASSWORD"] else given["USER"]
    settings = {
        "DJANGO_SETTINGS_MODULE": "config.settings.local",
        "DATABASE_URL": f"postgres://{who}@{place}/{connection.settings_dict['NAME']}",
        "REDIS_URL": redis_url,
        "OPD_SWEEP_SECONDS": "0.5",
    }
    with log.open("w") as out:
        command = [sys.executable, "-m", "celery", "-A", "config", *words]
        process = subprocess.Popen(command, env={**os.environ, **settings}, stdout=out, stderr=out)
        try:
            yield log.read_text
        finally:
            process.terminate()
            try:
                process.wait(20)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


def eventually(true: Callable[[], bool], told: Callable[[], str]) -> None:
    deadline = time.monotonic() + 30
    while not true():
        assert time.monotonic() < deadline, told()[-3000:]
        time.sleep(0.1)


def old_record() -> None:
    IdempotencyRecord.objects.create(
        actor="user:1",
        key=str(uuid.uuid4()),
        fingerprint="0" * 64,
        stored_at=clock.now() - timedelta(hours=25),
        status=200,
    )


def test_worker_and_beat_do_their_work_and_outlive_redis(tmp_path: Path) -> None:
    redis = EmbeddedRedis(tmp_path, fsync=False)
    redis.start()
    worker = ("worker", "-c", "1", "--loglevel", "INFO", "--without-gossip", "--without-mingle")
    beat = ("beat", "-s", str(tmp_path / "schedule"), "--pidfile=")
    try:
        with (
            celery(*worker, log=tmp_path / "worker.log", redis_url=redis.url) as told,
            celery(*beat, log=tmp_path / "beat.log", redis_url=redis.url),
        ):
            asker = Celery(broker=redis.url)
            asker.conf.task_default_queue = "opd"
            old_record()
            asker.send_task("core.tasks.prune_idempotency_records")
            eventually(lambda: not IdempotencyRecord.objects.exists(), told)
            eventually(lambda: told().count("tokens.tasks.sweep") >= 4, told)

            redis.kill()
            redis.restart()
            old_record()
            eventually(lambda: _sent(asker), told)
            eventually(lambda: not IdempotencyRecord.objects.exists(), told)
            asker.close()
        for line in told().splitlines():
            if "task" in line.lower() and "succeeded" in line:
                assert line.startswith("{"), line
    finally:
        redis.stop()
        remove_home(data_dir=redis.data_dir)


def _sent(asker: Celery) -> bool:
    try:
        asker.send_task("core.tasks.prune_idempotency_records", retry=False)
    except Exception:
        return False
    return True

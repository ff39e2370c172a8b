"""The web server replaces killed web workers and continues to serve."""

import contextlib
import http.client
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from bench.chaos.system import System, Web, running_system
from devserver.ports import free_port
from devserver.project import ROOT
from tests.support.eventually import eventually


@pytest.fixture(scope="module")
def system(django_db_blocker: Any) -> Iterator[System]:
    with django_db_blocker.unblock(), running_system(celery=False) as system:
        yield system


def answers(web: Web) -> bool:
    """Return whether one of several requests is answered; those a killed worker had accepted are lost."""
    for _ in range(3):
        link = http.client.HTTPConnection(*web.address, timeout=2)
        with contextlib.suppress(OSError, http.client.HTTPException), contextlib.closing(link):
            link.request("GET", "/healthz/live")
            return link.getresponse().status == 200
    return False


def kill(pid: int) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, signal.SIGKILL)


def test_the_service_continues_while_workers_are_killed_one_by_one(system: System) -> None:
    web = system.web
    assert web.process is not None
    eventually(lambda: len(web.workers) == 2)
    for _ in range(4):  # always the youngest, so a worker is killed again within seconds of its start
        before = web.workers
        kill(before[-1])
        eventually(lambda before=before: len(web.workers) == 2 and web.workers != before)  # type: ignore[misc]
        assert answers(web)
    assert web.process.poll() is None


def test_the_service_recovers_when_all_workers_are_killed_repeatedly(system: System) -> None:
    web = system.web
    assert web.process is not None
    for _ in range(3):
        eventually(lambda: len(web.workers) == 2)
        before = set(web.workers)
        for pid in before:
            kill(pid)
        eventually(lambda before=before: len(web.workers) == 2 and not before & set(web.workers))  # type: ignore[misc]
    eventually(lambda: answers(web))
    assert web.process.poll() is None


def test_a_server_whose_workers_cannot_start_exits_with_an_error(tmp_path: Path) -> None:
    (tmp_path / "broken.py").write_text("raise RuntimeError('no such hospital')\n")
    command = [sys.executable, "-m", "core.server", "broken:application", "--host", "127.0.0.1"]
    command += ["--port", str(free_port()), "--workers", "2", "--threads", "2"]
    environ = {**os.environ, "PYTHONPATH": f"{ROOT}:{tmp_path}"}
    began = time.monotonic()
    done = subprocess.run(command, env=environ, cwd=ROOT, capture_output=True, text=True, timeout=60)
    assert done.returncode == 1
    assert "no such hospital" in done.stderr
    assert time.monotonic() - began < 30

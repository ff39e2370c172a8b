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
    """Return whether one of three requests is answered: those that a killed worker had accepted are lost with it.

    A request that waits for a worker that is starting is not lost, however busy the machine is.
    """
    for _ in range(3):
        link = http.client.HTTPConnection(*web.address, timeout=10)
        with contextlib.suppress(OSError, http.client.HTTPException), contextlib.closing(link):
            link.request("GET", "/healthz/live")
            return link.getresponse().status == 200
    return False


def kill(pid: int) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, signal.SIGKILL)


def starts(web: Web) -> int:
    """Return how many workers have started so far, those included that were killed since."""
    return web.log.read_text().count("Started worker-")


def test_the_service_goes_on_while_its_workers_are_killed_one_after_the_other(system: System) -> None:
    web = system.web
    assert web.process is not None
    for started in range(2, 6):
        eventually(lambda started=started: starts(web) == started)  # type: ignore[misc]
        kill(web.workers[-1])  # every time the youngest, so that it dies again within seconds of its start
        assert answers(web)
    eventually(lambda: starts(web) == 6)
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

"""The supervisor: all processes run while it runs, and none is left however it ends."""

import contextlib
import json
import os
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from core import clock
from devserver.ports import free_port
from devserver.processes import marked
from devserver.project import MARK
from devserver.state import State
from devserver.supervisor import end_marked
from devserver.test_and_demo import credentials

ROOT = Path(__file__).resolve().parents[2]
CHILDREN = """
import sys
from devserver.places import Place
from devserver.state import State
from devserver.supervisor import Child, Supervisor
from devserver import supervisor
from pathlib import Path
import os
import signal
import time
signal.signal(signal.SIGHUP, signal.SIG_DFL)  # whoever runs the tests may have been started by nohup
supervisor.RESTART_SECONDS = 0.2
supervisor.STOP_SECONDS = 2.0
state = State(Path(sys.argv[1]))
given = zip(sys.argv[2::2], sys.argv[3::2])
children = [Child(name, [sys.executable, "-c", code], restart=name != "web") for name, code in given]
here = Path(sys.argv[1])
place = Place(None, sys.executable, Path.cwd(), here, here / "schedule")
made = Supervisor(state=state, environ=os.environ, servers=[], place=place)
began = time.monotonic()
ready = lambda: time.monotonic() - began > 0.7
sys.exit(made.run(children=children, ready=ready, announce=lambda: print("ready", flush=True)))
"""
SLEEP = "import time; print('here', flush=True); time.sleep(60)"
STUBBORN = f"import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN); {SLEEP}"
PARENT = f"import subprocess, sys; subprocess.Popen([sys.executable, '-c', {SLEEP!r}]); {SLEEP}"
CHATTER = "import time\nwhile True: print('x' * 200, flush=True)"


@contextlib.contextmanager
def supervised(folder: Path, *children: str, out: int = subprocess.PIPE) -> Iterator[subprocess.Popen[bytes]]:
    folder.mkdir(parents=True, exist_ok=True)
    process = subprocess.Popen(
        [sys.executable, "-c", CHILDREN, str(folder), *children], cwd=ROOT, stdout=out, stderr=subprocess.STDOUT
    )
    try:
        yield process
    finally:
        process.kill()
        process.wait()
        end_marked(mark=f"{MARK}={folder}", timeout=1)


def left(folder: Path, *, within: float = 5.0) -> list[int]:
    deadline = time.monotonic() + within
    while (found := marked(mark=f"{MARK}={folder}")) and time.monotonic() < deadline:
        time.sleep(0.05)
    return found


def output_until(process: subprocess.Popen[bytes], text: str) -> list[str]:
    """Return the output up to a line that contains the text."""
    said: list[str] = []
    assert process.stdout is not None
    for line in process.stdout:
        said.append(line.decode())
        if text in said[-1]:
            return said
    raise AssertionError(f"{text!r} was never said: {said}")


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_signal_ends_all_of_it(folder: Path, number: signal.Signals) -> None:
    with supervised(folder, "web", PARENT, "worker", SLEEP) as process:
        output_until(process, "ready")  # by then each has reported its start
        process.send_signal(number)
        assert process.wait(timeout=30) == 0
        assert not left(folder)


def test_one_that_does_not_listen_is_killed(folder: Path) -> None:
    with supervised(folder, "web", STUBBORN) as process:
        output_until(process, "here")
        process.terminate()
        assert process.wait(timeout=30) == 0
        assert not left(folder)


def test_kill_9_of_the_supervisor_takes_the_children_along(folder: Path) -> None:
    with supervised(folder, "web", SLEEP, "worker", SLEEP) as process:
        output_until(process, "ready")
        process.kill()
        assert not left(folder)


def test_what_even_that_leaves_is_found_and_ended(folder: Path) -> None:
    with supervised(folder, "web", PARENT) as process:
        output_until(process, "here")
        process.send_signal(signal.SIGSTOP)
        os.waitpid(process.pid, os.WUNTRACED)  # from now on it can't supervise any process
        os.kill(State(folder).get("web")["pid"], signal.SIGKILL)
        process.kill()
        assert end_marked(mark=f"{MARK}={folder}") >= 1
        assert not left(folder)


def test_web_that_has_answered_is_started_again(folder: Path) -> None:
    with supervised(folder, "web", SLEEP, "worker", SLEEP) as process:
        output_until(process, "ready")
        first = State(folder).get("web")["pid"]
        os.kill(first, signal.SIGKILL)
        output_until(process, "web was killed by signal 9")
        output_until(process, "web    | here")
        assert State(folder).get("web")["pid"] != first


def test_the_end_of_web_before_it_answered_ends_the_rest_and_is_a_failure(folder: Path) -> None:
    with supervised(folder, "web", "raise SystemExit(3)", "worker", SLEEP) as process:
        output_until(process, "web ended with code 3")
        assert process.wait(timeout=30) == 1
        assert not left(folder)


def test_a_worker_that_died_is_started_again(folder: Path) -> None:
    with supervised(folder, "web", SLEEP, "worker", SLEEP) as process:
        output_until(process, "ready")
        first = State(folder).get("worker")["pid"]
        os.kill(first, signal.SIGKILL)
        output_until(process, "worker was killed by signal 9")
        output_until(process, "worker | here")
        assert State(folder).get("worker")["pid"] != first


def test_a_worker_that_cannot_start_at_all_is_given_up(folder: Path) -> None:
    with supervised(folder, "web", SLEEP, "worker", "raise SystemExit(2)") as process:
        said = output_until(process, "stopping everything")
        assert process.wait(timeout=30) == 1
        assert sum("worker ended with code 2" in line for line in said) == 5


def test_a_reader_that_stopped_reading_does_not_stop_the_engine(folder: Path) -> None:
    with supervised(folder, "web", CHATTER, "worker", "raise SystemExit(2)") as process:
        # The output exceeds the pipe's capacity and nobody reads it; the supervisor must not block.
        assert process.wait(timeout=15) == 1
        assert not left(folder)


def call(url: str, *, token: str = "", **body: Any) -> dict[str, Any]:
    headers = {"Content-Type": "application/json", **({"Authorization": f"Bearer {token}"} if token else {})}
    request = urllib.request.Request(url, data=json.dumps(body).encode() if body else None, headers=headers)
    with urllib.request.urlopen(request, timeout=30) as answer:
        return json.load(answer)


def test_the_whole_engine_serves_sweeps_and_leaves_nothing(folder: Path) -> None:
    """With real servers, web, worker and beat, the sweep alone expires an unconfirmed hold."""
    port = free_port()
    clean = {name: value for name, value in os.environ.items() if name not in {"DATABASE_URL", "REDIS_URL"}}
    environ = {
        **{name: value for name, value in clean.items() if not name.startswith(("OPD_", "DJANGO_", "PROMETHEUS_"))},
        **{"OPD_DATA_DIR": str(folder), "OPD_PORT": str(port), "OPD_HOLD_SECONDS": "0.5", "OPD_SWEEP_SECONDS": "0.5"},
    }
    command = "import os, sys; from devserver.run import run; sys.exit(run(environ=os.environ))"
    process = subprocess.Popen(
        [sys.executable, "-c", command], cwd=ROOT, env=environ, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
    )
    try:
        said = output_until(process, "is running.")
        assert any(line.startswith("==> Bringing the database up to date") for line in said)
        kept = credentials(path=folder / "credentials")
        assert kept is not None
        assert (folder / "credentials").stat().st_mode & 0o077 == 0
        api = f"http://127.0.0.1:{port}/api/v1"
        token = call(f"{api}/auth/token/", username=kept[0], password=kept[1])["access"]
        doctor = call(f"{api}/doctors/", token=token, name="Dr. Meera Iyer", specialization="Medicine")["id"]
        patient = call(f"{api}/patients/", token=token, name="Asha Rao", phone="+919800012345")["id"]
        start = clock.now() + timedelta(hours=2)
        times = {"start_time": start.isoformat(), "end_time": (start + timedelta(hours=1)).isoformat()}
        slot = call(f"{api}/slots/", token=token, doctor=doctor, max_capacity=1, **times)["id"]
        held = call(f"{api}/tokens/", token=token, slot_id=slot, patient_id=patient, category="ONLINE", hold=True)
        assert held["status"] == "PENDING"
        deadline = time.monotonic() + 30
        while (status := call(f"{api}/tokens/{held['id']}/", token=token)["status"]) != "EXPIRED":
            assert time.monotonic() < deadline, status
            time.sleep(0.2)
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=60)
        assert process.returncode == 0
        assert not left(folder)
        with pytest.raises(urllib.error.URLError):
            call(f"{api}/doctors/", token=token)
    finally:
        process.kill()
        process.wait()
        end_marked(mark=f"{MARK}={folder}")

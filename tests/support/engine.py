"""A complete engine as `./setup.sh` runs it (web, worker, beat, embedded servers), without the installation."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from devserver.data_dir import remove_home
from devserver.ports import free_port
from devserver.supervisor import answers
from devserver.test_and_demo import SHORT_TIMES, credentials

ROOT = Path(__file__).resolve().parents[2]
RUN = "import os, sys; from devserver.run import run; sys.exit(run(environ=dict(os.environ)))"


@contextmanager
def running_engine(*, data: Path, code: Path = ROOT, python: str = sys.executable) -> Iterator[dict[str, str]]:
    """Run an engine; yield OPD_URL, OPD_USERNAME and OPD_PASSWORD of its administrator."""
    dropped = ("OPD_", "DJANGO_", "PYTEST_", "DATABASE_", "REDIS_", "REPLICA_")
    clean = {name: value for name, value in os.environ.items() if not name.startswith(dropped)}
    port, log = free_port(), data.with_name(f"{data.name}.log")
    clean |= {**SHORT_TIMES, "OPD_DATA_DIR": str(data), "OPD_PORT": str(port), "PYTHONPATH": str(code)}
    with log.open("wb") as output:
        process = subprocess.Popen(
            [python, "-c", RUN], env=clean, cwd=code, stdin=subprocess.DEVNULL, stdout=output, stderr=output
        )
    try:
        deadline = time.monotonic() + 120
        while not answers(host="127.0.0.1", port=port):
            said = log.read_text(errors="replace")[-4000:]
            assert process.poll() is None, said
            assert time.monotonic() < deadline, said
            time.sleep(0.2)
        kept = credentials(path=data / "credentials")
        assert kept is not None
        yield {"OPD_URL": f"http://127.0.0.1:{port}", "OPD_USERNAME": kept[0], "OPD_PASSWORD": kept[1]}
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(timeout=60)
        remove_home(data_dir=data)

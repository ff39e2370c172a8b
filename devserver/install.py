"""The environment `.venv` with the locked requirements. Runs under the machine's own Python, with nothing installed."""

import hashlib
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

from devserver.console import step
from devserver.errors import SetupError
from devserver.processes import death_bound
from devserver.project import PYTHON, ROOT, VENV
from devserver.state import FileLock

PRODUCTION, EMBEDDED, CHECKS = "requirements.txt", "requirements-embedded.txt", "requirements-dev.txt"
MARKER = VENV / "installed.json"
LOG = VENV / "install.log"
UNFINISHED = VENV / "unfinished"  # is there while pip works, and stays when pip is killed
NEEDED_MB = 1_000
_UNREACHABLE = (
    "NewConnectionError",
    "ConnectTimeout",
    "ReadTimeout",
    "Could not fetch URL",
    "No matching distribution found",
    "Name or service not known",
    "Temporary failure in name resolution",
    "ProxyError",
    "SSLError",
    "Connection refused",
)


def install(*, lists: list[str], optional: tuple[str, ...] = ()) -> None:
    """See to it that these lists are installed in `.venv`, exactly as they are locked; quick when they are.

    A list in `optional` may have no package for this machine: the servers may be installed in another way.
    """
    if not _missing(lists=lists):
        return
    if not os.access(ROOT, os.W_OK):
        raise SetupError(f"No permission to write to {ROOT}. Run as the user the folder belongs to.")
    lock = FileLock(ROOT / ".venv.lock")
    if not lock.take():
        step("Waiting for another setup.sh that installs here")
        lock.take(wait=True)
    try:
        missing = _missing(lists=lists)
        if missing:
            need_space(folder=ROOT, megabytes=NEEDED_MB)
            if not _works():
                _make()
                missing = _missing(lists=lists)
            for name in missing:
                _install_list(name=name, required=name not in optional)
    finally:
        lock.release()


def need_space(*, folder: Path, megabytes: int) -> None:
    """Refuse to begin on a disk that is about full."""
    free = shutil.disk_usage(folder).free // 1_000_000
    if free < megabytes:
        raise SetupError(f"The disk of {folder} is full: {free} MB are free and {megabytes} MB are needed.")


def _missing(*, lists: list[str]) -> list[str]:
    done = _marker() if PYTHON.exists() else {}
    return [name for name in lists if done.get(name) != _fingerprint(name=name)]


def _fingerprint(*, name: str) -> str:
    return hashlib.sha256((ROOT / name).read_bytes() + str(VENV).encode()).hexdigest()


def _marker() -> dict[str, str]:
    try:
        content = json.loads(MARKER.read_text())
    except (OSError, ValueError):
        return {}
    return content if isinstance(content, dict) else {}


def _works() -> bool:
    """Whether .venv is whole: no pip was killed in it, its Python is new enough and knows it is there, and pip too."""
    if not PYTHON.exists() or UNFINISHED.exists():
        return False
    probe = "import sys, pip; print(sys.version_info >= (3, 11), sys.prefix)"
    shown = subprocess.run([str(PYTHON), "-c", probe], capture_output=True, text=True)
    return shown.stdout.strip() == f"True {VENV}"


def _make() -> None:
    step(f"Making the environment {VENV.name} with Python {sys.version.split()[0]}")
    if VENV.exists():
        shutil.rmtree(VENV)
    python = getattr(sys, "_base_executable", sys.executable)
    told = ""
    for command in (
        [python, "-m", "venv", str(VENV)],
        [python, "-m", "virtualenv", "-q", str(VENV)],
        ["virtualenv", "-q", "-p", python, str(VENV)],
        ["uv", "venv", "-q", "--seed", "-p", python, str(VENV)],
    ):
        if shutil.which(command[0]) is None:
            continue
        done = subprocess.run(command, capture_output=True, text=True)
        if done.returncode == 0 and _works():
            return
        told = told or f"{done.stdout}\n{done.stderr}"
        shutil.rmtree(VENV, ignore_errors=True)
    if "No space left" in told:
        raise SetupError(f"The disk of {ROOT} is full. Free some space and start again.")
    if "ensurepip" in told or "No module named venv" in told:
        version = f"{sys.version_info.major}.{sys.version_info.minor}"
        raise SetupError(
            f"This Python cannot make virtual environments. Install its venv part (Debian and Ubuntu: "
            f"apt-get install python{version}-venv) or the program virtualenv, and start again."
        )
    raise SetupError(f"The environment {VENV} could not be made:\n{told.strip()[-1500:]}")


def _install_list(*, name: str, required: bool) -> None:
    count = sum(
        1 for line in (ROOT / name).read_text().splitlines() if "==" in line and not line.startswith((" ", "#"))
    )
    step(f"Installing {count} packages of {name} (only the first time; about a minute)")
    command = [str(PYTHON), "-m", "pip", "install", "--require-hashes", "--no-input", "-r", str(ROOT / name)]
    unset = ("PIP_TARGET", "PIP_PREFIX", "PIP_REQUIREMENT", "PIP_CONSTRAINT", "PIP_USER")
    environ = {key: value for key, value in os.environ.items() if key not in unset}
    UNFINISHED.touch()
    with LOG.open("w") as log:
        code = subprocess.run(
            command, stdout=log, stderr=subprocess.STDOUT, cwd=ROOT, env=environ, preexec_fn=death_bound()
        ).returncode
    UNFINISHED.unlink()
    if code and required:
        raise _failure(name=name, told=LOG.read_text(errors="replace"))
    if code:
        step(f"Not all of {name} can be had for this machine; looking for PostgreSQL and Redis on the system instead")
    draft = MARKER.with_suffix(".draft")
    draft.write_text(json.dumps({**_marker(), name: _fingerprint(name=name)}))
    draft.replace(MARKER)


def _failure(*, name: str, told: str) -> SetupError:
    rows = told.strip().splitlines()
    tail = "\n".join(f"    {row}" for row in ([row for row in rows if row.startswith("ERROR")] or rows)[-6:])
    if "No space left on device" in told or "Disk quota exceeded" in told:
        return SetupError(f"The disk of {ROOT} is full: the packages do not fit. Free some space and start again.")
    if "DO NOT MATCH THE HASHES" in told:
        return SetupError(f"The package index offers other files than {name} names. Nothing was installed.\n{tail}")
    if "Permission denied" in told:
        return SetupError(f"No permission to install into {VENV}.\n{tail}")
    if any(sign in told for sign in _UNREACHABLE):
        return SetupError(
            "The package index cannot be reached, or lacks a package for this machine. Check the network, the proxy "
            f"and pip's index settings (PIP_INDEX_URL), and start again; what is installed stays. Log: {LOG}\n{tail}"
        )
    return SetupError(f"pip could not install {name}. The log: {LOG}\n{tail}")

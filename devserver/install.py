"""Create `.venv` with the locked requirements. Runs with the machine's own Python and no installed packages."""

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
UNFINISHED = VENV / "unfinished"  # exists while pip runs, and remains when pip is killed
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
    """Install these lists in `.venv`, exactly as they are locked; return at once when they are already installed.

    A list in `optional` may have no package for this machine: the servers may be installed in another way.
    """
    if not _missing(lists=lists):
        return
    if not os.access(ROOT, os.W_OK):
        raise SetupError(f"No permission to write to {ROOT}. Run as the user who owns the folder.")
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
    """Raise SetupError if the disk of the folder has less free space than this."""
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
    """Return whether .venv is usable.

    It is when no pip run in it was killed, its Python is new enough and has .venv as its prefix, and pip is importable.
    """
    if not PYTHON.exists() or UNFINISHED.exists():
        return False
    probe = "import sys, pip; print(sys.version_info >= (3, 11), sys.prefix)"
    shown = subprocess.run([str(PYTHON), "-c", probe], capture_output=True, text=True)
    return shown.stdout.strip() == f"True {VENV}"


def _make() -> None:
    step(f"Creating the environment {VENV.name} with Python {sys.version.split()[0]}")
    if VENV.exists():
        shutil.rmtree(VENV)
    python = getattr(sys, "_base_executable", sys.executable)
    output = ""
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
        output = output or f"{done.stdout}\n{done.stderr}"
        shutil.rmtree(VENV, ignore_errors=True)
    if "No space left" in output:
        raise SetupError(f"The disk of {ROOT} is full. Free some space and start again.")
    if "ensurepip" in output or "No module named venv" in output:
        version = f"{sys.version_info.major}.{sys.version_info.minor}"
        raise SetupError(
            f"This Python cannot create virtual environments. Install its venv module (Debian and Ubuntu: "
            f"apt-get install python{version}-venv) or the program virtualenv, and start again."
        )
    raise SetupError(f"The environment {VENV} could not be created:\n{output.strip()[-1500:]}")


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
        raise _failure(name=name, output=LOG.read_text(errors="replace"))
    if code:
        step(f"{name} has packages that do not exist for this machine; using the system's PostgreSQL and Redis")
    draft = MARKER.with_suffix(".draft")
    draft.write_text(json.dumps({**_marker(), name: _fingerprint(name=name)}))
    draft.replace(MARKER)


def _failure(*, name: str, output: str) -> SetupError:
    rows = output.strip().splitlines()
    tail = "\n".join(f"    {row}" for row in ([row for row in rows if row.startswith("ERROR")] or rows)[-6:])
    if "No space left on device" in output or "Disk quota exceeded" in output:
        return SetupError(f"The disk of {ROOT} is full: the packages do not fit. Free some space and start again.")
    if "DO NOT MATCH THE HASHES" in output:
        return SetupError(
            f"The files of the package index do not match the hashes in {name}. Nothing was installed.\n{tail}"
        )
    if "Permission denied" in output:
        return SetupError(f"No permission to install into {VENV}.\n{tail}")
    if any(sign in output for sign in _UNREACHABLE):
        return SetupError(
            "The package index cannot be reached, or lacks a package for this machine. Check the network, the proxy "
            "and pip's index settings (PIP_INDEX_URL), and start again; installed packages are kept. "
            f"Log: {LOG}\n{tail}"
        )
    return SetupError(f"pip could not install {name}. The log: {LOG}\n{tail}")

"""Started as root, the engine and its servers run as unprivileged users, wherever the checkout is."""

import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from devserver.data_dir import SHELTERS, remove_home
from devserver.places import OWNER, PREFIX
from devserver.project import MARK
from devserver.state import State
from devserver.unprivileged import application_user
from tests.support.engine import ROOT, running_engine

CODE = (
    "accounts",
    "clinics",
    "config",
    "core",
    "devserver",
    "events",
    "ops",
    "patients",
    "reports",
    "live",
    "tokens",
    "waitlist",
    "manage.py",
)
HERE = os.geteuid()


def copies() -> list[Path]:
    """Return the copies of Python that the engine made on this machine."""
    return [copy for shelter in SHELTERS for copy in shelter.glob(f"{PREFIX}*")]


@pytest.fixture(scope="module")  # a copy of Python is made for each
def private_checkout() -> Iterator[Path]:
    """A copy of the code in a directory with mode 700, created under umask 077."""
    top = Path(tempfile.mkdtemp(prefix="opd closed-")).resolve()
    for name in CODE:
        source = ROOT / name
        if source.is_dir():
            shutil.copytree(source, top / name, copy_function=shutil.copyfile)
        else:
            shutil.copyfile(source, top / name)
    for entry in top.rglob("*"):
        entry.chmod(0o700 if entry.is_dir() else 0o600)
    (top / ".venv").symlink_to(ROOT / ".venv")
    top.chmod(0o700)
    yield top
    remove_home(data_dir=top / ".opd")
    for copy in copies():
        if (copy / OWNER).read_text().strip() == str(top / ".venv"):
            shutil.rmtree(copy)
    shutil.rmtree(top, ignore_errors=True)


def uids(data: Path) -> dict[str, set[int]]:
    """Return the user of each process of an engine, by process name."""
    state, found = State(data), dict[str, set[int]]()
    for name in ("postgres", "redis", "web", "worker", "beat"):
        process = state.process(name)
        assert process is not None, name
        status = Path(f"/proc/{process.pid}/status").read_text()
        found[name] = {int(each) for row in status.splitlines() if row.startswith("Uid:") for each in row.split()[1:]}
    mark = f"{MARK}={data}".encode()
    for entry in Path("/proc").glob("[0-9]*"):
        try:
            if mark in (entry / "environ").read_bytes().split(b"\0"):
                found["web"].add(entry.stat().st_uid)
        except OSError:
            continue
    return found


def test_nothing_that_serves_runs_as_root(private_checkout: Path) -> None:
    data = private_checkout / ".opd"
    with running_engine(data=data, code=private_checkout):
        found = uids(data)
        user = application_user()
        if user is None:
            assert found == {name: {HERE} for name in found}
        else:
            assert {name: found[name] for name in ("redis", "web", "worker", "beat")} == {
                name: {user.pw_uid} for name in ("redis", "web", "worker", "beat")
            }
            assert 0 not in found["postgres"]
            assert user.pw_uid not in found["postgres"]  # it can't read the files of the database
        credentials = (data / "credentials").stat()
        assert (credentials.st_uid, credentials.st_mode & 0o777) == (HERE, 0o600)


def code_directory_of(checkout: Path) -> dict[str, str]:
    """Return the directory from which setup.sh in this checkout would run the engine."""
    program = (
        "import json, pathlib; from devserver.places import application_place as place; "
        "found = place(data_dir=pathlib.Path('.opd').resolve()); "
        "print(json.dumps({'code': str(found.code), 'data': str(found.data), 'python': found.python}))"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=checkout, capture_output=True, text=True, check=True, timeout=60
    )
    return dict(json.loads(done.stdout.splitlines()[-1]))


def test_the_code_that_runs_is_that_of_the_checkout_now(private_checkout: Path) -> None:
    (private_checkout / ".opd").mkdir(exist_ok=True)
    first = code_directory_of(private_checkout)
    assert code_directory_of(private_checkout) == first
    more = private_checkout / "core" / "more.py"
    more.write_text("HERE = True\n")
    second = code_directory_of(private_checkout)
    if application_user() is None:
        assert first == second
        assert first["code"] == str(private_checkout)
    else:
        assert (Path(second["code"]) / "core" / "more.py").read_text() == more.read_text()
        assert not Path(first["code"]).exists()
        for folder in (Path(second["data"]), Path(second["code"])):  # the engine can't change its code or plant links
            assert (folder.stat().st_uid, folder.stat().st_mode & 0o022) == (0, 0)


def test_copies_of_python_belong_to_root_and_name_their_environment() -> None:
    for copy in copies():
        assert copy.stat().st_uid == 0
        assert copy.stat().st_mode & 0o022 == 0
        assert Path((copy / OWNER).read_text().strip()).name == ".venv"

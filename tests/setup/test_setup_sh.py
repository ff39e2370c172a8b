"""setup.sh reports errors clearly and changes nothing."""

import os
import shutil
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from devserver import SetupError, install, project
from devserver.run import run

ROOT = Path(__file__).resolve().parents[2]


def setup_sh(*arguments: str, **environ: str) -> subprocess.CompletedProcess[str]:
    clean = {name: value for name, value in os.environ.items() if not name.startswith("OPD_")}
    return subprocess.run(
        [str(ROOT / "setup.sh"), *arguments],
        env={**clean, "OPD_PYTHON": sys.executable, **environ},
        capture_output=True,
        text=True,
        timeout=60,
    )


def test_help_names_every_command() -> None:
    done = setup_sh("help")
    assert done.returncode == 0
    for command in ("test", "demo", "audit", "manage", "stop", "web", "worker", "beat"):
        assert f"./setup.sh {command}" in done.stdout


def test_an_unknown_command_is_refused() -> None:
    done = setup_sh("frobnicate")
    assert (done.returncode, done.stdout) == (1, "")
    assert "no command 'frobnicate'" in done.stderr


def test_a_python_that_is_too_old_is_named(tmp_path: Path) -> None:
    for name in ("bash", "dirname", "env"):
        (tmp_path / name).symlink_to(shutil.which(name) or "/bin/false")
    for name in ("python3", "python"):
        (tmp_path / name).write_text('#!/bin/sh\n[ "$1" = --version ] && echo Python 3.8.18 && exit 0\nexit 1\n')
        (tmp_path / name).chmod(0o755)
    copy = tmp_path / "engine"
    copy.mkdir()
    shutil.copy(ROOT / "setup.sh", copy)
    done = subprocess.run(
        [str(copy / "setup.sh")], env={"PATH": str(tmp_path)}, capture_output=True, text=True, timeout=60
    )
    assert done.returncode == 1
    assert "Python 3.11 or later is needed (found: Python 3.8.18)" in done.stderr


def test_stopping_nothing_is_no_error(folder: Path) -> None:
    done = setup_sh("stop", OPD_DATA_DIR=str(folder))
    assert (done.returncode, done.stderr) == (0, "")
    assert "Nothing was running" in done.stdout


@pytest.mark.parametrize(
    ("environ", "told"),
    [
        ({"OPD_PORT": "many"}, "OPD_PORT must be a number from 1 to 65535"),
        ({"OPD_PORT": "0"}, "OPD_PORT must be a number from 1 to 65535"),
        ({"OPD_HOST": "192.0.2.1"}, "not an address of this machine"),
        ({"OPD_HOST": "no such host"}, "not an address of this machine"),
    ],
)
def test_an_address_that_cannot_be_is_refused(folder: Path, environ: dict[str, str], told: str) -> None:
    with pytest.raises(SetupError, match=told):
        run(environ={"OPD_DATA_DIR": str(folder), **environ})


def test_a_port_that_is_taken_is_named_with_a_way_out(folder: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        with pytest.raises(SetupError, match=f"Port {port} on 127.0.0.1 is taken.*OPD_PORT={port + 1} ./setup.sh"):
            run(environ={"OPD_DATA_DIR": str(folder), "OPD_PORT": str(port)})
    assert not (folder / "postgres").exists()


def test_a_full_disk_is_refused_before_anything_is_written(folder: Path) -> None:
    folder.mkdir()
    with pytest.raises(SetupError, match=r"The disk of .* is full: \d+ MB are free"):
        install.need_space(folder=folder, megabytes=10**9)


@pytest.mark.parametrize(
    ("pip_said", "told"),
    [
        ("ERROR: No matching distribution found for amqp==5.4.2", "package index cannot be reached"),
        ("OSError: [Errno 28] No space left on device", "disk of .* is full"),
        ("ERROR: THESE PACKAGES DO NOT MATCH THE HASHES FROM THE REQUIREMENTS FILE", "Nothing was installed"),
        ("ERROR: Could not install packages due to an OSError: [Errno 13] Permission denied", "No permission"),
        ("ERROR: something else", "pip could not install requirements.txt"),
    ],
)
def test_pip_errors_are_reported(pip_said: str, told: str) -> None:
    with pytest.raises(SetupError, match=told):
        raise install._failure(name="requirements.txt", output=pip_said)


def test_production_has_no_secret_of_its_own(folder: Path) -> None:
    folder.mkdir()
    with pytest.raises(SetupError, match="OPD_SECRET_KEY must be set"):
        project.app_environment(environ={"OPD_ENV": "production"}, data_dir=folder, urls={})
    made = project.app_environment(environ={}, data_dir=folder, urls={})
    assert len(made["OPD_SECRET_KEY"]) >= 50
    assert (folder / "secret_key").stat().st_mode & 0o077 == 0

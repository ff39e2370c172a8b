"""The unprivileged users that run the servers and the engine when setup.sh is started as root."""

import os
import pwd
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from devserver.errors import SetupError

Runner = pwd.struct_passwd


def runner_for(*, cluster: Path) -> Runner | None:
    """Return the unprivileged user that runs PostgreSQL if this process is root; None if it runs as the current user.

    An existing cluster that another user owns is run by that user.
    """
    if os.geteuid() != 0:
        return None
    if cluster.exists() and cluster.stat().st_uid != 0:
        return pwd.getpwuid(cluster.stat().st_uid)
    for name in ("postgres", "nobody", "daemon"):
        try:
            return pwd.getpwnam(name)
        except KeyError:
            continue
    raise SetupError(
        "PostgreSQL does not run as root and there is no user 'postgres' or 'nobody' on this machine to run it. "
        "Start setup.sh as an ordinary user, or set DATABASE_URL to a PostgreSQL server."
    )


def application_user() -> Runner | None:
    """Return the user that runs web, worker, beat and Valkey if this process is root; None for the current user.

    Where possible it is not PostgreSQL's user, so that the engine cannot read the files of the database.
    """
    if os.geteuid() != 0:
        return None
    for name in ("opd", "daemon", "nobody"):
        try:
            found = pwd.getpwnam(name)
        except KeyError:
            continue
        if found.pw_uid != 0:
            return found
    raise SetupError(
        "The engine does not run as root and there is no user 'opd', 'daemon' or 'nobody' on this machine to run it. "
        "Start setup.sh as an ordinary user."
    )


def attempt(
    *, command: list[str], runner: Runner | None, typed: str = "", more: Mapping[str, str] | None = None
) -> subprocess.CompletedProcess[str] | None:
    """Run a short command as that user in /; return None if the user cannot execute it."""
    try:
        return subprocess.run(
            command,
            cwd="/",
            env={**bare_environment(), **(more or {})},
            input=typed,
            capture_output=True,
            text=True,
            timeout=120,
            **as_user(runner=runner),
        )
    except OSError as error:
        if runner and not isinstance(error, PermissionError | FileNotFoundError):
            raise SetupError(f"Cannot run a program as the user {runner.pw_name}: {error}.") from error
        return None


def as_user(*, runner: Runner | None) -> dict[str, Any]:
    """Return the arguments of `subprocess.run` that run a program as that user."""
    return {"user": runner.pw_uid, "group": runner.pw_gid, "extra_groups": []} if runner else {}


def can_enter(*, folder: Path, runner: Runner | None) -> bool:
    """Return whether that user can enter the folder."""
    done = attempt(command=["/bin/sh", "-c", 'cd "$1"', "sh", str(folder)], runner=runner)
    return done is not None and done.returncode == 0


def bare_environment() -> dict[str, str]:
    """Return an environment without the caller's variables that could affect a server (PGDATA, LANG, LD_PRELOAD)."""
    return {"PATH": os.environ.get("PATH", os.defpath), "LC_ALL": "C", "TZ": "UTC"}

"""Which unprivileged users run the servers and the engine when setup.sh is started as root, and what they can reach."""

import os
import pwd
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from devserver.errors import SetupError

Runner = pwd.struct_passwd


def runner_for(*, cluster: Path) -> Runner | None:
    """The unprivileged user that runs PostgreSQL when we are root; None when we simply run it ourselves.

    Data that another user made before is run by that user.
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
    """The user that runs web, worker, beat and Valkey when we are root; None when we simply run them ourselves.

    Not PostgreSQL's user where there is a choice: the engine cannot read the files of the database then.
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
    """Run a short command as that user from /; None when it may not even be executed."""
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
    """What subprocess needs to be told to run a program as that user."""
    return {"user": runner.pw_uid, "group": runner.pw_gid, "extra_groups": []} if runner else {}


def can_enter(*, folder: Path, runner: Runner | None) -> bool:
    """Whether that user can work in the folder."""
    done = attempt(command=["/bin/sh", "-c", 'cd "$1"', "sh", str(folder)], runner=runner)
    return done is not None and done.returncode == 0


def bare_environment() -> dict[str, str]:
    """An environment in which nothing of the caller's (PGDATA, LANG, LD_PRELOAD ...) changes what PostgreSQL does."""
    return {"PATH": os.environ.get("PATH", os.defpath), "LC_ALL": "C", "TZ": "UTC"}

"""Who runs PostgreSQL, which refuses to be run by root, and whether that user can get at what it needs."""

import os
import pwd
import subprocess
from pathlib import Path
from typing import Any

from core.embedded.errors import SetupError

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


def attempt(*, command: list[str], runner: Runner | None, typed: str = "") -> subprocess.CompletedProcess[str] | None:
    """Run a short command as that user from /; None when it may not even be executed."""
    try:
        return subprocess.run(
            command,
            cwd="/",
            env=bare_environment(),
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

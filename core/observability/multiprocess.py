"""Counters of several worker processes, summed: each writes its own files, and whoever is asked reads all of them.

Imported before prometheus_client, which looks at the environment once.
"""

import os
import shutil
from pathlib import Path


def share_metrics(data_dir: Path) -> None:
    """Let this process and its sisters, the children of one server, count into one folder; remove those of the dead."""
    if os.environ.get("PROMETHEUS_MULTIPROC_DIR"):
        return
    home = data_dir / "metrics"
    mine = home / str(os.getppid())
    try:
        mine.mkdir(parents=True, exist_ok=True)
    except OSError:
        return  # each process answers for itself then
    for other in home.iterdir():
        if other.name.isdigit() and other != mine and not is_alive(int(other.name)):
            shutil.rmtree(other, ignore_errors=True)
    os.environ["PROMETHEUS_MULTIPROC_DIR"] = str(mine)


def is_alive(pid: int) -> bool:
    """Whether a process of this id runs."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except OSError:
        return True
    return True

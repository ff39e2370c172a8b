"""Sum the metrics of several worker processes: each writes its own files, and /metrics reads the files of all.

Import this module before prometheus_client, which reads the environment only when it is imported.
"""

import os
import shutil
from pathlib import Path


def share_metrics(data_dir: Path) -> None:
    """Use one metrics folder for all workers of one server, and remove the folders of servers that have ended."""
    if os.environ.get("PROMETHEUS_MULTIPROC_DIR"):
        return
    home = data_dir / "metrics"
    mine = home / str(os.getppid())
    try:
        mine.mkdir(parents=True, exist_ok=True)
    except OSError:
        return  # then each process reports only its own metrics
    for other in home.iterdir():
        if other.name.isdigit() and other != mine and not is_alive(int(other.name)):
            shutil.rmtree(other, ignore_errors=True)
    os.environ["PROMETHEUS_MULTIPROC_DIR"] = str(mine)


def is_alive(pid: int) -> bool:
    """Return whether a process with this id is running."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except OSError:
        return True
    return True

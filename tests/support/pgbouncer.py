"""A real PgBouncer in transaction mode, in front of a system's PostgreSQL."""

import contextlib
import os
import shutil
import socket
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import psycopg

from bench.chaos.system import HOST, System
from devserver.ports import free_port
from devserver.processes import spawn
from devserver.unprivileged import bare_environment, runner_for
from tests.support.eventually import eventually

CONFIG = """
[databases]
opd = host=127.0.0.1 port={postgres} dbname=opd
[pgbouncer]
listen_addr = 127.0.0.1
listen_port = {port}
unix_socket_dir =
auth_type = plain
auth_file = {users}
admin_users = opd
pool_mode = transaction
default_pool_size = {size}
max_client_conn = 200
query_wait_timeout = 10
"""
SYSTEM_PATH = os.pathsep.join([os.environ.get("PATH", os.defpath), "/usr/sbin", "/usr/local/sbin"])


class PgBouncerUnavailable(Exception):
    """PgBouncer is not installed, and its package can't be downloaded."""


@dataclass(frozen=True)
class Program:
    """An executable, and the directory of its libraries if it is not the system's."""

    path: str
    libraries: str = ""

    @property
    def environ(self) -> dict[str, str]:
        return {**bare_environment(), **({"LD_LIBRARY_PATH": self.libraries} if self.libraries else {})}


def find_program(folder: Path) -> Program:
    """Return PgBouncer from the PATH, or else unpack the distribution's package into `folder` without installing it."""
    if found := shutil.which("pgbouncer", path=SYSTEM_PATH):
        return Program(found)
    if not shutil.which("apt-get") or not shutil.which("dpkg"):
        raise PgBouncerUnavailable(
            "pgbouncer is not on the PATH, and this is no Debian or Ubuntu to fetch its package from"
        )
    folder.mkdir(mode=0o755)
    try:
        planned = _apt("install", "--simulate", "--no-install-recommends", "pgbouncer", folder=folder)
        names = [line.split()[1] for line in planned.splitlines() if line.startswith("Inst ")]
        _apt("download", *names, folder=folder)
        for package in folder.glob("*.deb"):
            subprocess.run(["dpkg", "-x", package, folder / "root"], check=True, capture_output=True)
        (folder / "root").chmod(0o755)
        (program,) = (folder / "root").glob("usr/*bin/pgbouncer")
    except (subprocess.SubprocessError, ValueError) as error:
        raise PgBouncerUnavailable(
            f"pgbouncer is not on the PATH, and apt-get does not give its package: {error}"
        ) from error
    return Program(str(program), str(next((folder / "root/usr/lib").glob("*-linux-*"), folder)))


def _apt(*words: str, folder: Path) -> str:
    done = subprocess.run(["apt-get", "-q", *words], cwd=folder, capture_output=True, text=True, timeout=60)
    done.check_returncode()
    return done.stdout


@contextlib.contextmanager
def pgbouncer(system: System, *, size: int) -> Iterator[str]:
    """Yield the database URL through a PgBouncer of this pool size, or raise PgBouncerUnavailable."""
    program = find_program(system.postgres.home / "package")
    runner = runner_for(cluster=system.postgres.folder)  # it refuses to be run by root, as PostgreSQL does
    home = system.postgres.home / "pgbouncer"
    home.mkdir(mode=0o700)
    port, users, config = free_port(), home / "users.txt", home / "pgbouncer.ini"
    users.write_text(f'"opd" "{system.postgres.password}"\n')
    config.write_text(CONFIG.format(postgres=system.postgres.port, port=port, users=users, size=size))
    if runner:
        for each in (home, users, config):
            os.chown(each, runner.pw_uid, runner.pw_gid)
    with (system.folder / "pgbouncer.log").open("ab") as output:
        process = spawn(
            command=[program.path, str(config)], environ=program.environ, cwd=Path("/"), output=output, runner=runner
        )
    try:
        eventually(lambda: _answers(port))
        yield system.postgres.url.replace(f":{system.postgres.port}/", f":{port}/")
    finally:
        process.kill()
        process.wait()


def _answers(port: int) -> bool:
    with contextlib.suppress(OSError), socket.create_connection((HOST, port), timeout=1):
        return True
    return False


def console(url: str, statement: str) -> list[dict[str, object]]:
    """Return the rows of a PgBouncer admin console command."""
    address = url.rpartition("/")[0] + "/pgbouncer"
    with psycopg.connect(address, autocommit=True, cursor_factory=psycopg.ClientCursor) as link:
        cursor = link.execute(statement)
        names = [column.name for column in cursor.description or ()]
        return [dict(zip(names, row, strict=True)) for row in cursor]

"""An embedded PostgreSQL server, for a machine that has none and for tests that stop, freeze and kill it."""

import hashlib
import os
import secrets
import shutil
import signal
import subprocess
import time
from functools import cached_property
from pathlib import Path

from devserver import binaries
from devserver.data_dir import home_of
from devserver.errors import SetupError
from devserver.processes import spawn
from devserver.roles import Login, role_statements
from devserver.server import EmbeddedServer
from devserver.state import secret
from devserver.unprivileged import Runner, attempt, bare_environment, can_enter, runner_for

DATABASE, USER = "opd", "opd"
OWNER, APPLICATION = "opd_owner", "opd_app"
# All settings are passed on the command line, so that the configuration in the data folder stays as initdb made it. The
# log gets no statements and no row contents, because those name patients.
SETTINGS = {
    "listen_addresses": "127.0.0.1",
    "unix_socket_directories": "",
    "max_connections": "200",
    "shared_buffers": "128MB",
    "timezone": "UTC",
    "log_timezone": "UTC",
    "log_min_error_statement": "panic",
    "log_error_verbosity": "terse",
    "logging_collector": "off",
    "log_line_prefix": "%m [%p] ",
}
# For tests: faster, but a crash of the machine may lose data; a crash of the server alone still loses nothing.
WITHOUT_FSYNC = {"fsync": "off", "full_page_writes": "off"}


class EmbeddedPostgres(EmbeddedServer):
    """A PostgreSQL server on the loopback with a database `opd` and random passwords; its data persist."""

    name = "postgres"
    title = "PostgreSQL"
    known_as = ("postgres",)
    start_seconds = 120.0  # after a crash the server first replays its log
    stop_signal = signal.SIGINT  # "fast" shutdown: disconnects the clients

    def __init__(self, data_dir: Path | str, *, major: int | None = None, **options: bool) -> None:
        """`major` selects the version for a new cluster; an existing cluster keeps its version."""
        super().__init__(data_dir, **options)
        self._major = major

    @property
    def folder(self) -> Path:
        return self.home / "postgres"

    @cached_property
    def home(self) -> Path:
        return home_of(data_dir=self.data_dir, runner=self._first_runner)

    @cached_property
    def _first_runner(self) -> Runner | None:
        return runner_for(cluster=self.data_dir / "postgres")

    @cached_property
    def _runner(self) -> Runner | None:
        return runner_for(cluster=self.folder)

    @cached_property
    def programs(self) -> binaries.Postgres:
        """The installation in use: of the version that wrote the data, in a place where its user can execute it."""
        written_by = self.folder / "PG_VERSION"
        major = int(written_by.read_text().split(".")[0]) if written_by.exists() else self._major
        chosen = binaries.choose_postgres(major=major, cluster=self.folder)
        return binaries.usable_by(postgres=chosen, runner=self._runner, spare=self.home)

    @property
    def password(self) -> str:
        return secret(path=self.data_dir / "postgres.password")

    @property
    def url(self) -> str:
        """The URL of the superuser that initdb made; the engine uses the two in `urls`."""
        return self._url_of(Login(USER, self.password))

    @property
    def urls(self) -> dict[str, str]:
        return {
            "DATABASE_URL": self._url_of(self._login(APPLICATION)),
            "DATABASE_OWNER_URL": self._url_of(self._login(OWNER)),
        }

    def _url_of(self, login: Login) -> str:
        return f"postgres://{login.name}:{login.password}@127.0.0.1:{self.port}/{DATABASE}"

    def _login(self, name: str) -> Login:
        return Login(name, secret(path=self.data_dir / f"postgres.{name}.password"))

    def _prepare(self) -> None:
        if self.folder.exists() and self._runner is None and self.folder.stat().st_uid != os.geteuid():
            raise SetupError(f"The data in {self.folder} belong to another user. Run as that user.")
        if self._runner and self.folder.exists() and not can_enter(folder=self.folder, runner=self._runner):
            raise SetupError(f"The user {self._runner.pw_name} runs PostgreSQL and may not enter {self.folder}.")
        _ = self.programs
        if not (self.folder / "PG_VERSION").exists():
            self._initialise()

    def _initialise(self) -> None:
        """Make the cluster and its database in a draft folder and then rename it, so that it is never incomplete."""
        draft = self.home / f".postgres.{secrets.token_hex(4)}"
        for old in [*self.home.glob(".postgres.????????"), self.folder]:
            shutil.rmtree(old, ignore_errors=True)
        draft.mkdir(mode=0o700)
        password = draft.with_name(f"{draft.name}.password")
        password.write_text(self.password)
        password.chmod(0o600)
        if self._runner:
            for each in (draft, password):
                os.chown(each, self._runner.pw_uid, self._runner.pw_gid)
        cluster = draft / "data"
        command = [
            *(self.programs.program("initdb"), "-D", str(cluster), "-U", USER, "-A", "scram-sha-256"),
            *(f"--pwfile={password}", "--encoding=UTF8"),
            *([] if self.fsync else ["--no-sync"]),
        ]
        try:
            for locale in self._locales():
                done = attempt(command=[*command, *locale], runner=self._runner)
                if done is not None and done.returncode == 0:
                    break
            self._must(done, doing="initdb")
            done = self._single_user(f"CREATE DATABASE {DATABASE}", cluster=cluster)
            self._must(done, doing="CREATE DATABASE")
            cluster.rename(self.folder)
        finally:
            password.unlink(missing_ok=True)
            shutil.rmtree(draft, ignore_errors=True)

    def _locales(self) -> list[list[str]]:
        """Return initdb options for a UTF-8 locale, the best first: names are searched for in every script."""
        if self.programs.major >= 17:
            return [["--locale=C", "--locale-provider=builtin", "--builtin-locale=C.UTF-8"]]
        return [["--locale=C.UTF-8"], ["--locale=C"]]

    def _single_user(
        self, *statements: str, cluster: Path, database: str = "postgres"
    ) -> subprocess.CompletedProcess[str] | None:
        quick = [] if self.fsync else ["-c", "fsync=off"]
        command = [self.programs.program("postgres"), "--single", "-D", str(cluster), *quick, database]
        return attempt(command=command, runner=self._runner, typed="".join(f"{each}\n" for each in statements))

    def _make_roles(self) -> None:
        """Create the owner and the application role once; the owner becomes the owner of data from older versions."""
        statements = role_statements(owner=self._login(OWNER), application=self._login(APPLICATION), database=DATABASE)
        digest = hashlib.sha256("\n".join(statements).encode()).hexdigest()
        standby = (self.folder / "standby.signal").exists()  # a standby has the roles of its primary
        if not standby and self.state.get(self.name).get("roles") != digest:
            self._must(self._single_user(*statements, cluster=self.folder, database=DATABASE), doing="CREATE ROLE")
            self.state.put(self.name, roles=digest)

    def _must(self, done: subprocess.CompletedProcess[str] | None, *, doing: str) -> None:
        if done is None or done.returncode != 0 or "ERROR:" in done.stderr or "FATAL:" in done.stderr:
            output = f"{done.stdout}\n{done.stderr}" if done else "the program could not be executed"
            raise self._start_error(output=f"{doing} failed\n{output}")

    def _launch(self, *, port: int) -> subprocess.Popen[bytes]:
        # clear_leftovers has ended every server of this folder, so the process id in this file can only belong to an
        # unrelated process, and would prevent PostgreSQL from starting.
        (self.folder / "postmaster.pid").unlink(missing_ok=True)
        self._make_roles()
        settings = {**SETTINGS, "port": str(port), **({} if self.fsync else WITHOUT_FSYNC)}
        options = [part for name, value in settings.items() for part in ("-c", f"{name}={value}")]
        with self.log.open("ab") as output:
            os.chmod(self.log, 0o600)
            return spawn(
                command=[self.programs.program("postgres"), "-D", str(self.folder), *options],
                environ=bare_environment(),
                cwd=Path("/"),
                output=output,
                runner=self._runner,
                death_signal=signal.SIGINT if self.die_with_parent else None,
            )

    def _ready(self, *, pid: int) -> bool:
        try:
            lines = (self.folder / "postmaster.pid").read_text().splitlines()
        except OSError:
            return False
        return len(lines) > 7 and lines[0].strip() == str(pid) and lines[7].strip() == "ready"

    def kill(self) -> None:
        super().kill()
        # The shared memory of a killed server is released only after its last child has ended.
        time.sleep(0.05)

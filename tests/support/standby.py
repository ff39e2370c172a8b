"""A streaming replica of a system's PostgreSQL, created with pg_basebackup as an operator would."""

import contextlib
import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psycopg

from devserver import EmbeddedPostgres
from devserver.unprivileged import attempt
from tests.support.eventually import eventually


class Standby(EmbeddedPostgres):
    """A server that starts from a base backup of another and streams its changes."""

    def __init__(self, folder: Path, *, primary: EmbeddedPostgres) -> None:
        super().__init__(folder, fsync=False)
        self._primary = primary
        shutil.copy(primary.data_dir / "postgres.password", self.data_dir / "postgres.password")

    def _initialise(self) -> None:
        self.folder.mkdir(mode=0o700)
        if self._runner:
            os.chown(self.folder, self._runner.pw_uid, self._runner.pw_gid)
        command = [
            *(self.programs.program("pg_basebackup"), "--pgdata", str(self.folder), "--dbname", self._primary.url),
            *("--checkpoint", "fast", "--wal-method", "stream", "--write-recovery-conf", "--no-sync"),
        ]
        self._must(attempt(command=command, runner=self._runner), doing="pg_basebackup")

    def connect(self) -> psycopg.Connection[Any]:
        return psycopg.connect(self.url, autocommit=True, connect_timeout=5)

    def pause_replay(self) -> None:
        """Pause WAL replay; WAL is still received."""
        with self.connect() as link:
            link.execute("SELECT pg_wal_replay_pause()")
            eventually(lambda: link.execute("SELECT pg_get_wal_replay_pause_state()").fetchone() == ("paused",))

    def go_on(self) -> None:
        """Resume WAL replay."""
        with self.connect() as link:
            link.execute("SELECT pg_wal_replay_resume()")


@contextlib.contextmanager
def standby(primary: EmbeddedPostgres) -> Iterator[Standby]:
    """Yield a streaming replica of this server."""
    made = Standby(primary.data_dir / "standby", primary=primary)
    made.start()
    try:
        yield made
    finally:
        made.stop()

"""An embedded Valkey (or Redis) server, for a machine that has none and for tests that stop, freeze and kill it."""

import contextlib
import os
import socket
import subprocess
from functools import cached_property
from pathlib import Path

from devserver.binaries import runnable_redis
from devserver.data_dir import APPLICATION_POINTER, home_of
from devserver.processes import spawn
from devserver.server import EmbeddedServer
from devserver.state import secret, write_private
from devserver.unprivileged import Runner, application_user, bare_environment


class EmbeddedRedis(EmbeddedServer):
    """A Valkey server on the loopback with a random password. It stores nothing: the engine works without it."""

    name = "redis"
    title = "Redis (Valkey)"
    known_as = ("valkey-server", "redis-server")
    stop_seconds = 5.0

    @property
    def folder(self) -> Path:
        return self.home / "redis"

    @cached_property
    def home(self) -> Path:
        return home_of(data_dir=self.data_dir, runner=self._runner, pointer_name=APPLICATION_POINTER)

    @cached_property
    def _runner(self) -> Runner | None:
        return application_user()

    @property
    def _config(self) -> Path:
        return self.home / "valkey.conf"  # in a folder that the server's user cannot write to

    @property
    def password(self) -> str:
        return secret(path=self.data_dir / "redis.password")

    @property
    def url(self) -> str:
        return f"redis://:{self.password}@127.0.0.1:{self.port}/0"

    @property
    def urls(self) -> dict[str, str]:
        return {"REDIS_URL": self.url}

    def _prepare(self) -> None:
        self.folder.mkdir(mode=0o700, exist_ok=True)
        if self._runner:
            os.chown(self.folder, self._runner.pw_uid, self._runner.pw_gid, follow_symlinks=False)

    def _launch(self, *, port: int) -> subprocess.Popen[bytes]:
        lines = [
            "bind 127.0.0.1",
            f"port {port}",
            f"requirepass {self.password}",
            "protected-mode yes",
            'save ""',
            "appendonly no",
            "daemonize no",
        ]
        write_private(path=self._config, text="\n".join(lines) + "\n")
        if self._runner:
            os.chown(self._config, self._runner.pw_uid, self._runner.pw_gid)
        with self.log.open("ab") as output:
            os.chmod(self.log, 0o600)
            return spawn(
                command=[str(runnable_redis(runner=self._runner, spare=self.home)), str(self._config)],
                environ=bare_environment(),
                cwd=self.folder,
                output=output,
                runner=self._runner,
                death_signal=self.stop_signal if self.die_with_parent else None,
            )

    def _ready(self, *, pid: int) -> bool:
        port = next(
            (line.split()[1] for line in self._config.read_text().splitlines() if line.startswith("port ")),
            "0",
        )
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", int(port)), timeout=1) as link:
            link.sendall(f"AUTH {self.password}\r\nPING\r\n".encode())
            link.settimeout(1)
            answer = b""
            while answer.count(b"\r\n") < 2:
                part = link.recv(256)
                if not part:
                    break
                answer += part
            return answer == b"+OK\r\n+PONG\r\n"
        return False

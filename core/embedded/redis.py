"""Our own Valkey (or Redis) for a machine that has none, or for a test that wants to hurt one."""

import contextlib
import os
import socket
import subprocess
from pathlib import Path

from core.embedded.binaries import redis_server
from core.embedded.processes import spawn
from core.embedded.runners import bare_environment
from core.embedded.server import EmbeddedServer
from core.embedded.state import secret, write_private


class EmbeddedRedis(EmbeddedServer):
    """A Valkey server on the loopback with a random password. It keeps nothing: whoever needs it can do without it."""

    name = "redis"
    title = "Redis (Valkey)"
    known_as = ("valkey-server", "redis-server")
    stop_seconds = 5.0

    @property
    def folder(self) -> Path:
        return self.data_dir / "redis"

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

    def _launch(self, *, port: int) -> subprocess.Popen[bytes]:
        config = self.folder / "valkey.conf"
        lines = [
            "bind 127.0.0.1",
            f"port {port}",
            f"requirepass {self.password}",
            "protected-mode yes",
            'save ""',
            "appendonly no",
            "daemonize no",
        ]
        write_private(path=config, text="\n".join(lines) + "\n")
        with self.log.open("ab") as output:
            os.chmod(self.log, 0o600)
            return spawn(
                command=[str(redis_server()), str(config)],
                environ=bare_environment(),
                cwd=self.folder,
                output=output,
                death_signal=self.stop_signal if self.die_with_parent else None,
            )

    def _ready(self, *, pid: int) -> bool:
        port = next(
            (
                line.split()[1]
                for line in (self.folder / "valkey.conf").read_text().splitlines()
                if line.startswith("port ")
            ),
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

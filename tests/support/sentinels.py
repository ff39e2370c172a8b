"""A Redis primary with a replica and three sentinels, as a hospital would run for failover of the Redis lock."""

import contextlib
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import redis

from devserver import EmbeddedRedis
from devserver.binaries import redis_server
from devserver.ports import free_port
from devserver.processes import spawn
from devserver.state import prepare_data_dir, write_private
from devserver.unprivileged import bare_environment
from tests.support.eventually import eventually

NAME, QUORUM = "opd", 2
HOST = "127.0.0.1"


@dataclass
class Watched:
    """The primary, its replica, and the sentinels."""

    folder: Path
    primary: EmbeddedRedis
    replica: EmbeddedRedis
    sentinels: list[int] = field(default_factory=list)
    processes: list[subprocess.Popen[bytes]] = field(default_factory=list)

    @property
    def url(self) -> str:
        """The REDIS_URL for the engine."""
        places = ",".join(f"{HOST}:{port}" for port in self.sentinels)
        return f"sentinel://:{self.primary.password}@{places}/{NAME}/0"

    def primary_port(self) -> int:
        """Return the primary's port according to the sentinels."""
        with redis.Redis(HOST, self.sentinels[0], decode_responses=True) as sentinel:
            _, port = sentinel.sentinel_get_master_addr_by_name(NAME)
        return int(port)

    def start_sentinel(self) -> None:
        port = free_port(avoid=self.sentinels)
        home = prepare_data_dir(data_dir=self.folder / f"sentinel-{port}")
        lines = [
            f"bind {HOST}",
            f"port {port}",
            f"sentinel monitor {NAME} {HOST} {self.primary.port} {QUORUM}",
            f"sentinel auth-pass {NAME} {self.primary.password}",
            f"sentinel down-after-milliseconds {NAME} 500",
            f"sentinel failover-timeout {NAME} 2000",
        ]
        write_private(path=home / "sentinel.conf", text="\n".join(lines) + "\n")
        command = [str(redis_server()), str(home / "sentinel.conf"), "--sentinel"]
        with (home / "sentinel.log").open("ab") as output:
            self.processes.append(spawn(command=command, environ=bare_environment(), cwd=home, output=output))
        self.sentinels.append(port)

    def stop(self) -> None:
        for process in self.processes:
            process.kill()
            process.wait()


@contextlib.contextmanager
def watched_redis(folder: Path) -> Iterator[Watched]:
    """Start all five servers and wait until the sentinels agree on the topology."""
    with contextlib.ExitStack() as stack:
        primary, replica = (_redis(folder / name, folder / "primary") for name in ("primary", "replica"))
        for server in (primary, replica):
            server.start()
            stack.callback(server.stop)
            with redis.Redis.from_url(server.url) as link:
                link.config_set("masterauth", server.password)
                link.config_set("repl-diskless-sync-delay", 0)
                if server is replica:
                    link.replicaof(HOST, primary.port)
        watched = Watched(folder, primary, replica)
        stack.callback(watched.stop)
        eventually(lambda: _sees_replica(replica))
        for _ in range(3):
            watched.start_sentinel()
        eventually(lambda: all(_is_ready(port) for port in watched.sentinels))
        yield watched


def _redis(folder: Path, first: Path) -> EmbeddedRedis:
    server = EmbeddedRedis(folder, fsync=False)
    if folder != first:  # one password for both servers
        shutil.copy(first / "redis.password", folder / "redis.password")
    _ = server.password
    return server


def _sees_replica(replica: EmbeddedRedis) -> bool:
    with redis.Redis.from_url(replica.url) as link:
        return bool(link.info("replication")["master_link_status"] == "up")


def _is_ready(port: int) -> bool:
    with contextlib.suppress(redis.RedisError), redis.Redis(HOST, port, decode_responses=True) as sentinel:
        seen = sentinel.sentinel_master(NAME)
        return seen["num-slaves"] == 1 and seen["num-other-sentinels"] == 2
    return False

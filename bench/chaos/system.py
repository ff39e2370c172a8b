"""The system under test: PostgreSQL, Redis, a web server, a Celery worker and two beats, on their own ports."""

import contextlib
import http.client
import os
import secrets
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

import environ
import psycopg
from django.core.management import call_command
from django.db import connections
from django.db.utils import load_backend

from bench.chaos.proxy import CuttingProxy
from bench.processes import children_of
from devserver import EmbeddedPostgres, EmbeddedRedis
from devserver.ports import free_port
from devserver.processes import spawn, started_at
from devserver.project import ROOT, web_command
from devserver.throwaway import throwaway

T = TypeVar("T")
HOST = "127.0.0.1"
ENGINE = "config.wsgi:application"
NOWHERE = "redis://127.0.0.1:9/0"
SHORT_TIMES = {
    "OPD_HOLD_SECONDS": "3",
    "OPD_SWEEP_SECONDS": "0.5",
    "OPD_LOCK_LEASE_SECONDS": "1",
    "OPD_THROTTLING": "off",
    "OPD_WEB_WORKERS": "2",
    "OPD_WEB_THREADS": "32",
}


@dataclass
class Web:
    """A granian server with its workers."""

    port: int
    command: list[str]
    environ: dict[str, str]
    log: Path
    process: subprocess.Popen[bytes] | None = None

    @property
    def address(self) -> tuple[str, int]:
        return HOST, self.port

    @property
    def workers(self) -> list[int]:
        """The worker processes, oldest first, without the main process."""
        children = children_of(self.process.pid) if self.process else []
        return sorted((pid for pid in children if _serves(pid)), key=lambda pid: int(started_at(pid=pid) or 0))

    def start(self) -> None:
        with self.log.open("ab") as output:
            self.process = spawn(command=self.command, environ=self.environ, cwd=ROOT, output=output)

    def await_ready(self, seconds: float = 90) -> None:
        """Wait until the server answers; raise RuntimeError after `seconds`."""
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            with contextlib.suppress(OSError, http.client.HTTPException):
                link = http.client.HTTPConnection(HOST, self.port, timeout=5)
                link.request("GET", "/healthz/live")
                if link.getresponse().status == 200:
                    return
            time.sleep(0.1)
        raise RuntimeError(f"web did not start: {self.log.read_text(errors='replace')[-3000:]}")

    def terminate(self) -> None:
        """Send SIGTERM and wait until the server has ended."""
        assert self.process is not None
        self.process.terminate()
        self.process.wait(40)

    def kill(self) -> None:
        if self.process is not None and self.process.poll() is None:
            # The main process first: it would replace a worker that is killed before it.
            for pid in [self.process.pid, *self.workers]:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
            self.process.wait()


@dataclass
class System:
    """The servers and the engine's processes; `address` is where the clients send their requests."""

    folder: Path
    postgres: EmbeddedPostgres
    redis: EmbeddedRedis
    environ: dict[str, str]
    address: tuple[str, int] = (HOST, 0)
    web: Web = field(init=False)
    proxy: CuttingProxy | None = None
    celery: dict[str, subprocess.Popen[bytes]] = field(default_factory=dict)
    webs: list[Web] = field(default_factory=list)

    def connect(self) -> psycopg.Connection[Any]:
        return psycopg.connect(self.postgres.url, autocommit=True, connect_timeout=5)

    def inside(self, step: Callable[[], T]) -> T:
        """Run a function in this process on the database of this system; return its result."""

        def run() -> T:
            place = environ.Env().db_url_config(self.postgres.url)
            settings = {**connections.settings["default"], **place, "CONN_MAX_AGE": 0}
            connections["default"] = load_backend(settings["ENGINE"]).DatabaseWrapper(settings, "default")
            try:
                return step()
            finally:
                connections["default"].close()

        with ThreadPoolExecutor(1) as pool:
            return pool.submit(run).result()

    def new_web(self, *, application: str = ENGINE, redis_url: str | None = None) -> Web:
        """Return another web server on the same database, which is not started."""
        port = free_port()
        made = {**self.environ, "OPD_HOST": HOST, "OPD_PORT": str(port)}
        if redis_url:
            made["REDIS_URL"] = redis_url
        command = [sys.executable, *web_command(environ=made)[1:]]
        command[command.index(ENGINE)] = application
        web = Web(port, command, made, self.folder / f"web-{port}.log")
        self.webs.append(web)
        return web

    def start_celery(self, name: str) -> None:
        """Start `worker`, `beat1` or `beat2`."""
        if name == "worker":
            words = ["worker", "-c", "1", "--without-gossip", "--without-mingle", "--without-heartbeat"]
        else:
            words = ["beat", "-s", str(self.folder / f"{name}.schedule"), "--pidfile="]
        command = [sys.executable, "-m", "celery", "-A", "config", *words]
        with (self.folder / f"{name}.log").open("ab") as output:
            self.celery[name] = spawn(command=command, environ=self.environ, cwd=ROOT, output=output)

    def kill_celery(self, name: str) -> None:
        """Kill the process and its children with SIGKILL."""
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.celery[name].pid, signal.SIGKILL)
        self.celery[name].wait()

    def stop(self) -> None:
        """End all processes of the engine."""
        if self.proxy is not None:
            self.proxy.close()
        for name in self.celery:
            self.kill_celery(name)
        for web in self.webs:
            web.kill()


@contextlib.contextmanager
def running_system(
    *,
    application: str = ENGINE,
    with_redis: bool = True,
    celery: bool = True,
    beside: Callable[[System], AbstractContextManager[Mapping[str, str]]] | None = None,
) -> Iterator[System]:
    """Start the system, and remove all of it at the end of the block.

    `beside` starts more servers, and returns the variables to add to the environment of the engine's processes.
    """
    with throwaway() as folder, contextlib.ExitStack() as stack:
        postgres, redis = EmbeddedPostgres(folder, fsync=False), EmbeddedRedis(folder, fsync=False)
        for server in (postgres, redis):
            server.start()
            stack.callback(server.stop)
        system = System(folder, postgres, redis, _environment(folder, postgres, redis))
        stack.callback(system.stop)
        system.inside(lambda: call_command("migrate", interactive=False, verbosity=0))
        if beside is not None:
            system.environ |= stack.enter_context(beside(system))
        system.web = system.new_web(application=application, redis_url=None if with_redis else NOWHERE)
        system.web.start()
        for name in ("worker", "beat1", "beat2") if celery else ():
            system.start_celery(name)
        system.web.await_ready()
        system.address = system.web.address
        system.proxy = CuttingProxy(lambda: system.web.address)
        yield system


def _serves(pid: int) -> bool:
    with contextlib.suppress(OSError):
        return b"resource_tracker" not in Path(f"/proc/{pid}/cmdline").read_bytes()
    return False


def _environment(folder: Path, postgres: EmbeddedPostgres, redis: EmbeddedRedis) -> dict[str, str]:
    kept = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("OPD_", "DJANGO_", "PYTEST", "REPLICA_"))
    }
    return {
        **kept,
        **SHORT_TIMES,
        "PYTHONPATH": str(ROOT),
        "PYTHONUNBUFFERED": "1",
        "DJANGO_SETTINGS_MODULE": "config.settings.local",
        "DATABASE_URL": postgres.url,
        "REDIS_URL": redis.url,
        "OPD_DATA_DIR": str(folder),
        "OPD_SECRET_KEY": secrets.token_urlsafe(64),
    }

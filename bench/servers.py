"""The servers under measurement: a durable PostgreSQL and Redis of the benchmark's own, and granian as in setup.sh."""

import contextlib
import http.client
import os
import secrets
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import psycopg

from bench.processes import Usage, children_of, usage_of
from devserver import EmbeddedPostgres, EmbeddedRedis
from devserver.ports import free_port
from devserver.processes import spawn
from devserver.project import EVERY_PROCESS, MARK, ROOT, UNLESS_TOLD, web_command
from devserver.throwaway import throwaway

ENGINE, PLAIN = "engine", "plain"
HOST = "127.0.0.1"


@dataclass
class Web:
    """A granian server with its workers."""

    name: str
    port: int
    process: subprocess.Popen[bytes]

    @property
    def pids(self) -> list[int]:
        return [self.process.pid, *children_of(self.process.pid)]


@dataclass
class Stage:
    """The servers that run during a benchmark."""

    postgres: EmbeddedPostgres
    redis: EmbeddedRedis
    environ: dict[str, str]
    folder: Path
    webs: dict[str, Web] = field(default_factory=dict)

    def database_url(self, name: str) -> str:
        """Return the URL of one of the databases on the server."""
        return self.postgres.url.rsplit("/", 1)[0] + f"/{'opd' if name == ENGINE else name}"

    def connect(self, name: str = ENGINE) -> psycopg.Connection:
        return psycopg.connect(self.database_url(name), autocommit=True)

    def settings_of(self, name: str) -> dict[str, str]:
        """Return the environment of one of the two web servers."""
        plain = name == PLAIN
        return {
            **self.environ,
            "DATABASE_URL": self.database_url(name),
            "REDIS_URL": self.redis.url if not plain else self.redis.url.rsplit("/", 1)[0] + "/1",
            "DJANGO_SETTINGS_MODULE": "bench.plain.settings" if plain else "bench.settings",
        }

    def usage(self, name: str) -> dict[str, Usage]:
        """Return the CPU time and memory that the web server, PostgreSQL and Redis have used so far."""
        return {
            "web": usage_of(self.webs[name].pids),
            "postgres": usage_of([self.postgres.pid, *children_of(self.postgres.pid)]),
            "redis": usage_of([self.redis.pid]),
        }


@contextlib.contextmanager
def stage(*, workers: int, threads: int, extra: dict[str, str]) -> Iterator[Stage]:
    """Start PostgreSQL, Redis and both web servers, and remove all of them at the end of the block."""
    with throwaway() as folder, contextlib.ExitStack() as stack:
        postgres = EmbeddedPostgres(folder, fsync=True)
        redis = EmbeddedRedis(folder, fsync=True)
        for server in (postgres, redis):
            server.start()
            stack.callback(server.stop)
        _count_statements(postgres)
        made = Stage(postgres, redis, _environment(folder, workers, threads, extra), folder)
        with made.connect() as connection:
            connection.execute("CREATE DATABASE plain")
        for name in (ENGINE, PLAIN):
            with made.connect(name) as connection:
                connection.execute("CREATE EXTENSION pg_stat_statements")
        _migrate(made)
        for name, application in ((ENGINE, "config.wsgi:application"), (PLAIN, "bench.plain.wsgi:application")):
            made.webs[name] = web = _start_web(made, name, application)
            stack.callback(_stop_web, web)
        for web in made.webs.values():
            _await(web, made.folder)
        yield made


def _count_statements(postgres: EmbeddedPostgres) -> None:
    """Load pg_stat_statements with tracking off; it is on only while statements are counted."""
    with psycopg.connect(postgres.url, autocommit=True) as connection:
        for name, value in (("shared_preload_libraries", "pg_stat_statements"), ("pg_stat_statements.track", "none")):
            connection.execute(f"ALTER SYSTEM SET {name} = '{value}'")
    postgres.restart()


def _environment(folder: Path, workers: int, threads: int, extra: dict[str, str]) -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("OPD_", "DJANGO_"))}
    return {
        **UNLESS_TOLD,
        **kept,
        **EVERY_PROCESS,
        "OPD_DATA_DIR": str(folder),
        "OPD_SECRET_KEY": secrets.token_urlsafe(64),
        "OPD_ALLOWED_HOSTS": HOST,
        "OPD_NUM_PROXIES": "1",
        "OPD_THROTTLING": "off",
        "OPD_HOST": HOST,
        "OPD_WEB_WORKERS": str(workers),
        "OPD_WEB_THREADS": str(threads),
        MARK: str(folder),
        **extra,
    }


def _migrate(stage: Stage) -> None:
    """Create the tables of both hospitals, in parallel."""
    command = [sys.executable, "-m", "django", "migrate", "--noinput", "--run-syncdb", "--verbosity", "0"]
    running = {
        name: subprocess.Popen(
            command, env=stage.settings_of(name), cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
        )
        for name in (ENGINE, PLAIN)
    }
    for name, process in running.items():
        output, _ = process.communicate()
        if process.returncode:
            raise RuntimeError(f"the migration of {name} failed:\n{output[-4000:]}")


def _start_web(stage: Stage, name: str, application: str) -> Web:
    environ = {**stage.settings_of(name), "OPD_PORT": str(free_port())}
    command = _plain_command(environ, application) if name == PLAIN else web_command(environ=environ)
    command[0] = sys.executable
    with (stage.folder / f"{name}.log").open("ab") as output:
        process = spawn(command=command, environ=environ, cwd=ROOT, output=output)
    return Web(name, int(environ["OPD_PORT"]), process)


def _plain_command(environ: dict[str, str], application: str) -> list[str]:
    """Return a usual command line of granian, with as many workers and threads as the engine's server."""
    host, workers, threads = (environ[name] for name in ("OPD_HOST", "OPD_WEB_WORKERS", "OPD_WEB_THREADS"))
    return [
        *(sys.executable, "-m", "granian", "--interface", "wsgi", application, "--host", host),
        *("--port", environ["OPD_PORT"], "--workers", workers, "--blocking-threads", threads, "--no-ws"),
        *("--backlog", "2048", "--blocking-threads-idle-timeout", "600"),
    ]


def _await(web: Web, folder: Path) -> None:
    deadline = time.monotonic() + 60
    while not _is_live(web):
        if web.process.poll() is not None or time.monotonic() > deadline:
            raise RuntimeError(f"{web.name} did not start:\n{(folder / f'{web.name}.log').read_text()[-4000:]}")
        time.sleep(0.1)


def _is_live(web: Web) -> bool:
    link = http.client.HTTPConnection(HOST, web.port, timeout=2)
    try:
        link.request("GET", "/healthz/live")
        return link.getresponse().status == 200
    except (OSError, http.client.HTTPException):
        return False
    finally:
        link.close()


def _stop_web(web: Web) -> None:
    web.process.terminate()
    try:
        web.process.wait(timeout=20)
    except subprocess.TimeoutExpired:
        web.process.kill()
        web.process.wait()

"""Share the servers of a data folder between commands: the first one starts and stops them, the others use them."""

import contextlib
import time
from collections.abc import Iterator, Mapping
from pathlib import Path

from devserver.console import step
from devserver.errors import SetupError
from devserver.postgres import EmbeddedPostgres
from devserver.server import EmbeddedServer
from devserver.state import FileLock, State
from devserver.valkey import EmbeddedRedis

GIVEN = ("DATABASE_URL", "DATABASE_OWNER_URL", "REDIS_URL")
KINDS: dict[str, type[EmbeddedServer]] = {"DATABASE_URL": EmbeddedPostgres, "REDIS_URL": EmbeddedRedis}


def running_urls(*, data_dir: Path, environ: Mapping[str, str]) -> dict[str, str] | None:
    """Return the URLs from the environment and of servers that run in the data folder; None if one is missing."""
    state, urls = State(data_dir), _given(environ=environ)
    for name, kind in KINDS.items():
        if name in urls:
            continue
        if state.process(kind.name) and state.get(kind.name).get("port"):
            urls |= kind(data_dir).urls
        else:
            return None
    return urls


def _given(*, environ: Mapping[str, str]) -> dict[str, str]:
    """Return the URLs in the environment; the owner's URL counts only together with DATABASE_URL."""
    names = GIVEN if environ.get("DATABASE_URL") else ("REDIS_URL",)
    return {name: environ[name] for name in names if environ.get(name)}


def needed(*, environ: Mapping[str, str]) -> bool:
    """Return whether at least one server has to be started."""
    return not all(environ.get(name) for name in KINDS)


@contextlib.contextmanager
def started(*, data_dir: Path, environ: Mapping[str, str]) -> Iterator[tuple[dict[str, str], list[EmbeddedServer]]]:
    """Start the servers that the environment does not name; yield all URLs and the started servers."""
    urls = _given(environ=environ)
    running: list[EmbeddedServer] = []
    with contextlib.ExitStack() as stack:
        for name, kind in KINDS.items():
            if name not in urls:
                server = kind(data_dir)
                step(f"Starting {server.title}")
                server.start()
                stack.callback(server.stop)
                urls |= server.urls
                running.append(server)
        yield urls, running
        if running:
            step(f"Stopping {' and '.join(server.title for server in running)}")


@contextlib.contextmanager
def borrowed(*, data_dir: Path, environ: Mapping[str, str]) -> Iterator[dict[str, str]]:
    """Yield URLs for a short command: of the running servers, or of servers started for the block."""
    if not needed(environ=environ):
        yield _given(environ=environ)
        return
    owner, users = FileLock(data_dir / "servers.lock"), FileLock(data_dir / "users.lock")
    deadline = time.monotonic() + 120
    while not owner.take():
        with users.held(shared=True):
            if urls := running_urls(data_dir=data_dir, environ=environ):
                yield urls
                return
        if time.monotonic() > deadline:
            raise SetupError(
                f"Another setup.sh has locked the servers of {data_dir} and did not become ready in 120 s. "
                "Try: ./setup.sh stop"
            )
        time.sleep(0.1)
    try:
        with started(data_dir=data_dir, environ=environ) as (urls, _):
            yield urls
            users.take(wait=True)  # wait for the commands that borrowed the servers
    finally:
        users.release()
        owner.release()

"""The servers of a data folder, shared: who comes first starts them, others use them, the first one stops them."""

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
    """The URLs given by the environment and those of servers that run in the data folder; None if one is lacking."""
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
    """The addresses in the environment; the owner's only together with that of the engine."""
    names = GIVEN if environ.get("DATABASE_URL") else ("REDIS_URL",)
    return {name: environ[name] for name in names if environ.get(name)}


def needed(*, environ: Mapping[str, str]) -> bool:
    """Whether any server has to be started at all."""
    return not all(environ.get(name) for name in KINDS)


@contextlib.contextmanager
def started(*, data_dir: Path, environ: Mapping[str, str]) -> Iterator[tuple[dict[str, str], list[EmbeddedServer]]]:
    """Start the servers that the environment does not name; their URLs, and the servers."""
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
    """The URLs for a short piece of work: of the running servers, or of ones started for it."""
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
                f"Another setup.sh holds the servers of {data_dir} and does not get ready. Try: ./setup.sh stop"
            )
        time.sleep(0.1)
    try:
        with started(data_dir=data_dir, environ=environ) as (urls, _):
            yield urls
            users.take(wait=True)  # whoever borrowed them finishes first
    finally:
        users.release()
        owner.release()

"""Run both servers for the duration of a block of code."""

import contextlib
import os
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path

from devserver.data_dir import remove_home
from devserver.postgres import EmbeddedPostgres
from devserver.state import FileLock
from devserver.valkey import EmbeddedRedis

PREFIX = "opd-throwaway-"


@contextlib.contextmanager
def servers(
    data_dir: Path | str | None = None, *, fsync: bool = True, environ: Mapping[str, str] | None = None
) -> Iterator[dict[str, str]]:
    """Start PostgreSQL and Redis, yield `{"DATABASE_URL": ..., "REDIS_URL": ...}`, and stop them after the block.

    A URL that `environ` already contains is passed on, and no server is started for it. Without a data folder a
    temporary one is used and removed.
    """
    given = environ or {}
    urls: dict[str, str] = {}
    with contextlib.ExitStack() as stack:
        folder = stack.enter_context(throwaway()) if data_dir is None else data_dir
        for name, kind in (("DATABASE_URL", EmbeddedPostgres), ("REDIS_URL", EmbeddedRedis)):
            if given.get(name):
                urls[name] = given[name]
                continue
            server = kind(folder, fsync=fsync)
            server.start()
            stack.callback(server.stop)
            urls[name] = server.url
        yield urls


@contextlib.contextmanager
def throwaway() -> Iterator[Path]:
    """Yield a temporary folder and remove it after the block; first remove folders that killed runs left behind."""
    root = Path(tempfile.gettempdir()).resolve()
    for old in root.glob(f"{PREFIX}*"):
        with contextlib.suppress(OSError):
            if old.stat().st_uid == os.geteuid() and (old / "in-use").exists() and not FileLock.busy(old / "in-use"):
                remove_home(data_dir=old)
    folder = Path(tempfile.mkdtemp(prefix=PREFIX, dir=root))
    lock = FileLock(folder / "in-use")
    lock.take()
    try:
        yield folder
    finally:
        remove_home(data_dir=folder)
        lock.release()

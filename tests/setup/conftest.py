"""Fixtures: separate servers for each test, in directories that the PostgreSQL user may enter."""

import os
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import psycopg
import pytest

from devserver.data_dir import remove_home


@pytest.fixture
def folder() -> Iterator[Path]:
    """Return a data directory with a space in its name."""
    root = Path(tempfile.mkdtemp(prefix="opd setup-")).resolve()
    root.chmod(0o711 if os.geteuid() == 0 else 0o700)
    try:
        yield root / "data"
    finally:
        remove_home(data_dir=root / "data")
        remove_home(data_dir=root)


@pytest.fixture
def ask() -> Callable[..., object]:
    """Run one statement; return its value."""

    def ask(url: str, statement: str) -> object:
        with psycopg.connect(url, connect_timeout=5, autocommit=True) as connection:
            cursor = connection.execute(statement)  # type: ignore[arg-type]
            return cursor.fetchone()[0] if cursor.description else None  # type: ignore[index]

    return ask

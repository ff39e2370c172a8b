"""State of a data folder (ports, running processes, passwords) and the file locks that say which command uses it."""

import contextlib
import fcntl
import json
import os
import secrets
from pathlib import Path
from typing import Any

from devserver.errors import SetupError
from devserver.processes import Identity


def prepare_data_dir(*, data_dir: Path) -> Path:
    """Make the data folder, closed to other users, and return its path.

    When root owns it, other users may pass through, because PostgreSQL's user has to.
    """
    try:
        data_dir.mkdir(parents=True, exist_ok=True)
        if data_dir.stat().st_uid == os.geteuid():
            data_dir.chmod(0o711 if os.geteuid() == 0 else 0o700)
    except OSError as error:
        raise SetupError(f"Cannot create the data folder {data_dir}: {error.strerror}. Set OPD_DATA_DIR.") from error
    if not os.access(data_dir, os.W_OK | os.X_OK):
        raise SetupError(
            f"No permission to write to the data folder {data_dir}: it belongs to another user. "
            "Run as that user, or set OPD_DATA_DIR to a folder of your own."
        )
    return data_dir.resolve()


def write_private(*, path: Path, text: str) -> None:
    """Write a file atomically, readable by its owner only."""
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    draft.replace(path)


def secret(*, path: Path, size: int = 32) -> str:
    """Return the random secret in this file; create it if there is none."""
    with contextlib.suppress(FileNotFoundError):
        if kept := path.read_text().strip():
            return kept
    write_private(path=path, text=secrets.token_hex(size) + "\n")
    return path.read_text().strip()


class State:
    """The state file of a data folder: facts by name."""

    def __init__(self, data_dir: Path) -> None:
        self.path = data_dir / "state.json"

    def read(self) -> dict[str, dict[str, Any]]:
        """Return all facts; a missing or truncated file counts as empty."""
        try:
            content = json.loads(self.path.read_text())
        except (FileNotFoundError, ValueError):
            return {}
        return content if isinstance(content, dict) else {}

    def get(self, name: str) -> dict[str, Any]:
        return self.read().get(name, {})

    def put(self, name: str, **facts: Any) -> None:
        """Add facts under a name; the value None removes a fact."""
        with self._alone():
            content = self.read()
            kept = {**content.get(name, {}), **facts}
            content[name] = {key: value for key, value in kept.items() if value is not None}
            write_private(path=self.path, text=json.dumps(content, indent=1) + "\n")

    def remember(self, name: str, identity: Identity | None) -> None:
        """Store which process runs under this name, or that none does."""
        self.put(name, pid=identity and identity.pid, started=identity and identity.started)

    def process(self, name: str) -> Identity | None:
        """Return the process that runs under this name, or None if it has ended."""
        facts = self.get(name)
        identity = Identity(pid=facts["pid"], started=facts["started"]) if "pid" in facts else None
        return identity if identity and identity.alive else None

    @contextlib.contextmanager
    def _alone(self):  # type: ignore[no-untyped-def]
        with FileLock(self.path.with_name("state.lock")).held():
            yield


class FileLock:
    """A lock on a file; the system releases it when its holder dies for any reason."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._handle: int | None = None

    def take(self, *, wait: bool = False, shared: bool = False) -> bool:
        """Take the lock; return False if another process holds it and `wait` is false."""
        handle = os.open(self.path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(handle, (fcntl.LOCK_SH if shared else fcntl.LOCK_EX) | (0 if wait else fcntl.LOCK_NB))
        except BlockingIOError:
            os.close(handle)
            return False
        except BaseException:
            os.close(handle)
            raise
        self._handle = handle
        return True

    @property
    def mine(self) -> bool:
        return self._handle is not None

    @staticmethod
    def busy(path: Path) -> bool:
        """Return whether the lock is held now."""
        probe = FileLock(path)
        if not probe.take():
            return True
        probe.release()
        return False

    def release(self) -> None:
        if self._handle is not None:
            os.close(self._handle)
            self._handle = None

    @contextlib.contextmanager
    def held(self, *, shared: bool = False):  # type: ignore[no-untyped-def]
        self.take(wait=True, shared=shared)
        try:
            yield
        finally:
            self.release()

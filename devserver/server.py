"""Base class of the two embedded servers: process, file lock, port, log, and waiting for the start."""

import contextlib
import os
import signal
import subprocess
import time
from pathlib import Path

from devserver.errors import SetupError
from devserver.ports import free_port
from devserver.processes import Identity, gone, identify, send, started_at, working_in
from devserver.state import FileLock, State, prepare_data_dir

LOG_LIMIT = 10 * 1024 * 1024


class PortTaken(Exception):
    """Another program took the port before the server could listen on it."""


class EmbeddedServer:
    """A server with its data in a data folder; by default it ends when the process that started it dies."""

    name = ""
    title = ""
    known_as: tuple[str, ...] = ()
    start_seconds = 30.0
    stop_seconds = 30.0
    stop_signal = signal.SIGTERM

    def __init__(self, data_dir: Path | str, *, fsync: bool = True, die_with_parent: bool = True) -> None:
        self.data_dir = prepare_data_dir(data_dir=Path(data_dir))
        self.fsync = fsync
        self.die_with_parent = die_with_parent
        self.state = State(self.data_dir)
        self.log = self.data_dir / f"{self.name}.log"
        self._owner = FileLock(self.data_dir / f"{self.name}.lock")
        self._process: subprocess.Popen[bytes] | None = None

    # Implemented by the subclasses

    @property
    def folder(self) -> Path:
        """The working directory of the server."""
        raise NotImplementedError

    @property
    def url(self) -> str:
        """The URL with the password."""
        raise NotImplementedError

    @property
    def urls(self) -> dict[str, str]:
        """The URLs that the engine uses, by the name of their setting."""
        raise NotImplementedError

    def _prepare(self) -> None:
        raise NotImplementedError

    def _launch(self, *, port: int) -> subprocess.Popen[bytes]:
        raise NotImplementedError

    def _ready(self, *, pid: int) -> bool:
        raise NotImplementedError

    # Common to both

    @property
    def port(self) -> int:
        """The port in use, or used last."""
        return int(self.state.get(self.name).get("port", 0))

    @property
    def running(self) -> bool:
        return self._process is not None and self._process.poll() is None

    @property
    def pid(self) -> int:
        """The process id of the main process."""
        if self._process is None:
            raise RuntimeError(f"{self.title} was not started")
        return self._process.pid

    def start(self) -> None:
        """End leftovers of a crashed run, start the server, and return when it answers."""
        if self.running:
            return
        if not (self._owner.mine or self._owner.take()):
            raise SetupError(f"{self.title} of {self.data_dir} is already running under another process.")
        try:
            self._prepare()
            self.clear_leftovers()
            self._start_on_some_port()
        except BaseException:
            self.stop()
            raise

    def stop(self) -> None:
        """Stop the server cleanly; kill it if it has not stopped after `stop_seconds`."""
        try:
            if self._process is not None:
                self.resume()
                self._end(identities=self._processes(), first=self.stop_signal)
                self._process.wait()
                self._process = None
                self.state.remember(self.name, None)
        finally:
            self._owner.release()

    def kill(self) -> None:
        """Send SIGKILL to every process of the server, as a crash would end it."""
        if self._process is not None:
            processes = self._processes()
            for identity in processes:
                send(identity=identity, number=signal.SIGKILL)
            self._process.wait()
            gone(identities=processes, within=self.stop_seconds)

    def restart(self) -> None:
        """Stop the server if it is running and start it again."""
        self.stop()
        self.start()

    def pause(self) -> None:
        """Freeze every process of the server with SIGSTOP: connections stay open and nothing answers."""
        for identity in self._processes():
            send(identity=identity, number=signal.SIGSTOP)

    def resume(self) -> None:
        """Let a frozen server continue."""
        for identity in self._processes():
            send(identity=identity, number=signal.SIGCONT)

    def clear_leftovers(self) -> int:
        """End the processes of this server that a killed run left behind; return how many there were."""
        left = [
            identity
            for pid in working_in(folder=self.folder, programs=self.known_as)
            if (identity := identify(pid=pid))
        ]
        if (known := self.state.process(self.name)) and known not in left:
            left.append(known)
        if left:
            self._end(identities=left, first=self.stop_signal)
        self.state.remember(self.name, None)
        return len(left)

    def _processes(self) -> list[Identity]:
        """Return the main process and its children, the main one first."""
        if self._process is None or not started_at(pid=self._process.pid):
            return []
        pids = [
            self._process.pid,
            *(pid for pid in working_in(folder=self.folder, programs=self.known_as) if pid != self._process.pid),
        ]
        return [identity for pid in pids if (identity := identify(pid=pid))]

    def _end(self, *, identities: list[Identity], first: int) -> None:
        for identity in identities:
            send(identity=identity, number=signal.SIGCONT)
        if identities:
            send(identity=identities[0], number=first)
        if not gone(identities=identities, within=self.stop_seconds):
            for identity in identities:
                send(identity=identity, number=signal.SIGKILL)
            gone(identities=identities, within=5)

    def _start_on_some_port(self) -> None:
        port = free_port(remembered=self.port)
        for _ in range(5):
            self._shorten_log()
            size = self.log.stat().st_size if self.log.exists() else 0
            self._process = self._launch(port=port)
            self.state.remember(self.name, identify(pid=self._process.pid))
            try:
                self._await_ready(log_from=size)
            except PortTaken:
                port = free_port(avoid=[port])
                continue
            self.state.put(self.name, port=port)
            return
        raise SetupError(f"{self.title} found no free port.")

    def _await_ready(self, *, log_from: int) -> None:
        assert self._process is not None
        deadline = time.monotonic() + self.start_seconds
        while not self._ready(pid=self._process.pid):
            if self._process.poll() is not None:
                raise self._start_error(output=self._log_tail(log_from=log_from))
            if time.monotonic() > deadline:
                raise SetupError(f"{self.title} did not answer within {self.start_seconds:.0f} s. Its log: {self.log}")
            time.sleep(0.01)

    def _start_error(self, *, output: str) -> Exception:
        """Return the exception for a start that failed with this output."""
        low = output.lower()
        if "address already in use" in low:
            return PortTaken()
        if "no space left on device" in low or "disk quota exceeded" in low:
            return SetupError(f"{self.title} could not start: the disk of {self.folder} is full. Free some space.")
        last = "\n".join(f"    {line}" for line in output.strip().splitlines()[-8:])
        return SetupError(f"{self.title} could not start. The end of its log ({self.log}):\n{last}")

    def _log_tail(self, *, log_from: int) -> str:
        with contextlib.suppress(OSError), self.log.open("rb") as file:
            file.seek(log_from)
            return file.read()[-8_000:].decode(errors="replace")
        return ""

    def _shorten_log(self) -> None:
        if self.log.exists() and self.log.stat().st_size > LOG_LIMIT:
            os.replace(self.log, self.log.with_suffix(".log.1"))

"""Web, worker and beat in the foreground: their lines on our output, and the end of all of them when we end.

Web that ends before it ever answered ends everything: somebody has to look. Once it has, it is started again at once.
Worker and beat are started again after a pause, and so are the two servers: meanwhile the engine books on without Redis
and Celery, and without the database it says so. Who dies again and again is given up, and all with it.
"""

import contextlib
import http.client
import os
import selectors
import signal
import subprocess
import time
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from devserver.console import OUT, complain, emit, step
from devserver.errors import SetupError
from devserver.places import Place
from devserver.processes import Identity, gone, identify, marked, send, spawn
from devserver.project import MARK
from devserver.server import EmbeddedServer
from devserver.signals import handle_stops, restore
from devserver.state import State

RESTART_SECONDS = 10.0
WEB_RESTART_SECONDS = 1.0
MAX_DEATHS = 5
PATIENCE = 20.0
KEPT = 4_000


@dataclass
class Child:
    """One process of the engine."""

    name: str
    command: list[str]
    restart: bool = True
    process: subprocess.Popen[bytes] | None = None
    deaths: list[float] = field(default_factory=list)
    due: float = 0.0
    rest: bytes = b""


class Supervisor:
    """Keeps the engine's processes and the embedded servers alive until somebody says stop."""

    def __init__(
        self, *, state: State, environ: Mapping[str, str], servers: Sequence[EmbeddedServer], place: Place
    ) -> None:
        self.state = state
        self.place = place
        self.mark = f"{MARK}={state.path.parent}"
        self.environ = {**place.environment(environ), MARK: str(state.path.parent)}
        self.servers = {server.name: server for server in servers}
        self.server_due: dict[str, float] = {}
        self.children: list[Child] = []
        self.selector = selectors.DefaultSelector()
        self.waiting: deque[bytes] = deque(maxlen=KEPT)
        self.asked = 0
        self.code = 0

    def run(self, *, children: Sequence[Child], ready: Callable[[], bool], announce: Callable[[], None]) -> int:
        """Run the children until a signal comes or one of them can't be kept alive; the exit code."""
        wake, poke = os.pipe()
        os.set_blocking(poke, False)
        self.selector.register(wake, selectors.EVENT_READ, None)
        before = handle_stops(self._on_signal)
        signal.set_wakeup_fd(poke, warn_on_full_buffer=False)
        self.children = list(children)
        announced, next_look = False, 0.0
        try:
            for child in self.children:
                self._start(child)
            while not self.asked:
                self._pump(timeout=0.2)
                self._look_after()
                if not announced and time.monotonic() > next_look:
                    next_look = time.monotonic() + 0.3
                    if announced := ready():
                        for child in self.children:
                            child.restart = True
                        announce()
        finally:
            self._stop_children()
            signal.set_wakeup_fd(-1)
            restore(before)
        return self.code

    def _on_signal(self, number: int, frame: object) -> None:
        self.asked += 1
        if self.asked > 2:  # somebody insists
            for child in self.children:
                self._send(child, signal.SIGKILL)

    def _start(self, child: Child) -> None:
        child.process = spawn(
            command=self.place.command(child.command),
            environ=self.environ,
            cwd=self.place.code,
            output=subprocess.PIPE,
            runner=self.place.runner,
        )
        self.state.remember(child.name, identify(pid=child.process.pid))
        assert child.process.stdout is not None
        os.set_blocking(child.process.stdout.fileno(), False)
        self.selector.register(child.process.stdout, selectors.EVENT_READ, child)

    def _look_after(self) -> None:
        now = time.monotonic()
        for child in self.children:
            if child.process is not None and child.process.poll() is not None:
                self._died(child, code=child.process.returncode, now=now)
            elif child.process is None and now >= child.due and not self.asked:
                self._start(child)
        for name, server in self.servers.items():
            self._look_after_server(name, server, now=now)

    def _died(self, child: Child, *, code: int, now: float) -> None:
        self._drain(child)
        self._send(child, signal.SIGKILL)  # what it may have left of its own children
        child.process = None
        self.state.remember(child.name, None)
        child.deaths = [when for when in child.deaths if now - when < 20 * RESTART_SECONDS] + [now]
        how = f"was killed by signal {-code}" if code < 0 else f"ended with code {code}"
        if self.asked:
            return
        if not child.restart or len(child.deaths) >= MAX_DEATHS:
            complain(f"{child.name} {how}: stopping everything.")
            self.asked, self.code = 1, 1
            return
        pause = WEB_RESTART_SECONDS if child.name == "web" else RESTART_SECONDS
        child.due = now + pause
        complain(f"{child.name} {how}; it is started again in {pause:.0f} s.")

    def _look_after_server(self, name: str, server: EmbeddedServer, *, now: float) -> None:
        if server.running:
            return
        if name not in self.server_due:
            self.server_due[name] = now + RESTART_SECONDS
            complain(f"{server.title} ended; it is started again in {RESTART_SECONDS:.0f} s.")
        elif now >= self.server_due[name]:
            try:
                server.restart()
            except SetupError as error:
                complain(str(error))
                self.asked, self.code = 1, 1
            else:
                step(f"{server.title} runs again")
            del self.server_due[name]

    def _pump(self, *, timeout: float) -> None:
        for key, _ in self.selector.select(timeout):
            if key.data is None:
                os.read(key.fd, 4096)
            else:
                self._read(key.data)
        self._write()

    def _read(self, child: Child) -> bool:
        assert child.process is not None
        assert child.process.stdout is not None
        try:
            part = os.read(child.process.stdout.fileno(), 65_536)
        except BlockingIOError:
            return False
        if not part:
            self.selector.unregister(child.process.stdout)
            child.process.stdout.close()
            return False
        *lines, child.rest = (child.rest + part).split(b"\n")
        prefix = f"{child.name:<6} | ".encode()
        self.waiting.extend(prefix + text + b"\n" for text in lines)
        return True

    def _drain(self, child: Child) -> None:
        if child.process is not None and child.process.stdout in {
            key.fileobj for key in self.selector.get_map().values()
        }:
            while self._read(child):
                pass
            if not child.process.stdout.closed:  # type: ignore[union-attr]
                self.selector.unregister(child.process.stdout)  # type: ignore[arg-type]
                child.process.stdout.close()  # type: ignore[union-attr]

    def _write(self) -> None:
        """Pass lines on as long as the other end takes them: a reader that has stopped reading must not stop us."""
        while self.waiting:
            if rest := emit(handle=OUT, text=self.waiting.popleft()):
                self.waiting.appendleft(rest)
                return

    def _send(self, child: Child, number: int) -> None:
        if child.process is not None:
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.killpg(child.process.pid, number)

    def _stop_children(self) -> None:
        if alive := [child for child in self.children if child.process is not None]:
            step(f"Stopping {', '.join(child.name for child in alive)}")
        for child in alive:
            # Only the head of the group: it ends its own children in good order.
            if child.process is not None and child.process.poll() is None:
                child.process.terminate()
        deadline = time.monotonic() + PATIENCE
        while any(child.process and child.process.poll() is None for child in alive) and time.monotonic() < deadline:
            self._pump(timeout=0.05)
        for child in alive:
            self._drain(child)
            self._send(child, signal.SIGKILL)
            if child.process is not None:
                child.process.wait()
            self.state.remember(child.name, None)
        end_marked(mark=self.mark)
        self._write()


def end_marked(*, mark: str, patience: float = 10.0) -> int:
    """End every process that was started by a supervisor of this data folder; how many there were."""
    mine = os.getpid()
    left = [found for pid in marked(mark=mark) if pid != mine and (found := identify(pid=pid))]
    _end(left, number=signal.SIGTERM, patience=patience)
    return len(left)


def _end(left: list[Identity], *, number: int, patience: float) -> None:
    for identity in left:
        send(identity=identity, number=number)
    if not gone(identities=left, within=patience if left else 0):
        for identity in left:
            send(identity=identity, number=signal.SIGKILL)
        gone(identities=left, within=5)


def answers(*, host: str, port: int, known_as: str = "", timeout: float = 2.0) -> bool:
    """Whether the web server there says that it is ready; `known_as` is a name that it answers to."""
    name = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)
    link = http.client.HTTPConnection(name, port, timeout=timeout)
    try:
        link.request("GET", "/healthz/ready", headers={"Host": known_as} if known_as else {})
        return link.getresponse().status == 200
    except (OSError, http.client.HTTPException):
        return False
    finally:
        link.close()

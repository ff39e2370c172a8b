"""The web server: granian, with checks of every request body (core.server.body), in front of a WSGI application.

    python -m core.server config.wsgi:application --host 127.0.0.1 --port 8000 --workers 2 --threads 32

Granian's WSGI mode blocks a thread without a time limit while it reads a body, reports a broken body as a short one,
and merges header names before the application sees them. Its ASGI mode has none of these faults, but runs Python on one
event loop (measured: a third fewer requests per second). So this server uses granian's ASGI worker without an event
loop (core.server.exchanges).

The server replaces a killed worker, however often. Granian itself exits, with all workers, when the same worker dies
twice within 5.5 s. This server exits only when workers fail to start and none is running.
"""

import argparse
import signal
import threading
import time
from typing import Any

from granian._granian import ASGIWorker, CallbackScheduler
from granian._signals import set_sync_signals
from granian.constants import HTTPModes, Interfaces
from granian.http import HTTP1Settings
from granian.log import logger
from granian.server.common import WORKERS_METHODS
from granian.server.mp import MPServer, WorkerProcess

MAX_HEAD_BYTES = 65_536
START_SECONDS = 30.0
PAUSE_SECONDS = 1.0
FAILED_STARTS = 4
KILLED = {-signal.SIGKILL, -signal.SIGTERM}


class Server(MPServer):
    """Granian's main process."""

    failed_starts = 0

    @staticmethod
    @WorkerProcess.wrap_target
    def _spawn_wsgi_worker(
        worker_id: int, app: Any, sock: Any, ipc: Any, loop: Any, mode: Any, *options: Any
    ) -> None:  # one worker process; the options are those of granian's method of this name
        from core.server.exchanges import AtOnce, Exchanges

        *numbers, _task, http_mode, http1, http2, websockets, static, _log, tls, _scope, metrics = options
        stop, stopped = set_sync_signals(), threading.Event()
        stop.add_cb(stopped.set)
        exchanges, at_once = Exchanges(app), AtOnce()
        threading.Thread(target=exchanges.watch, name="bodies", daemon=True).start()
        http = (http_mode, http1, http2, websockets)
        worker = ASGIWorker(worker_id, sock, ipc, *numbers, *http, static, *tls, metrics)  # type: ignore[call-arg]
        serve = getattr(worker, WORKERS_METHODS[mode][(sock[0] or sock[1]).is_uds()])
        scheduler = _Scheduler(at_once, None, None, None, None)
        scheduler._schedule_fn = exchanges.begin  # type: ignore[attr-defined]
        serve(scheduler, at_once, stop)
        stopped.wait()

    def _serve_loop(self, spawn_target: Any, target_loader: Any) -> None:
        while not self.interrupt_signal:
            self.main_loop_interrupt.wait(1.0)
            self.main_loop_interrupt.clear()
            if self.reload_signal:
                self._reload(spawn_target, target_loader)
            dead = [worker for worker in self.wrks if not worker.is_alive()]
            if dead and not self.interrupt_signal:
                self.interrupt_children = []
                if self._is_hopeless(dead):
                    logger.error("Workers fail to start, exiting")
                    self.interrupt_children = dead  # makes the exit code 1
                    break
                self._respawn_workers([worker.idx for worker in dead], spawn_target, target_loader)

    def _is_hopeless(self, dead: list[Any]) -> bool:
        """Return whether FAILED_STARTS starts failed while no worker ran for START_SECONDS; sleep after a failure."""
        now = time.monotonic()
        failed = [each for each in dead if each.inner.exitcode not in KILLED and now - each.birth < START_SECONDS]
        if any(each.is_alive() and now - each.birth >= START_SECONDS for each in self.wrks):
            self.failed_starts = 0
        self.failed_starts += len(failed)
        if failed and self.failed_starts < FAILED_STARTS:
            time.sleep(PAUSE_SECONDS)
        return self.failed_starts >= FAILED_STARTS


class _Scheduler(CallbackScheduler):
    """The object that granian's worker gets; it calls `_schedule_fn` with each request."""

    def __init__(self, *unused: Any) -> None:
        super().__init__()


def main() -> None:
    """Parse the arguments and serve until a signal to stop arrives."""
    parser = argparse.ArgumentParser(prog="python -m core.server", description="The web server.")
    parser.add_argument("application", help="module:name of a WSGI application")
    parser.add_argument("--host", required=True)
    for name in ("port", "workers", "threads"):
        parser.add_argument(f"--{name}", required=True, type=int)
    # Ten idle minutes before a thread ends, because each new thread opens a new database connection.
    parser.add_argument("--idle-seconds", default=600, type=int, help="idle time after which a thread ends (5 to 600)")
    given = parser.parse_args()
    Server(
        given.application,
        address=given.host,
        port=given.port,
        interface=Interfaces.WSGI,
        workers=given.workers,
        blocking_threads=given.threads,
        blocking_threads_idle_timeout=given.idle_seconds,
        http=HTTPModes.http1,
        http1_settings=HTTP1Settings(max_buffer_size=MAX_HEAD_BYTES),
        websockets=False,
        backlog=2048,
        respawn_failed_workers=True,
        workers_kill_timeout=10,
    ).serve()


if __name__ == "__main__":
    main()

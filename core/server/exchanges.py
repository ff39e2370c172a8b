"""Connect granian's worker process with the checks of core.server.body and the WSGI application.

Granian passes each request to a thread of the worker's pool. The thread starts the first read of the body and returns
to the pool; the thread that receives the last piece calls the application. So a slow body occupies no thread. One more
thread in each process looks every half second for overdue bodies and refuses their requests.
"""

import time
from typing import Any

from core import clock
from core.server.body import App, Body, answer

WATCH_SECONDS = 0.5


class AtOnce:
    """Replaces an event loop: runs each callback immediately, in the thread that reports the event."""

    def call_soon(self, callback: Any, *arguments: Any, context: Any = None) -> None:
        """Run the callback."""
        callback(*arguments)

    call_soon_threadsafe = call_soon


class Exchange:
    """One request and its answer. `watcher` is granian's object with the ASGI scope, `receive` and `send`."""

    def __init__(self, exchanges: "Exchanges", watcher: Any) -> None:
        self.exchanges = exchanges
        self.watcher = watcher
        self.body = Body(watcher.scope["headers"], began=clock.monotonic())
        self.reading: Any = None

    def go_on(self) -> None:
        """Start reading the next piece of the body, or answer if the body is finished."""
        if self.body.finished:
            self._answer()
            return
        self.reading = self.watcher.proto.receive()
        self.exchanges.waiting[self] = None
        self.reading.add_done_callback(self._arrived)

    def _arrived(self, reading: Any) -> None:
        try:
            del self.exchanges.waiting[self]
            self.reading = None  # breaks a reference cycle: the connection closes only when both objects are freed
            if reading.cancelled():
                self.body.give_up()
            else:
                self.body.receive(reading.result())
            self.go_on()
        except BaseException as error:
            self.watcher.err(error)

    def _answer(self) -> None:
        status, headers, content = answer(self.exchanges.app, self.watcher.scope, self.body)
        self.watcher.proto.send({"type": "http.response.start", "status": status, "headers": headers})
        self.watcher.proto.send({"type": "http.response.body", "body": content})
        self.watcher.done()


class Exchanges:
    """All requests of one worker process to a WSGI application."""

    def __init__(self, app: App) -> None:
        self.app = app
        self.waiting: dict[Exchange, None] = {}

    def begin(self, watcher: Any) -> None:
        """Accept a request from granian. Pass errors to `watcher.err`, because granian ignores exceptions here."""
        try:
            Exchange(self, watcher).go_on()
        except BaseException as error:
            watcher.err(error)

    def watch(self) -> None:
        """Refuse requests with overdue bodies until the process ends."""
        while True:
            time.sleep(WATCH_SECONDS)
            self._refuse_overdue()

    def _refuse_overdue(self) -> None:
        now = clock.monotonic()
        for exchange in list(self.waiting):
            if exchange.body.due < now and (reading := exchange.reading) is not None:
                reading.cancel()

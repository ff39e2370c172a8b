"""Clients that act like a hospital's systems: they book, hold, confirm, cancel, check in, call and read.

They record every request, and retry it with the same Idempotency-Key until they have a response.
"""

import contextlib
import http.client
import json
import queue
import random
import threading
import time
import uuid
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from bench.chaos.stage import Stage

TRIES_AT_ONCE = 3
SETTLE_SECONDS = 30.0
"""How long the retries may take after the last fault."""
RETRY_THREADS = 8


@dataclass
class Op:
    """A request, and what became of it. `lost`: the number of attempts without a response."""

    kind: str
    method: str
    path: str
    body: dict[str, Any] | None
    fault: str
    stage: Stage
    slot: str = ""
    patient: str = ""
    token: str = ""
    key: str = field(default_factory=lambda: uuid.uuid4().hex)
    asked_at: float = field(default_factory=time.monotonic)
    lost: int = 0
    status: int | None = None
    answer: Any = None
    answered_at: float = 0.0
    replayed: bool = False
    troubles: list[str] = field(default_factory=list)

    @property
    def acknowledged(self) -> bool:
        return self.status is not None and 200 <= self.status < 300 and self.method != "GET"


class History:
    """All requests of the clients; those without a response are retried in the background."""

    def __init__(self, address: Callable[[], tuple[str, int]], authorization: str) -> None:
        self.ops: list[Op] = []
        self._pending: queue.Queue[Op | None] = queue.Queue()
        self._open = 0
        self._over = False
        self._lock = threading.Lock()
        self.asking = lambda: Asker(address, authorization)
        self._threads = [threading.Thread(target=self._retry, daemon=True) for _ in range(RETRY_THREADS)]
        for thread in self._threads:
            thread.start()

    def note(self, op: Op) -> None:
        with self._lock:
            self.ops.append(op)

    def retry(self, op: Op) -> None:
        """Retry an op without a response in the background."""
        with self._lock:
            self._open += 1
        self._pending.put(op)

    def settle(self) -> None:
        """Wait until every op has a response, at most SETTLE_SECONDS seconds, and end the retries."""
        deadline = time.monotonic() + SETTLE_SECONDS
        while self._open and time.monotonic() < deadline:
            time.sleep(0.05)
        self._over = True
        for _ in self._threads:
            self._pending.put(None)
        for thread in self._threads:
            thread.join(30)

    def _retry(self) -> None:
        asker = self.asking()
        while (op := self._pending.get()) is not None and not self._over:
            if asker.ask(op):
                with self._lock:
                    self._open -= 1
            else:
                time.sleep(0.2)
                self._pending.put(op)


class Asker:
    """A connection to the present address of the system."""

    def __init__(self, address: Callable[[], tuple[str, int]], authorization: str) -> None:
        self._address = address
        self._headers = {"Authorization": authorization, "Content-Type": "application/json"}
        self._link: http.client.HTTPConnection | None = None
        self._at: tuple[str, int] | None = None

    def ask(self, op: Op) -> bool:
        """Send the request once; return whether it got a final response."""
        try:
            reply, raw = self._send(op)
        except (OSError, http.client.HTTPException):
            op.lost += 1
            self.hang_up()
            return False
        body = None
        with contextlib.suppress(ValueError):
            body = json.loads(raw) if raw else None
        code = body.get("code") if isinstance(body, dict) else None
        if reply.status == 503 or (reply.status == 409 and code == "idempotency-in-progress"):
            if reply.status == 503 and not reply.headers.get("Retry-After"):
                op.troubles.append("503 without Retry-After")
            return False
        op.status, op.answer, op.answered_at = reply.status, body, time.monotonic()
        op.replayed = reply.headers.get("Idempotency-Replayed") == "true"
        return True

    def _send(self, op: Op) -> tuple[http.client.HTTPResponse, bytes]:
        address = self._address()
        if self._link is None or self._at != address:
            self.hang_up()
            self._link, self._at = http.client.HTTPConnection(*address, timeout=10), address
        headers = self._headers if op.method == "GET" else {**self._headers, "Idempotency-Key": op.key}
        content = b"" if op.body is None else json.dumps(op.body).encode()
        self._link.request(op.method, "/api/v1/" + op.path, body=content, headers=headers)
        reply = self._link.getresponse()
        return reply, reply.read()

    def hang_up(self) -> None:
        if self._link is not None:
            self._link.close()
        self._link = None


class Client(threading.Thread):
    """Sends one request after another until it is stopped."""

    def __init__(
        self, number: int, history: History, scene: Callable[[], tuple[str, Stage]], stop: threading.Event, think: float
    ) -> None:
        super().__init__(daemon=True)
        self.history, self.scene, self.stop, self.think = history, scene, stop, think
        self.chance = random.Random(number)
        self.asker = history.asking()
        self.mine: list[tuple[Stage, str, str]] = []

    def run(self) -> None:
        while not self.stop.is_set():
            fault, stage = self.scene()
            self._one_thing(fault, stage)
            self.stop.wait(self.think * (0.5 + self.chance.random()))
        self.asker.hang_up()

    def _do(self, op: Op) -> Op:
        self.history.note(op)
        for attempt in range(TRIES_AT_ONCE):
            if self.asker.ask(op):
                return op
            time.sleep(0.05 * 2**attempt)
        self.history.retry(op)
        return op

    def _one_thing(self, fault: str, stage: Stage) -> None:
        slot, chance = self.chance.choice(stage.slots), self.chance.random()
        self.mine = [mine for mine in self.mine if mine[0] is stage]
        if chance < 0.15 and self.mine:
            self._act(fault, "cancel", *self.mine.pop(self.chance.randrange(len(self.mine))))
        elif chance < 0.30 and self.mine:
            self._act(fault, "check_in", *self.chance.choice(self.mine))
        elif chance < 0.40:
            self._do(Op("call_next", "POST", f"slots/{slot}/call_next/", {}, fault, stage, slot))
        elif chance < 0.43:
            body = {"delay_minutes": self.chance.choice((0, 10, 20, 45))}
            self._do(Op("delay", "PUT", f"slots/{slot}/delay/", body, fault, stage, slot))
        elif chance < 0.50:
            self._do(Op("look", "GET", f"slots/{slot}/tokens/?in_queue=true", None, fault, stage, slot))
        else:
            self._book(fault, stage, slot)

    def _book(self, fault: str, stage: Stage, slot: str) -> None:
        patient = stage.next_patient()
        if patient is None:
            return
        body: dict[str, Any] = {"slot_id": slot, "patient_id": patient}
        if self.chance.random() < 0.08:
            done = self._do(Op("emergency", "POST", "tokens/emergency/", body, fault, stage, slot, patient))
        else:
            body |= {"category": self.chance.choice(("PRIORITY_PAID", "FOLLOWUP", "ONLINE", "WALKIN"))}
            body |= {"join_waiting_list": self.chance.random() < 0.6, "hold": self.chance.random() < 0.25}
            done = self._do(Op("book", "POST", "tokens/", body, fault, stage, slot, patient))
        if done.status != 201:
            return
        token = done.answer["token"] if done.kind == "emergency" else done.answer
        if token["status"] == "PENDING" and self.chance.random() < 0.6:
            self._act(fault, "confirm", stage, slot, token["id"])
        self.mine.append((stage, slot, token["id"]))

    def _act(self, fault: str, kind: str, stage: Stage, slot: str, token: str) -> None:
        if kind == "cancel":
            self._do(Op(kind, "DELETE", f"tokens/{token}/", None, fault, stage, slot, token=token))
        else:
            self._do(Op(kind, "POST", f"tokens/{token}/{kind}/", {}, fault, stage, slot, token=token))

"""A target of the benchmark: a server with its sign-in, its patients and its slots."""

import http.client
import json
import time
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from bench import http_messages
from bench.servers import HOST, Stage

SESSION_SECONDS = 180.0  # PLAIN's access token lasts 300 seconds
USERNAME, PASSWORD = "bench-desk", "Quiet-Harbour-27"


class Target:
    """One of the two hospitals; its data are written without HTTP and it is measured over HTTP."""

    name = ""

    def __init__(self, stage: Stage) -> None:
        self.stage = stage
        self.port = stage.webs[self.name].port
        self.patients: list[str] = []
        self.token = ""
        self._signed_in_at = 0.0

    # These methods differ between the two.

    def prepare(self, *, patients: int) -> None:
        """Create a desk user and the patients, and sign in."""
        raise NotImplementedError

    def make_slots(self, *, doctors: int, each: int = 1, capacity: int, start: datetime | None = None) -> list[str]:
        """Create consecutive slots of one hour for new doctors; return their ids."""
        raise NotImplementedError

    def fill(self, slot: str, patients: Sequence[str], *, arrived: bool = False) -> list[str]:
        """Create tokens in a slot for these patients, or waiting-list entries once it is full; return their ids."""
        raise NotImplementedError

    def seats(self, slot: str) -> tuple[int, int]:
        """Return the number of seats held and of patients waiting, from the slot's row."""
        raise NotImplementedError

    # These methods are the same for both.

    def tomorrow(self) -> datetime:
        """Return 04:00 UTC of the day after tomorrow."""
        return datetime.now(UTC).replace(hour=4, minute=0, second=0, microsecond=0) + timedelta(days=2)

    def sign_in(self) -> None:
        """Sign in over HTTP as the desk does, unless the session is younger than SESSION_SECONDS."""
        if self.token and time.monotonic() - self._signed_in_at < SESSION_SECONDS:
            return
        body = {"username": USERNAME, "password": PASSWORD}
        status, _, answer = self.ask(http_messages.request("POST", "/api/v1/auth/token/", host=HOST, body=body))
        if status != 200:
            raise RuntimeError(f"sign-in at {self.name}: {status} {answer[:500]!r}")
        self.token, self._signed_in_at = json.loads(answer)["access"], time.monotonic()

    def ask(self, request: bytes) -> tuple[int, dict[str, str], bytes]:
        """Send a request on a new connection; return the status, headers and body of the response."""
        link = http.client.HTTPConnection(HOST, self.port, timeout=30)
        try:
            link.connect()
            link.sock.sendall(request)
            answer = http.client.HTTPResponse(link.sock)
            answer.begin()
            return answer.status, {name.lower(): value for name, value in answer.getheaders()}, answer.read()
        finally:
            link.close()

    def request(
        self,
        method: str,
        path: str,
        body: Any = None,
        *,
        headers: dict[str, str] | None = None,
        key: str | None = None,
        authorization: str | None = None,
    ) -> bytes:
        """Return the bytes of a request of the signed-in desk user or another caller; `key`: its Idempotency-Key."""
        return http_messages.request(
            method,
            f"/api/v1/{path}",
            host=HOST,
            authorization=authorization or f"Bearer {self.token}",
            body=body,
            headers={**(headers or {}), **({"Idempotency-Key": key} if key else {})},
        )

    def booking(self, slot: str, patient: str, category: str = "ONLINE", **caller: str | None) -> bytes:
        """Return the bytes of a booking; `caller`: see `request`."""
        body = {"slot_id": slot, "patient_id": patient, "category": category}
        return self.request("POST", "tokens/", body, **caller)  # type: ignore[arg-type]

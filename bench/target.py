"""What is measured: a server with its sign-in, its patients and its slots."""

import http.client
import json
import time
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from bench import http_messages
from bench.servers import HOST, Stage

SESSION_SECONDS = 180.0  # PLAIN's access token lasts five minutes
USERNAME, PASSWORD = "bench-desk", "Quiet-Harbour-27"


class Target:
    """One of the two hospitals, filled without HTTP and used over HTTP."""

    name = ""

    def __init__(self, stage: Stage) -> None:
        self.stage = stage
        self.port = stage.webs[self.name].port
        self.patients: list[str] = []
        self.token = ""
        self._signed_in_at = 0.0

    # What the two differ in.

    def prepare(self, *, patients: int) -> None:
        """Make a desk user and the patients, and sign in."""
        raise NotImplementedError

    def make_slots(self, *, doctors: int, each: int = 1, capacity: int, start: datetime | None = None) -> list[str]:
        """Slots of an hour, one after the other, for new doctors."""
        raise NotImplementedError

    def fill(self, slot: str, patients: Sequence[str], *, arrived: bool = False) -> list[str]:
        """Give these patients tokens of a slot, or places on its waiting list once it is full."""
        raise NotImplementedError

    def seats(self, slot: str) -> tuple[int, int]:
        """The seats held and the number of people waiting, as the slot's row tells."""
        raise NotImplementedError

    # What they share.

    def tomorrow(self) -> datetime:
        """Four in the morning, UTC, of the day after tomorrow."""
        return datetime.now(UTC).replace(hour=4, minute=0, second=0, microsecond=0) + timedelta(days=2)

    def sign_in(self) -> None:
        """Sign in over HTTP, as the desk does; a session that will last through the next scenario is kept."""
        if self.token and time.monotonic() - self._signed_in_at < SESSION_SECONDS:
            return
        body = {"username": USERNAME, "password": PASSWORD}
        status, _, answer = self.ask(http_messages.request("POST", "/api/v1/auth/token/", host=HOST, body=body))
        if status != 200:
            raise RuntimeError(f"sign-in at {self.name}: {status} {answer[:500]!r}")
        self.token, self._signed_in_at = json.loads(answer)["access"], time.monotonic()

    def ask(self, request: bytes) -> tuple[int, dict[str, str], bytes]:
        """Send one request on a connection of its own: status, headers, body."""
        link = http.client.HTTPConnection(HOST, self.port, timeout=30)
        try:
            link.connect()
            link.sock.sendall(request)
            answer = http.client.HTTPResponse(link.sock)
            answer.begin()
            return answer.status, {name.lower(): value for name, value in answer.getheaders()}, answer.read()
        finally:
            link.close()

    def request(self, method: str, path: str, body: Any = None, headers: dict[str, str] | None = None) -> bytes:
        """The bytes of a request of the signed-in desk."""
        return http_messages.request(method, f"/api/v1/{path}", host=HOST, token=self.token, body=body, headers=headers)

    def booking(self, slot: str, patient: str, category: str = "ONLINE", key: str | None = None) -> bytes:
        body = {"slot_id": slot, "patient_id": patient, "category": category}
        return self.request("POST", "tokens/", body, {"Idempotency-Key": key} if key else None)

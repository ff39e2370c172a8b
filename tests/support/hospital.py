"""Test data created over HTTP, with unique names.

Each test creates its own doctors and patients, so tests do not depend on each other's data, and the same tests
can run against a server that is in use.
"""

import secrets
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from threading import Barrier
from typing import Any
from zoneinfo import ZoneInfo

from tests.support.api import URL, Answer, Api, Wire, close_connections, new_transport

Json = dict[str, Any]
PASSWORD = "Quiet-Harbour-27"


def unique(word: str = "x") -> str:
    """Return a unique name."""
    return f"{word} {secrets.token_hex(4)}"


def phone() -> str:
    """Return a unique phone number."""
    return f"+9198{secrets.randbelow(10**8):08d}"


def when(text: str) -> datetime:
    """Parse a timestamp field."""
    return datetime.fromisoformat(text)


class Hospital:
    """Users of every role, and shortcuts that create objects and assert success."""

    def __init__(self, wire: Wire, username: str, password: str) -> None:
        self.wire = wire
        self.nobody = Api(wire)
        self._devices: dict[str, Api] = {}
        self.admin = self.sign_in(username, password)
        self.facility: Json = self.admin.get("facilities/").expect(200)["results"][0]
        self.zone = ZoneInfo(self.facility["time_zone"])
        self.desk = self.user("FRONT_DESK")

    # People who use the engine

    def sign_in(self, username: str, password: str = PASSWORD) -> Api:
        """Return a signed-in client that signs in again when its token has expired."""

        def renew() -> str:
            answer = self.nobody.post("auth/token/", {"username": username, "password": password})
            return f"Bearer {answer.expect(200)['access']}"

        return Api(self.wire, renew(), renew)

    def branch(self) -> "Hospital":
        """Create another facility with an ADMIN and a desk of its own; return it."""
        word = secrets.token_hex(4).upper()
        body = {"name": f"Branch {word}", "code": f"B-{word}", "time_zone": self.facility["time_zone"]}
        facility = self.admin.post("facilities/", body).expect(201)
        name = f"u{secrets.token_hex(5)}"
        admin = {"username": name, "email": f"{name}@example.org", "password": PASSWORD, "role": "ADMIN"}
        self.admin.post("users/", {**admin, "facility": facility["id"]}).expect(201)
        return Hospital(self.wire, name, PASSWORD)

    def concurrently(self, size: int, ask: Callable[[Api, int], Answer], by: Api | None = None) -> list[Answer]:
        """Send `size` requests at once, each over its own transport; return the responses."""
        start, authorization = Barrier(size), (by or self.desk).authorization

        def one(number: int) -> Answer:
            api = Api(new_transport(), authorization)
            start.wait(timeout=20)
            try:
                return ask(api, number)
            finally:
                close_connections()

        with ThreadPoolExecutor(size) as pool:
            return list(pool.map(one, range(size)))

    def user(self, role: str, **facts: Any) -> Api:
        """Create a user of this role; return a signed-in client."""
        name = f"u{secrets.token_hex(5)}"
        body = {"username": name, "email": f"{name}@example.org", "password": PASSWORD, "role": role, **facts}
        self.admin.post("users/", body).expect(201)
        return self.sign_in(name)

    def doctor_user(self, doctor: Json) -> Api:
        return self.user("DOCTOR", doctor=doctor["id"])

    def patient_user(self, *patients: Json) -> Api:
        return self.user("PATIENT", patients=[patient["id"] for patient in patients])

    def key(self, *scopes: str) -> Api:
        """Return a client with a new API key."""
        answer = self.admin.post("api-keys/", {"name": unique("system"), "scopes": list(scopes)})
        return Api(self.wire, f"Api-Key {answer.expect(201)['key']}")

    def device(self, kind: str) -> Api:
        """Return a client with the key of a board or a kiosk, which is created once."""
        if kind not in self._devices:
            made = self.admin.post(f"{kind}s/", {"name": unique(kind)}).expect(201)
            key = self.admin.post(f"{kind}s/{made['id']}/key/").expect(200)["key"]
            self._devices[kind] = Api(self.wire, f"{kind.title()} {key}")
        return self._devices[kind]

    # Times

    def at(self, clock_time: str = "09:00", day: int = 2) -> datetime:
        """Return a local time, `day` days from today."""
        today = self.now().astimezone(self.zone)
        hour, minute = map(int, clock_time.split(":"))
        return (today + timedelta(days=day)).replace(hour=hour, minute=minute, second=0, microsecond=0)

    def now(self) -> datetime:
        """Return the engine's current time: its clock in one process, else the machine's."""
        if URL:
            return datetime.now(self.zone)
        from core import clock

        return clock.now().astimezone(self.zone)

    # Things

    def doctor(self, **facts: Any) -> Json:
        body = {"name": unique("Dr"), "specialization": "General Medicine", **facts}
        return self.admin.post("doctors/", body).expect(201)

    def patient(self, **facts: Any) -> Json:
        body = {"name": unique("Patient"), "phone": phone(), **facts}
        return self.desk.post("patients/", body).expect(201)

    def slot(
        self,
        doctor: Json | None = None,
        *,
        capacity: int = 5,
        start: datetime | None = None,
        minutes: int = 60,
        consultation: int = 10,
    ) -> Json:
        doctor = doctor or self.doctor(consultation_minutes=consultation)
        start = start or self.at()
        body = {
            "doctor": doctor["id"],
            "start_time": start.isoformat(),
            "end_time": (start + timedelta(minutes=minutes)).isoformat(),
            "max_capacity": capacity,
        }
        return self.desk.post("slots/", body).expect(201)

    def full_slot(self, capacity: int = 2, **facts: Any) -> tuple[Json, list[Json]]:
        """Create a full slot; return it and its tokens."""
        slot = self.slot(capacity=capacity, **facts)
        return slot, [self.token(slot) for _ in range(capacity)]

    def ask(
        self,
        slot: Json,
        patient: Json | None = None,
        category: str = "WALKIN",
        *,
        by: Api | None = None,
        **facts: Any,
    ) -> Answer:
        """Request a token; return the response."""
        patient = patient or self.patient()
        body = {"slot_id": slot["id"], "patient_id": patient["id"], "category": category, **facts}
        return (by or self.desk).post("tokens/", body)

    def token(self, slot: Json, patient: Json | None = None, category: str = "WALKIN", **facts: Any) -> Json:
        """Book a token."""
        return self.ask(slot, patient, category, **facts).expect(201)

    def entry(self, slot: Json, patient: Json | None = None, category: str = "WALKIN", **facts: Any) -> Json:
        """Join the waiting list of a full slot."""
        body = self.ask(slot, patient, category, **facts).expect(202)
        assert body["outcome"] == "WAITLISTED"
        return body["waiting_list_entry"]

    def emergency(self, slot: Json, patient: Json | None = None, *, by: Api | None = None, **facts: Any) -> Json:
        """Book a token for a new emergency."""
        patient = patient or self.patient()
        body = {"slot_id": slot["id"], "patient_id": patient["id"], **facts}
        return (by or self.desk).post("tokens/emergency/", body).expect(201)["token"]

    # Deeds and looks

    def do(self, token: Json, action: str, body: Json | None = None, *, by: Api | None = None) -> Answer:
        """Send one action on a token: confirm, check_in, call, ... or cancel."""
        api = by or self.desk
        if action == "cancel":
            return api.delete(f"tokens/{token['id']}/")
        if action == "buffer":
            return api.delete(f"tokens/{token['id']}/?buffer=true")
        return api.post(f"tokens/{token['id']}/{action}/", body)

    def done(self, token: Json, *actions: str) -> Json:
        """Perform these actions, asserting success; return the token."""
        for action in actions:
            self.do(token, action).expect(200)
        return self.read(token)

    def read(self, token: Json, *, by: Api | None = None) -> Json:
        return (by or self.desk).get(f"tokens/{token['id']}/").expect(200)

    def slot_now(self, slot: Json) -> Json:
        return self.desk.get(f"slots/{slot['id']}/").expect(200)

    def tokens_of(self, slot: Json, *, by: Api | None = None) -> list[Json]:
        return (by or self.desk).get(f"slots/{slot['id']}/tokens/").expect(200)

    def queue(self, slot: Json) -> list[Json]:
        """Return the queue in order."""
        return self.desk.get(f"slots/{slot['id']}/tokens/", in_queue="true").expect(200)

    def waiting(self, slot: Json) -> list[Json]:
        return self.desk.get("waiting-list/by_slot/", slot_id=slot["id"]).expect(200)

    def entry_now(self, entry: Json, status: str = "WAITING,PROMOTED,WITHDRAWN,EXPIRED") -> Json:
        page = self.desk.get("waiting-list/", slot=entry["slot"], status=status).expect(200)
        return next(each for each in page["results"] if each["id"] == entry["id"])

    def delay(self, slot: Json, minutes: int, *, dry_run: bool = False) -> Json:
        query = "?dry_run=true" if dry_run else ""
        return self.desk.put(f"slots/{slot['id']}/delay/{query}", {"delay_minutes": minutes}).expect(200)

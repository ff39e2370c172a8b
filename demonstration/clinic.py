"""The helpers of a scenario: a new doctor and new patients for each, so that existing data do not matter."""

import secrets
import time
from collections.abc import Callable, Sequence
from datetime import date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from demonstration.board import Board
from demonstration.client import Client
from demonstration.outcome import expect

Thing = dict[str, Any]

FIRST = (
    "Aarav Asha Bina Chandra Deepa Farhan Gita Harish Imran Jaya Kavya Latha Mohan Nisha Omkar Priya Qadir Rohan Sita"
)
LAST = "Rao Iyer Khan Das Menon Patel Singh Bose Nair Joshi Reddy Shah Pillai Gupta Ali Kulkarni Roy"
SHORT_TIMES_SECONDS = 15
SWEEP_WAIT_SECONDS = 25


class Clinic:
    """The actions of a scenario: register patients, open slots, act on tokens, read queues and print."""

    def __init__(self, *, client: Client, board: Board, name: str) -> None:
        self.client = client
        self.board = board
        self.run = secrets.token_hex(3)
        self._people = 0
        self.facility: Thing = client.get("facilities/")["results"][0]
        self.zone = ZoneInfo(self.facility["time_zone"])
        board.zone = self.zone
        self.doctor = self.new_doctor(name)

    # Doctors, rooms, patients and slots

    def new_doctor(self, name: str) -> Thing:
        """Add a doctor whose consultations take ten minutes."""
        body = {"name": f"Dr. {name} {self.run}", "specialization": "General medicine", "consultation_minutes": 10}
        return dict(self.client.post("doctors/", body, want=201))

    def rooms(self, number: int) -> list[Thing]:
        """Add this many rooms."""
        names = [f"Room {count} {self.run}" for count in range(1, number + 1)]
        bodies = [{"name": name, "code": name.replace(" ", "-")} for name in names]
        return [dict(self.client.post("rooms/", body, want=201)) for body in bodies]

    def patient(self, *, name: str = "", **facts: Any) -> Thing:
        """Register a new patient with a random phone number."""
        if not name:
            first, last = FIRST.split(), LAST.split()
            name = f"{first[self._people % len(first)]} {last[self._people * 7 % len(last)]}"
        self._people += 1
        phone = f"+9190{secrets.randbelow(10**8):08d}"
        body = {"name": name, "phone": phone, "allow_duplicate": True, **facts}
        return dict(self.client.post("patients/", body, want=201))

    def tomorrow(self) -> date:
        """Return tomorrow's date in the facility's time zone."""
        return self.client.now().astimezone(self.zone).date() + timedelta(days=1)

    def slot(self, *, start: str, end: str, seats: int, **more: Any) -> Thing:
        """Open a slot tomorrow between two local times such as '10:00' and '11:00'."""
        day = self.tomorrow()
        return self.slot_between(
            start=datetime.fromisoformat(f"{day}T{start}").replace(tzinfo=self.zone),
            end=datetime.fromisoformat(f"{day}T{end}").replace(tzinfo=self.zone),
            seats=seats,
            **more,
        )

    def slot_from_now(self, *, start_minutes: int, end_minutes: int, seats: int, **more: Any) -> Thing:
        """Open a slot that starts and ends this many minutes from now (negative: in the past)."""
        now = self.client.now().astimezone(self.zone).replace(microsecond=0)
        start, end = now + timedelta(minutes=start_minutes), now + timedelta(minutes=end_minutes)
        return self.slot_between(start=start, end=end, seats=seats, **more)

    def slot_between(
        self, *, start: datetime, end: datetime, seats: int, doctor: Thing | None = None, rooms: Sequence[Thing] = ()
    ) -> Thing:
        """Open a slot for this scenario's doctor, or for another one."""
        body = {
            "doctor": (doctor or self.doctor)["id"],
            "start_time": start.isoformat(),
            "end_time": end.isoformat(),
            "max_capacity": seats,
            "rooms": [room["id"] for room in rooms],
        }
        return dict(self.client.post("slots/", body, want=201))

    # Actions of the desk and of the doctor's room

    def book(self, slot: Thing, patient: Thing, category: str = "WALKIN", **more: Any) -> Thing:
        """Book a seat; fail unless the answer is a token."""
        return dict(self.client.post("tokens/", _request(slot, patient, category, more), want=201))

    def queue_up(self, slot: Thing, patient: Thing, category: str = "WALKIN", **more: Any) -> Thing:
        """Request a seat in a full slot; fail unless the answer is an entry on the waiting list."""
        answer = self.client.post("tokens/", _request(slot, patient, category, more), want=202)
        expect("A request for a full slot joins the waiting list", seen=answer["outcome"], wanted="WAITLISTED")
        return dict(answer["waiting_list_entry"])

    def refused(self, path: str, body: Thing | None = None, *, code: str, method: str = "POST") -> None:
        """Send a request; fail unless the engine refuses it with 409 and this code."""
        answer = self.client.send(method, path, want=409, json=body or {})
        expect(f"{method} {path} is refused with the right code", seen=answer.json()["code"], wanted=code)

    def act(self, token: Thing, action: str, **body: Any) -> Thing:
        """Perform an action on a token, such as check_in, call, recall, skip, step_out, no_show or undo."""
        return dict(self.client.post(f"tokens/{token['id']}/{action}/", body))

    def call_next(self, slot: Thing, **body: Any) -> Thing:
        """Call the next patient who has checked in."""
        return dict(self.client.post(f"slots/{slot['id']}/call_next/", body))

    def move(self, token: Thing, slot: Thing) -> Thing:
        """Move a token to another slot."""
        return self.act(token, "move", slot_id=slot["id"])

    def session(self, slot: Thing, action: str, **body: Any) -> Thing:
        """Begin, pause, resume, finish, reopen or close a slot."""
        return dict(self.client.post(f"slots/{slot['id']}/{action}/", body))

    def cancel(self, token: Thing, *, keep_seat: bool = False) -> Thing:
        """Cancel a token; with `keep_seat` the desk keeps the seat as a buffer."""
        params = {"buffer": "true"} if keep_seat else {}
        return dict(self.client.send("DELETE", f"tokens/{token['id']}/", want=200, params=params).json())

    def emergency(self, slot: Thing, patient: Thing, **more: Any) -> Thing:
        """Admit an emergency."""
        body = {"slot_id": slot["id"], "patient_id": patient["id"], **more}
        return dict(self.client.post("tokens/emergency/", body, want=201))

    def delay(self, slot: Thing, minutes: int, *, dry_run: bool = False) -> Thing:
        """Set the delay of a slot."""
        params = {"dry_run": "true"} if dry_run else {}
        path = f"slots/{slot['id']}/delay/"
        return dict(self.client.send("PUT", path, want=200, json={"delay_minutes": minutes}, params=params).json())

    # Reading

    def slot_now(self, slot: Thing) -> Thing:
        """Return the current state of the slot."""
        return dict(self.client.get(f"slots/{slot['id']}/"))

    def token_now(self, token: Thing) -> Thing:
        """Return the current state of the token."""
        return dict(self.client.get(f"tokens/{token['id']}/"))

    def queue(self, slot: Thing) -> list[Thing]:
        """Return the tokens in the queue, in order."""
        return list(self.client.get(f"slots/{slot['id']}/tokens/", in_queue="true"))

    def tokens(self, slot: Thing) -> list[Thing]:
        """Return every token of the slot: the queue first, then the rest."""
        return list(self.client.get(f"slots/{slot['id']}/tokens/"))

    def waiting(self, slot: Thing) -> list[Thing]:
        """Return the waiting list, in order of priority."""
        return list(self.client.get("waiting-list/by_slot/", slot_id=slot["id"]))

    def show_queue(self, slot: Thing, title: str) -> list[Thing]:
        """Print the queue and return it; fail unless its positions are 1 to n."""
        queue = self.queue(slot)
        self.board.queue(queue, title=title)
        seen = [token["token_number"] for token in queue]
        expect("Positions run from 1 without gaps", seen=seen, wanted=list(range(1, len(queue) + 1)))
        return queue

    def show_waiting(self, slot: Thing, title: str) -> list[Thing]:
        """Print the waiting list and return it; fail unless its positions are 1 to n."""
        waiting = self.waiting(slot)
        self.board.waiting(waiting, title=title)
        seen = [entry["position"] for entry in waiting]
        expect("The waiting list is numbered from 1", seen=seen, wanted=list(range(1, len(waiting) + 1)))
        return waiting

    # Deadlines

    def worth_waiting(self, deadline: str, *, what: str) -> bool:
        """Print when the deadline is; return True if it is near enough to wait for it."""
        left = (datetime.fromisoformat(deadline) - self.client.now()).total_seconds()
        moment = self.board.clock(deadline, seconds=True)
        if left > SHORT_TIMES_SECONDS:
            self.board.say(f"{what} at {moment}, in {left / 60:.1f} minutes. We don't wait for that here.")
            return False
        self.board.say(f"{what} at {moment}, in {max(left, 0):.0f} seconds. We wait for it.")
        return True

    def wait_past(self, deadline: str, *, until: Callable[[], bool]) -> None:
        """Wait until the sweep has applied a deadline; without workers the next write to the slot applies it."""
        left = max((datetime.fromisoformat(deadline) - self.client.now()).total_seconds(), 0)
        end = time.monotonic() + left + SWEEP_WAIT_SECONDS
        while not until():
            if time.monotonic() > end:
                self.board.warn("No sweep has run. Are the Celery worker and beat running? The next write applies it.")
                return
            time.sleep(0.5)


def _request(slot: Thing, patient: Thing, category: str, more: Thing) -> Thing:
    return {"slot_id": slot["id"], "patient_id": patient["id"], "category": category, **more}

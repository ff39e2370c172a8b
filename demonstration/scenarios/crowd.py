"""Two hundred people press the button in the same second."""

import asyncio
import time
import uuid
from collections import Counter

import httpx

from demonstration.client import RETRYABLE, pause_of
from demonstration.clinic import Clinic, Thing
from demonstration.outcome import SurpriseError, expect, expect_true

CROWD = 200
SEATS = 20
REGISTERING_AT_ONCE = 16
TRIES = 8


def flash_crowd(clinic: Clinic) -> None:
    """200 requests at once for 20 seats: exactly 20 get one, 180 wait in order, nobody is lost or counted twice."""
    slot = clinic.slot(start="10:00", end="12:00", seats=SEATS)
    people = asyncio.run(_register(clinic))
    clinic.board.say(f"{len(people)} patients registered; all of them ask for the same {SEATS} seats now.")
    began = time.monotonic()
    answers, retries = asyncio.run(_rush(clinic, slot, people))
    took = time.monotonic() - began

    outcomes = Counter(answer.status_code for answer in answers)
    tickets = [answer.json()["ticket"] for answer in answers if answer.status_code == 201]
    entries = [answer.json()["waiting_list_entry"] for answer in answers if answer.status_code == 202]
    after = clinic.slot_now(slot)
    rows = [
        ("Requests", len(answers)),
        ("Got a seat", outcomes[201]),
        ("Went on the waiting list", outcomes[202]),
        ("Anything else", len(answers) - outcomes[201] - outcomes[202]),
        ("Asked to come again and did", retries),
        ("Seats held", f"{after['current_capacity']} of {after['max_capacity']}"),
        ("Took", f"{took:.1f} s, {len(answers) / took:.0f} requests a second"),
    ]
    clinic.board.table("Flash crowd", ("What", "How many"), rows)
    expect("Exactly the seats there are", seen=outcomes[201], wanted=SEATS)
    expect("All others wait", seen=outcomes[202], wanted=CROWD - SEATS)
    expect("Every ticket is different", seen=len(set(tickets)), wanted=SEATS)
    expect("Every entry is different", seen=len({entry["id"] for entry in entries}), wanted=CROWD - SEATS)
    expect("The slot holds its maximum", seen=after["current_capacity"], wanted=SEATS)
    expect("The slot counts those who wait", seen=after["waiting_count"], wanted=CROWD - SEATS)
    queue = clinic.queue(slot)
    expect("Positions", seen=[token["token_number"] for token in queue], wanted=list(range(1, SEATS + 1)))
    expect_true("Every patient with a ticket is in the queue", {t["ticket"] for t in queue} == set(tickets))


async def _register(clinic: Clinic) -> list[Thing]:
    gate = asyncio.Semaphore(REGISTERING_AT_ONCE)

    async def one(number: int) -> Thing:
        async with gate:
            return await asyncio.to_thread(clinic.patient, name=f"Crowd {number:03d}")

    return list(await asyncio.gather(*(one(number) for number in range(1, CROWD + 1))))


async def _rush(clinic: Clinic, slot: Thing, people: list[Thing]) -> tuple[list[httpx.Response], int]:
    limits = httpx.Limits(max_connections=CROWD, max_keepalive_connections=CROWD)
    base = f"{clinic.client.url}/api/v1/"
    retries = 0
    async with httpx.AsyncClient(base_url=base, headers=clinic.client.headers(), timeout=60.0, limits=limits) as http:

        async def ask(person: Thing) -> httpx.Response:
            nonlocal retries
            body = {"slot_id": slot["id"], "patient_id": person["id"], "category": "ONLINE"}
            key = {"Idempotency-Key": str(uuid.uuid4())}
            for _ in range(TRIES):
                try:
                    answer = await http.post("tokens/", json=body, headers=key)
                except httpx.TransportError:
                    await asyncio.sleep(0.5)
                else:
                    if answer.status_code not in RETRYABLE:
                        return answer
                    await asyncio.sleep(pause_of(answer))
                retries += 1
            raise SurpriseError(f"No final answer for {person['name']} after {TRIES} tries")

        return list(await asyncio.gather(*(ask(person) for person in people))), retries

"""Two hundred booking requests in the same second."""

import asyncio
import time
import uuid
from collections import Counter

import httpx

from demonstration.client import RETRYABLE, pause_of
from demonstration.clinic import Clinic, Thing
from demonstration.outcome import SurpriseError, expect, expect_true

REQUESTS = 200
SEATS = 20
REGISTERING_AT_ONCE = 16
TRIES = 8


def flash_crowd(clinic: Clinic) -> None:
    """200 simultaneous requests for 20 seats: 20 are booked, 180 wait in order, none is lost or counted twice."""
    slot = clinic.slot(start="10:00", end="12:00", seats=SEATS)
    patients = asyncio.run(_register(clinic))
    clinic.board.say(f"{len(patients)} patients are registered; all of them request the same {SEATS} seats now.")
    began = time.monotonic()
    answers, retries = asyncio.run(_request_at_once(clinic, slot, patients))
    took = time.monotonic() - began

    outcomes = Counter(answer.status_code for answer in answers)
    tickets = [answer.json()["ticket"] for answer in answers if answer.status_code == 201]
    entries = [answer.json()["waiting_list_entry"] for answer in answers if answer.status_code == 202]
    after = clinic.slot_now(slot)
    rows = [
        ("Requests", len(answers)),
        ("Booked", outcomes[201]),
        ("On the waiting list", outcomes[202]),
        ("Other answers", len(answers) - outcomes[201] - outcomes[202]),
        ("Retries", retries),
        ("Seats held", f"{after['current_capacity']} of {after['max_capacity']}"),
        ("Duration", f"{took:.1f} s, {len(answers) / took:.0f} requests per second"),
    ]
    clinic.board.table("Flash crowd", ("What", "How many"), rows)
    expect("As many bookings as seats", seen=outcomes[201], wanted=SEATS)
    expect("All others are on the waiting list", seen=outcomes[202], wanted=REQUESTS - SEATS)
    expect("Every ticket is different", seen=len(set(tickets)), wanted=SEATS)
    expect("Every entry is different", seen=len({entry["id"] for entry in entries}), wanted=REQUESTS - SEATS)
    expect("The slot holds its maximum", seen=after["current_capacity"], wanted=SEATS)
    expect("The slot counts the waiting patients", seen=after["waiting_count"], wanted=REQUESTS - SEATS)
    queue = clinic.queue(slot)
    expect("Positions", seen=[token["token_number"] for token in queue], wanted=list(range(1, SEATS + 1)))
    expect_true("Every patient with a ticket is in the queue", {t["ticket"] for t in queue} == set(tickets))


async def _register(clinic: Clinic) -> list[Thing]:
    limit = asyncio.Semaphore(REGISTERING_AT_ONCE)

    async def one(number: int) -> Thing:
        async with limit:
            return await asyncio.to_thread(clinic.patient, name=f"Crowd {number:03d}")

    return list(await asyncio.gather(*(one(number) for number in range(1, REQUESTS + 1))))


async def _request_at_once(clinic: Clinic, slot: Thing, patients: list[Thing]) -> tuple[list[httpx.Response], int]:
    limits = httpx.Limits(max_connections=REQUESTS, max_keepalive_connections=REQUESTS)
    base = f"{clinic.client.url}/api/v1/"
    retries = 0
    async with httpx.AsyncClient(base_url=base, headers=clinic.client.headers(), timeout=60.0, limits=limits) as http:

        async def book(patient: Thing) -> httpx.Response:
            nonlocal retries
            body = {"slot_id": slot["id"], "patient_id": patient["id"], "category": "ONLINE"}
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
            raise SurpriseError(f"No final answer for {patient['name']} after {TRIES} tries")

        return list(await asyncio.gather(*(book(patient) for patient in patients))), retries

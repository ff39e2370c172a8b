"""Compares the responses that the clients got with the rows in the database."""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any

import psycopg

from bench.chaos.clients import Op

REFUSALS = {
    "book": {"slot-full"},
    "emergency": set(),
    "confirm": {"hold-expired", "invalid-transition"},
    "cancel": {"invalid-transition"},
    "check_in": {"invalid-transition", "hold-expired"},
    "call_next": {"queue-empty"},
    "delay": set(),
    "look": set(),
}
"""The error codes that each kind of request may get; each patient books once, so none is a duplicate."""


@dataclass
class Verdict:
    """The result of a fault. `regained`: responses that were lost and came with a retry."""

    fault: str
    acknowledged: int = 0
    regained: int = 0
    refused: int = 0
    lost: list[str] = field(default_factory=list)
    sold_twice: list[str] = field(default_factory=list)
    wrong: list[str] = field(default_factory=list)
    longest_gap: float = 0.0

    @property
    def is_good(self) -> bool:
        return not (self.lost or self.sold_twice or self.wrong)


@dataclass
class Facts:
    """The rows of the database, by patient, token and slot."""

    tokens_of: dict[str, list[str]]
    entries_of: dict[str, list[str]]
    status_of: dict[str, str]
    events_of: dict[tuple[str, str], int]
    calls_in: dict[str, int]
    seats_in: dict[str, tuple[int, int]]


def read_facts(link: psycopg.Connection[Any]) -> Facts:
    """Read the facts from the database."""
    tokens, entries = defaultdict(list), defaultdict(list)
    status = {}
    for token, patient, state in link.execute("SELECT id::text, patient_id::text, status FROM tokens_token"):
        tokens[patient].append(token)
        status[token] = state
    for entry, patient in link.execute("SELECT id::text, patient_id::text FROM waitlist_waitlistentry"):
        entries[patient].append(entry)
    events = link.execute("SELECT token_id::text, type, count(*) FROM events_event GROUP BY 1, 2").fetchall()
    calls = link.execute(
        "SELECT slot_id::text, count(*) FROM events_event WHERE type = 'token.called' GROUP BY 1"
    ).fetchall()
    seats = link.execute("""
        SELECT slot.id::text, slot.max_capacity, count(token.id)
        FROM clinics_slot AS slot LEFT JOIN tokens_token AS token
          ON token.slot_id = slot.id AND token.category <> 'EMERGENCY'
         AND (token.status IN ('PENDING', 'CONFIRMED', 'CHECKED_IN', 'CALLED', 'IN_CONSULTATION', 'COMPLETED', 'BUFFER')
              OR (token.status = 'NO_SHOW' AND token.due_at IS NOT NULL))
        GROUP BY 1, 2""").fetchall()
    return Facts(
        dict(tokens),
        dict(entries),
        status,
        {(token, kind): number for token, kind, number in events},
        dict(calls),
        {slot: (capacity, held) for slot, capacity, held in seats},
    )


def judge(fault: str, ops: Iterable[Op], facts: Facts, *, began: float, ended: float) -> Verdict:
    """Return the verdict on the requests of one fault, which lasted from `began` to `ended`."""
    verdict, ops = Verdict(fault), list(ops)
    for op in ops:
        verdict.wrong += [f"{op.kind}: {trouble}" for trouble in op.troubles]
        if op.status is None:
            verdict.wrong.append(f"{op.kind} {op.key}: never answered")
        elif op.acknowledged:
            verdict.acknowledged += 1
            verdict.regained += op.replayed and op.lost > 0
            _of_acknowledged(op, facts, verdict)
        elif op.kind == "look" and op.status == 200:
            _of_look(op, verdict)
        else:
            verdict.refused += 1
            _of_refused(op, facts, verdict)
    _of_calls(ops, facts, verdict)
    for slot in {op.slot for op in ops}:
        capacity, held = facts.seats_in[slot]
        if held > capacity:
            verdict.sold_twice.append(f"slot {slot}: {held} seats of {capacity}")
    times = [began, *sorted(op.answered_at for op in ops if op.acknowledged and op.answered_at < ended), ended]
    verdict.longest_gap = max(later - earlier for earlier, later in pairwise(times))
    return verdict


def _of_acknowledged(op: Op, facts: Facts, verdict: Verdict) -> None:
    if op.kind in ("book", "emergency"):
        tokens = facts.tokens_of.get(op.patient, [])
        if len(tokens) > 1:
            verdict.sold_twice.append(f"patient {op.patient} booked once and has {len(tokens)} tokens")
        if op.kind == "emergency" and op.status != 201:
            verdict.wrong.append(f"patient {op.patient} was admitted once, but reported as already in the queue")
        if op.status == 202:
            if op.answer["waiting_list_entry"]["id"] not in facts.entries_of.get(op.patient, []):
                verdict.lost.append(f"the waiting-list entry of patient {op.patient}")
        elif (op.answer["token"] if op.kind == "emergency" else op.answer)["id"] not in tokens:
            verdict.lost.append(f"the token of patient {op.patient}")
        return
    if op.kind == "delay":
        if op.answer["slot"]["id"] != op.slot:
            verdict.wrong.append(f"the response to the delay of slot {op.slot} is for another slot")
        return
    event = {
        "confirm": "token.confirmed",
        "cancel": "token.cancelled",
        "check_in": "token.checked_in",
        "call_next": "token.called",
    }[op.kind]
    token = op.answer["id"] if op.kind == "call_next" else op.token
    done = facts.events_of.get((token, event), 0)
    if not done:
        verdict.lost.append(f"{op.kind} of token {token}")
    elif done > 1:
        verdict.sold_twice.append(f"{op.kind} of token {token}: {done} times")
    if op.kind == "cancel" and facts.status_of.get(token) != "CANCELLED":
        verdict.lost.append(f"the cancellation of token {token}")


def _of_refused(op: Op, facts: Facts, verdict: Verdict) -> None:
    code = op.answer.get("code") if isinstance(op.answer, dict) else None
    if op.status != 409 or code not in REFUSALS[op.kind]:
        verdict.wrong.append(f"{op.kind} {op.key}: {op.status} {code}")
    elif op.kind == "book" and (op.patient in facts.tokens_of or op.patient in facts.entries_of):
        verdict.wrong.append(f"patient {op.patient} was refused, but has a place")


def _of_look(op: Op, verdict: Verdict) -> None:
    numbers = [token["token_number"] for token in op.answer]
    if numbers != list(range(1, len(numbers) + 1)):
        verdict.wrong.append(f"the positions of a queue are {numbers}")


def _of_calls(ops: list[Op], facts: Facts, verdict: Verdict) -> None:
    """Check that no two keys called the same token, and that each call in a slot belongs to a request."""
    called = [op for op in ops if op.kind == "call_next" and op.acknowledged]
    by_token: dict[str, list[str]] = defaultdict(list)
    for op in called:
        by_token[op.answer["id"]].append(op.key)
    verdict.sold_twice += [
        f"token {token} was called by {len(keys)} keys" for token, keys in by_token.items() if keys[1:]
    ]
    for slot in {op.slot for op in ops}:
        requested = sum(op.kind == "call_next" and op.slot == slot and (op.acknowledged or not op.status) for op in ops)
        if facts.calls_in.get(slot, 0) > requested:
            verdict.sold_twice.append(f"slot {slot}: {facts.calls_in[slot]} calls for {requested} requests")

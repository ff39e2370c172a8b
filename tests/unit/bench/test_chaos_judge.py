"""The chaos check: every acknowledged change exists once, and no refused change exists."""

from typing import Any

import pytest

from bench.chaos.clients import Op
from bench.chaos.judge import Facts, Verdict, judge
from bench.chaos.stage import Stage

STAGE = Stage(["slot"], [])


def facts(**known: Any) -> Facts:
    nothing: dict[str, Any] = {
        "tokens_of": {},
        "entries_of": {},
        "status_of": {},
        "events_of": {},
        "calls_in": {},
        "seats_in": {"slot": (5, 2)},
    }
    return Facts(**{**nothing, **known})


def op(kind: str, status: int | None, answer: Any = None, **more: Any) -> Op:
    method = "GET" if kind == "look" else "POST"
    made = Op(kind, method, "", None, "fault", STAGE, "slot", patient="p", token="t")
    made.status, made.answer, made.answered_at = status, answer, 5.0
    for name, value in more.items():
        setattr(made, name, value)
    return made


def verdict(*ops: Op, **known: Any) -> Verdict:
    return judge("fault", ops, facts(**known), began=0.0, ended=10.0)


BOOKED = op("book", 201, {"id": "t"})
REFUSED = op("book", 409, {"code": "slot-full"})
CALLED, CALLED_TOO = op("call_next", 200, {"id": "t"}), op("call_next", 200, {"id": "t"})


def test_what_is_there_is_good() -> None:
    found = verdict(BOOKED, tokens_of={"p": ["t"]})
    assert (found.is_good, found.acknowledged, found.longest_gap) == (True, 1, 5.0)


@pytest.mark.parametrize(
    ("done", "known"),
    [
        (BOOKED, {}),
        (op("book", 202, {"waiting_list_entry": {"id": "e"}}), {"tokens_of": {"p": ["t"]}}),
        (op("emergency", 201, {"token": {"id": "t"}}), {}),
        (op("check_in", 200, {}), {}),
        (op("confirm", 200, {}), {}),
        (op("cancel", 200, {}), {"events_of": {("t", "token.cancelled"): 1}, "status_of": {"t": "CONFIRMED"}}),
        (CALLED, {}),
    ],
)
def test_what_was_acknowledged_and_is_not_there_is_lost(done: Op, known: dict[str, Any]) -> None:
    assert len(verdict(done, **known).lost) == 1


@pytest.mark.parametrize(
    ("ops", "known"),
    [
        ([BOOKED], {"tokens_of": {"p": ["t", "u"]}}),
        ([op("check_in", 200, {})], {"events_of": {("t", "token.checked_in"): 2}}),
        (
            [CALLED, op("call_next", 200, {"id": "t"})],
            {"events_of": {("t", "token.called"): 1}, "calls_in": {"slot": 1}},
        ),
        ([CALLED], {"events_of": {("t", "token.called"): 1}, "calls_in": {"slot": 2}}),
        ([REFUSED], {"seats_in": {"slot": (5, 6)}}),
    ],
)
def test_what_happened_twice_is_found(ops: list[Op], known: dict[str, Any]) -> None:
    assert len(verdict(*ops, **known).sold_twice) == 1


@pytest.mark.parametrize(
    ("done", "known"),
    [
        (REFUSED, {"tokens_of": {"p": ["t"]}}),
        (REFUSED, {"entries_of": {"p": ["e"]}}),
        (op("book", 409, {"code": "duplicate-booking"}), {}),
        (op("book", 500, {"code": "internal-error"}), {}),
        (op("book", 404, {"code": "not-found"}), {}),
        (op("book", 502, None), {}),
        (op("book", None), {}),
        (op("look", 200, [{"token_number": 1}, {"token_number": 3}]), {}),
        (op("look", 200, [], troubles=["503 without Retry-After"]), {}),
        (op("emergency", 200, {"token": {"id": "t"}}), {"tokens_of": {"p": ["t"]}}),
    ],
)
def test_answers_that_are_wrong(done: Op, known: dict[str, Any]) -> None:
    assert len(verdict(done, **known).wrong) == 1


def test_refusals_that_a_client_may_hear_are_none_of_it() -> None:
    found = verdict(REFUSED, op("call_next", 409, {"code": "queue-empty"}), op("look", 200, [{"token_number": 1}]))
    assert (found.is_good, found.refused, found.acknowledged) == (True, 2, 0)


def test_an_answer_that_came_with_the_second_asking_is_regained() -> None:
    assert verdict(op("book", 201, {"id": "t"}, lost=1, replayed=True), tokens_of={"p": ["t"]}).regained == 1

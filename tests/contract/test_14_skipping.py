"""Section 14: a skipped patient goes behind the next three; one back from the consultation goes ahead of the others."""

from typing import Any

import pytest

from tests.contract.test_04_token_lifecycle import HOW_TO_BE, token_in
from tests.support.hospital import Hospital, when

Json = dict[str, Any]
pytestmark = pytest.mark.usefixtures("invariants_hold")


def hall(hospital: Hospital, *categories: str, capacity: int = 12) -> tuple[Json, list[Json]]:
    """Return a slot and its tokens, all of them CHECKED_IN, in the order of their booking."""
    slot = hospital.slot(capacity=capacity)
    return slot, [hospital.token(slot, category=category, arrived=True) for category in categories]


def tickets(hospital: Hospital, slot: Json) -> list[str]:
    queue = hospital.queue(slot)
    assert [each["token_number"] for each in queue] == list(range(1, len(queue) + 1))
    return [each["ticket"] for each in queue]


def skip(hospital: Hospital, token: Json) -> Json:
    hospital.do(token, "call").expect(200)
    return hospital.do(token, "skip").expect(200)


@pytest.mark.parametrize(("others", "position"), [(0, 1), (2, 3), (3, 4), (5, 4)])
def test_a_skipped_patient_goes_behind_the_next_three_or_fewer(hospital: Hospital, others: int, position: int) -> None:
    slot, (first, *rest) = hall(hospital, *["WALKIN"] * (others + 1))
    skipped = skip(hospital, first)
    assert (skipped["status"], skipped["token_number"], skipped["skips"]) == ("CHECKED_IN", position, 1)
    assert skipped["priority"] == first["priority"]
    line = [each["ticket"] for each in rest]
    assert tickets(hospital, slot) == [*line[: position - 1], first["ticket"], *line[position - 1 :]]


def test_two_skipped_one_after_the_other(hospital: Hospital) -> None:
    slot, (a, b, c, d, e, f) = hall(hospital, *["WALKIN"] * 6)
    skip(hospital, a)  # b c d a e f
    skip(hospital, b)  # c d a b e f
    assert tickets(hospital, slot) == [each["ticket"] for each in (c, d, a, b, e, f)]
    skip(hospital, d)  # c a b d e f
    assert tickets(hospital, slot) == [each["ticket"] for each in (c, a, b, d, e, f)]


def test_a_skipped_patient_never_gains_a_place(hospital: Hospital) -> None:
    """Called out of order from the end of the queue, and not there: the end of the queue again."""
    slot, line = hall(hospital, *["WALKIN"] * 6)
    assert skip(hospital, line[-1])["token_number"] == 6
    assert tickets(hospital, slot) == [each["ticket"] for each in line]


def test_a_later_arrival_of_a_better_tier_still_goes_ahead(hospital: Hospital) -> None:
    slot, (paid, *walkins) = hall(hospital, "PRIORITY_PAID", *["WALKIN"] * 4)
    skip(hospital, paid)
    assert tickets(hospital, slot) == [each["ticket"] for each in (*walkins[:3], paid, walkins[3])]
    online = hospital.token(slot, category="ONLINE", arrived=True)
    late = hospital.token(slot, category="WALKIN", arrived=True)
    urgent = hospital.emergency(slot)
    assert tickets(hospital, slot) == [
        each["ticket"] for each in (urgent, online, *walkins[:3], paid, walkins[3], late)
    ]


def test_a_skipped_emergency_stays_ahead_of_the_others(hospital: Hospital) -> None:
    slot, (walkin, _) = hall(hospital, "WALKIN", "WALKIN")
    first = hospital.emergency(slot)
    assert skip(hospital, first)["token_number"] == 1
    second = hospital.emergency(slot)
    hospital.do(second, "call").expect(200)
    assert hospital.do(second, "skip").expect(200)["token_number"] == 2
    assert tickets(hospital, slot)[:3] == [first["ticket"], second["ticket"], walkin["ticket"]]


def test_the_third_skip_makes_a_no_show_with_grace(hospital: Hospital) -> None:
    _, (first, *_) = hall(hospital, *["WALKIN"] * 5)
    assert [skip(hospital, first)["status"] for _ in range(2)] == ["CHECKED_IN", "CHECKED_IN"]
    missing = skip(hospital, first)
    assert (missing["status"], missing["skips"], missing["token_number"]) == ("NO_SHOW", 3, None)
    assert when(missing["grace_expires_at"]) > when(missing["updated_at"])
    back = hospital.do(first, "reinstate").expect(200)
    assert back["status"] == "CHECKED_IN"
    types = [event["type"] for event in hospital.desk.get("events/", token=first["id"]).expect(200)["results"]]
    assert types.count("token.skipped") == 2
    assert types.count("token.no_show") == 1


@pytest.mark.parametrize("status", [status for status in HOW_TO_BE if status != "CALLED"])
def test_only_a_called_patient_is_skipped(hospital: Hospital, status: str) -> None:
    token = token_in(hospital, status)
    assert hospital.do(token, "skip").expect(409, "invalid-transition")["current_status"] == status
    assert hospital.read(token) == token


def test_explain_says_that_a_patient_was_skipped(hospital: Hospital) -> None:
    _, (first, *_) = hall(hospital, *["WALKIN"] * 3)
    skip(hospital, first)
    told = hospital.desk.get(f"tokens/{first['id']}/explain/").expect(200)
    assert (told["token_number"], told["ahead"]) == (3, {"WALKIN": 2})
    assert told["history"][-1]["type"] == "token.skipped"


def test_back_from_the_consultation_ahead_of_all_but_emergencies(hospital: Hospital) -> None:
    slot, (paid, seen, other, later) = hall(hospital, "PRIORITY_PAID", *["WALKIN"] * 3)
    hospital.done(seen, "call", "start")
    hospital.do(seen, "step_out", {"reason": "LAB"}).expect(200)
    hospital.done(other, "call", "start")
    hospital.do(other, "step_out", {"reason": "XRAY"}).expect(200)
    urgent = hospital.emergency(slot, acuity=5)
    assert hospital.do(other, "step_in").expect(200)["token_number"] == 2
    assert hospital.do(seen, "step_in").expect(200)["token_number"] == 2
    assert tickets(hospital, slot) == [each["ticket"] for each in (urgent, seen, other, paid, later)]
    newest = hospital.emergency(slot)
    assert tickets(hospital, slot)[:3] == [each["ticket"] for each in (newest, urgent, seen)]


def test_back_from_the_hall_at_the_old_priority(hospital: Hospital) -> None:
    slot, (first, second, third) = hall(hospital, *["WALKIN"] * 3)
    for token in (second, first):
        hospital.do(token, "step_out", {"reason": "PAYMENT"}).expect(200)
    hospital.token(slot, arrived=True)
    assert [hospital.do(token, "step_in").expect(200)["token_number"] for token in (second, first)] == [1, 1]
    assert tickets(hospital, slot)[:3] == [each["ticket"] for each in (first, second, third)]

"""Section 14: the desk gives a kept seat to a waiting-list entry out of order."""

from typing import Any

import pytest

from tests.support.hospital import Hospital, Json
from tests.support.shapes import ENTRY, assert_shape

pytestmark = pytest.mark.usefixtures("invariants_hold")
REASON = {"reason": "Came from far away"}


def seat(hospital: Hospital, entry: Json, body: Any = None, **facts: Any) -> Any:
    return hospital.desk.post(f"waiting-list/{entry['id']}/seat/", REASON if body is None else body, **facts)


def kept_seat(hospital: Hospital, waiting: int = 2) -> tuple[Json, Json, list[Json]]:
    """Return a full slot in which the desk keeps one seat, the cancelled token, and entries, the best one first."""
    slot, tokens = hospital.full_slot(2)
    hospital.do(tokens[0], "buffer").expect(200)
    key = hospital.key("book")
    return slot, tokens[0], [hospital.entry(slot, by=key) for _ in range(waiting)]


def test_a_kept_seat_goes_to_this_entry(hospital: Hospital) -> None:
    slot, kept, (first, second) = kept_seat(hospital)
    seated = seat(hospital, second).expect(200)
    assert_shape(seated, ENTRY)
    assert (seated["id"], seated["status"], seated["position"]) == (second["id"], "PROMOTED", None)
    token = hospital.read({"id": seated["token"]})
    assert (token["status"], token["patient"]) == ("CONFIRMED", second["patient"])
    assert hospital.read(kept)["status"] == "CANCELLED"
    assert hospital.entry_now(first)["status"] == "WAITING"
    now = hospital.slot_now(slot)
    assert (now["current_capacity"], now["waiting_count"]) == (2, 1)
    log = hospital.desk.get("events/", slot=slot["id"], page_size=200).expect(200)["results"]
    (promoted,) = [event for event in log if event["type"] == "waitlist.promoted"]
    assert promoted["data"]["out_of_order"] is True
    assert "far away" not in str(log)


def test_without_a_kept_seat_the_slot_is_full(hospital: Hospital) -> None:
    slot, _ = hospital.full_slot(1)
    entry = hospital.entry(slot)
    seat(hospital, entry).expect(409, "slot-full")
    assert hospital.entry_now(entry) == entry


def test_a_kept_seat_is_given_once(hospital: Hospital) -> None:
    _, _, (first, second) = kept_seat(hospital)
    seat(hospital, second).expect(200)
    seat(hospital, second).expect(409, "invalid-transition")
    seat(hospital, first).expect(409, "slot-full")


@pytest.mark.parametrize("body", [{}, {"reason": ""}, {"reason": "  "}, {"reason": None}, {"reason": "x" * 501}])
def test_the_reason_is_given(hospital: Hospital, body: Json) -> None:
    _, _, (entry, _) = kept_seat(hospital)
    refused = seat(hospital, entry, body)
    refused.expect(400, "validation-error")
    assert set(refused.codes) == {"reason"}


def test_only_the_desk_does(hospital: Hospital) -> None:
    slot, _, (entry, _) = kept_seat(hospital)
    path = f"waiting-list/{entry['id']}/seat/"
    for caller in (
        hospital.doctor_user({"id": slot["doctor"]}),
        hospital.patient_user({"id": entry["patient"]}),
        hospital.key("book"),
    ):
        caller.post(path, REASON).expect(403, "permission-denied")
    hospital.key("operate").post(path, REASON).expect(200)


def test_an_entry_of_a_patient_who_has_a_token_elsewhere_is_refused(hospital: Hospital) -> None:
    slot, _, (entry, _) = kept_seat(hospital)
    later = hospital.slot({"id": slot["doctor"]}, start=hospital.at("15:00"))
    token = hospital.token(later, {"id": entry["patient"]})
    assert seat(hospital, entry).expect(409, "duplicate-booking")["existing_token_id"] == token["id"]


def test_a_repeated_request_seats_once(hospital: Hospital) -> None:
    _, _, (entry, _) = kept_seat(hospital)
    key = {"Idempotency-Key": f"seat-{entry['id']}"}
    first, again = (seat(hospital, entry, headers=key) for _ in range(2))
    assert first.expect(200) == again.expect(200)


def test_an_unknown_entry_is_not_found(hospital: Hospital) -> None:
    seat(hospital, hospital.slot()).expect(404, "not-found")

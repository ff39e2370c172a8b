"""Sections 7 to 10: every kind of caller books, reads and cancels in the same way."""

from collections.abc import Callable
from dataclasses import dataclass
from itertools import count

import pytest

from tests.support.api import Api
from tests.support.hospital import Hospital, Json

_numbers = count()


@dataclass(frozen=True)
class Caller:
    api: Api
    patient: Json
    headers: dict[str, str]


CALLERS: dict[str, Callable[[Hospital, Json], Api]] = {
    "desk": lambda hospital, patient: hospital.desk,
    "administrator": lambda hospital, patient: hospital.admin,
    "API key": lambda hospital, patient: hospital.key("book"),
    "patient": lambda hospital, patient: hospital.patient_user(patient),
}


@pytest.fixture(params=CALLERS)
def caller(request: pytest.FixtureRequest, hospital: Hospital) -> Caller:
    patient = hospital.patient()
    api = CALLERS[request.param](hospital, patient)
    return Caller(api, patient, {"Idempotency-Key": f"caller-{next(_numbers)}"})


def test_a_booking_is_made_once_read_and_cancelled(hospital: Hospital, caller: Caller) -> None:
    body = {"slot_id": hospital.slot()["id"], "patient_id": caller.patient["id"], "category": "ONLINE"}
    first = caller.api.post("tokens/", body, headers=caller.headers)
    token = first.expect(201)
    again = caller.api.post("tokens/", body, headers=caller.headers)
    assert again.expect(201) == token
    assert again.headers["idempotency-replayed"] == "true"
    assert caller.api.get(f"tokens/{token['id']}/").expect(200)["token_number"] == 1
    assert caller.api.delete(f"tokens/{token['id']}/").expect(200)["token"]["status"] == "CANCELLED"


def test_a_full_slot_gives_a_place_on_the_waiting_list(hospital: Hospital, caller: Caller) -> None:
    slot, [seated] = hospital.full_slot(1)
    body = {"slot_id": slot["id"], "patient_id": caller.patient["id"], "category": "ONLINE"}
    entry = caller.api.post("tokens/", body, headers=caller.headers).expect(202)["waiting_list_entry"]
    assert (entry["position"], entry["patient"]) == (1, caller.patient["id"])
    [promoted] = hospital.desk.delete(f"tokens/{seated['id']}/").expect(200)["promoted"]
    assert caller.api.get(f"tokens/{promoted}/").expect(200)["patient"] == caller.patient["id"]

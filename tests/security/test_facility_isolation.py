"""Staff and keys of one facility against the ids of another: each answer is that of an unknown id, and nothing changes.

The requests are made from the OpenAPI document, so a new endpoint is covered when it is added.
"""

import json
import re
import uuid
from typing import Any

import pytest

from accounts.models import ApiKey, User
from clinics.models import Doctor, Facility, Room, Slot
from core.api import endpoint
from core.models import IdempotencyRecord
from events.models import Event
from patients.models import Patient
from tests.factories import first_admin
from tests.security.openapi_operations import OPEN, SIGNED_IN, Operation, create_objects, operations, writes
from tests.support.api import Answer, Api, in_process
from tests.support.hospital import PASSWORD, Hospital
from tokens.models import Token
from waitlist.models import WaitlistEntry

TABLES: tuple[Any, ...] = (Slot, Token, WaitlistEntry, Doctor, Patient, Room, User)
CALLERS = ("admin", "desk", "doctor", "read", "book", "operate")
VOLATILE = re.compile(r'"(request_id|instance)": "[^"]*"')
IDS = {
    "slot": "slots", "slot_id": "slots", "patient": "patients", "patient_id": "patients", "patients": "patients",
    "doctor": "doctors", "doctor_id": "doctors", "token": "tokens", "token_id": "tokens", "facility": "facilities",
    "room": "rooms", "rooms": "rooms", "after": "events", "carry_over_to": "slots", "into": "patients",
}  # fmt: skip
"""The collection that a filter or a field of a body refers to, by its name."""


@pytest.fixture
def hospital(db: None) -> Hospital:
    """The other facility, whose ADMIN is a superuser."""
    return Hospital(in_process(), first_admin(PASSWORD).username, PASSWORD)


@pytest.fixture
def mine(hospital: Hospital) -> Hospital:
    """The facility of the callers, whose ADMIN is no superuser."""
    return hospital.branch()


@pytest.fixture
def theirs(hospital: Hospital) -> dict[str, str]:
    """An object of each collection in the other facility."""
    things = create_objects(hospital)
    event = Event.objects.filter(facility_id=hospital.facility["id"]).first()
    assert event is not None
    return {**things, "events": str(event.id)}


def caller(hospital: Hospital, who: str) -> Api:
    if who == "doctor":
        return hospital.doctor_user(hospital.doctor())
    return hospital.admin if who == "admin" else hospital.desk if who == "desk" else hospital.key(who)


def shown(answer: Answer, *ids: str) -> tuple[int, str]:
    """Return what the caller learns: the status and the body, without the ids that the caller sent."""
    text = VOLATILE.sub("", json.dumps(answer.body, sort_keys=True))
    for each in ids:
        text = text.replace(each, "*")
    return answer.status, text


def state(facility: str) -> list[Any]:
    """Return everything in a facility that a request could change."""
    of_it = {"facility_id": facility}
    return [
        *(
            list(m.objects.filter(**of_it).order_by("id").values())
            for m in (Slot, Token, WaitlistEntry, Doctor, Patient)
        ),
        *(list(m.objects.filter(**of_it).order_by("id").values()) for m in (Room, User)),
        list(ApiKey.objects.filter(**of_it).order_by("id").values("id", "revoked_at")),
        list(Facility.objects.filter(id=facility).values()),
        Event.objects.filter(**of_it).count(),
        IdempotencyRecord.objects.count(),
    ]


def body_of(operation: Operation) -> Any:
    return operation.example or None


def for_staff() -> list[Operation]:
    return [each for each in operations() if each.capability not in (OPEN, SIGNED_IN)]


@pytest.mark.parametrize("who", CALLERS)
def test_in_paths(hospital: Hospital, mine: Hospital, theirs: dict[str, str], who: str) -> None:
    api, asked = caller(mine, who), 0
    before = state(hospital.facility["id"])
    for operation in for_staff():
        if "{" not in operation.path or operation.path.startswith("/api/v1/track/"):
            continue
        collection = operation.path.removeprefix("/api/v1/").split("/")[0]
        unknown = str(uuid.uuid4())
        for body in (body_of(operation), {}):
            sent = None if operation.method in ("GET", "DELETE") else body
            answers = [
                api.call(operation.method, re.sub(r"\{\w+\}", each, operation.path), sent)
                for each in (theirs[collection], unknown)
            ]
            foreign, nobody = (shown(answer, theirs[collection], unknown) for answer in answers)
            assert foreign == nobody, operation
            assert foreign[0] >= 400, operation
        asked += 1
    assert asked > 20
    assert state(hospital.facility["id"]) == before


def test_canary_ids_that_are_not_replaced_are_noticed(
    hospital: Hospital, mine: Hospital, theirs: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(endpoint, "own_ids", lambda caller, ids: ids)
    with pytest.raises(AssertionError):
        test_in_paths(hospital, mine, theirs, "desk")


@pytest.mark.parametrize("who", CALLERS)
def test_in_filters(mine: Hospital, theirs: dict[str, str], who: str) -> None:
    api, asked = caller(mine, who), 0
    for path, name in filters():
        unknown = str(uuid.uuid4())
        foreign, nobody = (
            shown(api.call("GET", f"{path}?{name}={each}"), theirs[IDS[name]], unknown)
            for each in (theirs[IDS[name]], unknown)
        )
        assert foreign == nobody, (path, name)
        asked += 1
    assert asked > 5


@pytest.mark.parametrize("who", CALLERS)
def test_in_bodies(hospital: Hospital, mine: Hospital, theirs: dict[str, str], who: str) -> None:
    """Each id of a body in turn is another facility's, the others are the caller's own."""
    api, asked = caller(mine, who), 0
    own = create_objects(mine)
    before = state(hospital.facility["id"])
    for operation in writes():
        names = (
            [name for name in operation.example if name in IDS] if operation.capability not in (OPEN, SIGNED_IN) else []
        )
        for name in names:
            collection, unknown = IDS[name], str(uuid.uuid4())
            answers = []
            for each in (theirs[collection], unknown):
                body = {**operation.example}
                for other in names:
                    value = each if other == name else own[IDS[other]]
                    body[other] = [value] if isinstance(body[other], list) else value
                answers.append(api.call(operation.method, operation.address(own), body))
            foreign, nobody = (shown(answer, theirs[collection], unknown) for answer in answers)
            assert foreign == nobody, (operation, name)
            assert foreign[0] >= 400, (operation, name, foreign)
            asked += 1
    assert asked > 5
    assert state(hospital.facility["id"]) == before


@pytest.mark.parametrize("who", CALLERS)
def test_lists_show_nothing_of_another_facility(mine: Hospital, theirs: dict[str, str], who: str) -> None:
    api = caller(mine, who)
    for operation in for_staff():
        if operation.method != "GET" or "{" in operation.path:
            continue
        text = json.dumps(api.call("GET", operation.path).body)
        for collection, each in theirs.items():
            assert each not in text, (operation, collection)


def filters() -> list[tuple[str, str]]:
    """Return (path, name) of each filter that takes an id."""
    from drf_spectacular.generators import SchemaGenerator

    paths = SchemaGenerator().get_schema(request=None, public=True)["paths"]
    return [
        (path, parameter["name"])
        for path, methods in paths.items()
        for parameter in methods.get("get", {}).get("parameters", [])
        if "{" not in path and parameter.get("in") == "query" and parameter["name"] in IDS
    ]


def test_patients_see_the_slots_of_all_facilities_and_their_own_records_in_each(
    hospital: Hospital, mine: Hospital
) -> None:
    here, there, foreign = hospital.patient(), mine.patient(), mine.patient()
    made = hospital.patient_user(here, there)
    slots = {hospital.slot()["id"]: here, mine.slot()["id"]: there}
    assert {each["id"] for each in made.get("slots/").expect(200)["results"]} == set(slots)
    of_mine = made.get("slots/", facility=mine.facility["id"]).expect(200)["results"]
    assert [each["id"] for each in of_mine] == [list(slots)[1]]
    doctors = made.get("doctors/", facility=mine.facility["id"]).expect(200)["results"]
    assert {each["facility"] for each in doctors} == {mine.facility["id"]}
    for slot_id, record in slots.items():
        body = {"slot_id": slot_id, "patient_id": record["id"], "category": "ONLINE"}
        token = made.post("tokens/", body).expect(201)
        made.get(f"tokens/{token['id']}/").expect(200)
    assert made.get("tokens/").expect(200)["count"] == 2
    crossed = {"slot_id": next(iter(slots)), "patient_id": there["id"], "category": "ONLINE"}
    made.post("tokens/", crossed).expect(404, "not-found")
    made.get(f"patients/{foreign['id']}/").expect(404, "not-found")
    assert mine.desk.get("tokens/").expect(200)["count"] == 1

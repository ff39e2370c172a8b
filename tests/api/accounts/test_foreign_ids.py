"""Another user's id gets the same response as an unknown id, in paths, filters and bodies.

Slots are public: a doctor who acts on another doctor's slot gets 403.
"""

import json
import re
import uuid
from typing import Any

import pytest
from drf_spectacular.generators import SchemaGenerator

from accounts.access.permission_table import PERMISSIONS, Reach
from accounts.access.roles import Role
from tests.support.hospital import Hospital

# The bodies needed to reach the ownership check.
BODIES: dict[str, dict[str, Any]] = {
    "triage": {"acuity": 1},
    "delay": {"delay_minutes": 5},
    "merge": {"into": "00000000-0000-7000-8000-000000000000"},
    "move": {"slot_id": "00000000-0000-7000-8000-000000000000"},
    "reclassify": {"category": "WALKIN", "reason": "A mistake"},
    "seat": {"reason": "Fairness"},
    "step_out": {"reason": "LAB"},
    "patients": {"name": "Mallory", "phone": "+91 90000 00001"},
}
FILTERS = {"slot": "slots", "slot_id": "slots", "patient": "patients", "doctor": "doctors", "token": "tokens"}

# Everybody may read slots and doctors, so a refusal or an empty list reveals nothing there.
PUBLIC, EMPTY = {"slots", "doctors"}, (200, "[]")
REFUSED = {Role.DOCTOR: 403, Role.PATIENT: 200}
"""What a slot of others answers: a doctor may not act on it, a patient finds none of their own tokens there."""


@pytest.fixture
def things(hospital: Hospital) -> dict[str, str]:
    """Other users' objects, by collection."""
    doctor = hospital.doctor()
    slot = hospital.slot(doctor, capacity=1)
    token = hospital.token(slot)
    entry = hospital.entry(slot)
    return {
        "doctors": doctor["id"],
        "slots": slot["id"],
        "tokens": token["id"],
        "patients": token["patient"],
        "waiting-list": entry["id"],
    }


def somebody(hospital: Hospital, role: str) -> Any:
    if role == Role.DOCTOR:
        return hospital.doctor_user(hospital.doctor())
    return hospital.patient_user(hospital.patient())


def operations(role: str) -> list[tuple[str, str, dict[str, Any]]]:
    """Return the operations limited to the caller's own objects."""
    paths = SchemaGenerator().get_schema(request=None, public=True)["paths"]
    return [
        (path.removeprefix("/api/v1/"), method.upper(), operation)
        for path, methods in paths.items()
        for method, operation in methods.items()
        if PERMISSIONS.get(operation.get("x-capability", ""), {}).get(role) is Reach.OWN
    ]


def told(answer: Any, *ids: str) -> tuple[int, str]:
    """Return the response without the ids that the caller sent."""
    text = json.dumps(answer.body, sort_keys=True)
    for each in ids:
        text = text.replace(each, "*")
    return answer.status, text


@pytest.mark.parametrize("role", [Role.DOCTOR, Role.PATIENT])
def test_in_addresses(hospital: Hospital, things: dict[str, str], role: str) -> None:
    caller, asked = somebody(hospital, role), 0
    for path, method, _ in operations(role):
        if "{" not in path:
            continue
        collection, action = path.split("/")[0], path.rstrip("/").split("/")[-1]
        unknown = str(uuid.uuid4())
        body = None if method == "GET" else BODIES.get(action, BODIES.get(collection, {}))
        answers = [caller.call(method, re.sub(r"\{\w+\}", each, path), body) for each in (things[collection], unknown)]
        foreign, nobody = (told(each, things[collection], unknown) for each in answers)
        if collection in PUBLIC:
            assert foreign[0] == REFUSED[role], (method, path)
            assert foreign == EMPTY or answers[0].body["code"] == "permission-denied", (method, path)
        else:
            assert foreign == nobody, (method, path)
        assert nobody[0] == 404, (method, path)
        asked += 1
    assert asked > 5


@pytest.mark.parametrize("role", [Role.DOCTOR, Role.PATIENT])
def test_in_filters(hospital: Hospital, things: dict[str, str], role: str) -> None:
    caller, asked = somebody(hospital, role), 0
    for path, method, operation in operations(role):
        for parameter in operation.get("parameters", []):
            if method != "GET" or parameter.get("in") != "query" or parameter["name"] not in FILTERS or "{" in path:
                continue
            foreign, unknown = things[FILTERS[parameter["name"]]], str(uuid.uuid4())
            answers = [caller.get(f"{path}?{parameter['name']}={each}") for each in (foreign, unknown)]
            first, second = told(answers[0], foreign), told(answers[1], unknown)
            allowed = FILTERS[parameter["name"]] in PUBLIC and first == EMPTY
            assert first == second or allowed, (path, parameter["name"])
            asked += 1
    assert asked >= 4


def test_in_bodies(hospital: Hospital, things: dict[str, str]) -> None:
    own = hospital.patient()
    patient, slot = hospital.patient_user(own), hospital.slot()
    for slot_id, patient_id in ((slot["id"], things["patients"]), (things["slots"], things["patients"])):
        for category in ("ONLINE", "FOLLOWUP"):
            body = {"slot_id": slot_id, "patient_id": patient_id, "category": category}
            foreign = patient.post("tokens/", body)
            unknown = patient.post("tokens/", {**body, "patient_id": str(uuid.uuid4())})
            assert foreign.status == 404
            assert told(foreign) == told(unknown)
    doctor = hospital.doctor_user(hospital.doctor())
    for slot_id, status in ((things["slots"], 403), (str(uuid.uuid4()), 404)):
        doctor.post("tokens/emergency/", {"slot_id": slot_id, "patient_id": own["id"]}).expect(status)


@pytest.mark.parametrize("role", [Role.DOCTOR, Role.PATIENT])
def test_lists_hold_nothing_of_others(hospital: Hospital, things: dict[str, str], role: str) -> None:
    caller = somebody(hospital, role)
    for path, method, operation in operations(role):
        if method != "GET" or "{" in path or any(each.get("required") for each in operation.get("parameters", [])):
            continue
        text = json.dumps(caller.get(path).expect(200))
        for collection in ("tokens", "patients", "waiting-list"):
            assert things[collection] not in text, (path, collection)

"""A write with an outdated If-Match changes nothing, at every endpoint of a resource that has an ETag."""

import uuid
from typing import Any

import pytest

from tests.factories import first_admin
from tests.security.openapi_operations import Operation, contents, create_objects, operations, writes
from tests.support.api import in_process
from tests.support.hospital import PASSWORD, Hospital

STALE = ['"0"', '"999999999"', 'W/"1"', '"nonsense"', "nonsense"]


@pytest.fixture
def hospital(db: None) -> Hospital:
    return Hospital(in_process(), first_admin(PASSWORD).username, PASSWORD)


def conditional_writes(hospital: Hospital, things: dict[str, str]) -> list[Operation]:
    """Return the writes to resources whose GET has an ETag, and to what is below them."""
    reads = [each for each in operations() if each.method == "GET" and each.path.count("{") == 1]
    versioned = [
        each.path
        for each in reads
        if each.path.endswith("}/") and "etag" in hospital.admin.get(each.address(things)).headers
    ]
    return [each for each in writes() if each.path.startswith(tuple(versioned))]


def body_of(operation: Operation, things: dict[str, str]) -> Any:
    """Return the document's example, with ids of things that exist."""
    known = {"doctor": things["doctors"], "into": things["other patient"]}
    without_other_slot = {name: value for name, value in operation.example.items() if name != "carry_over_to"}
    return without_other_slot | {name: known[name] for name in known if name in operation.example}


def objects(hospital: Hospital) -> dict[str, str]:
    return create_objects(hospital) | {"other patient": hospital.patient()["id"]}


def test_a_write_for_an_outdated_version_changes_nothing(hospital: Hospital) -> None:
    things = objects(hospital)
    found = conditional_writes(hospital, things)
    assert {each.method for each in found} == {"POST", "PUT", "PATCH", "DELETE"}
    assert len(found) > 9
    before = contents()
    for operation in found:
        for stale in STALE:
            headers = {"If-Match": stale, "Idempotency-Key": str(uuid.uuid4())}
            body = body_of(operation, things)
            answer = hospital.admin.call(operation.method, operation.address(things), body, headers=headers)
            answer.expect(412, "version-conflict")
    assert contents() == before


def test_a_write_for_the_current_version_is_carried_out(hospital: Hospital) -> None:
    for operation in conditional_writes(hospital, create_objects(hospital)):
        things = objects(hospital)
        collection = operation.path.split("/")[3]
        place = f"{collection}/{things[collection]}/"
        for form in ("{}", '"0", {}', "*"):
            etag = hospital.admin.get(place).headers.get("etag", '"1"')
            headers = {"If-Match": form.format(etag)}
            body = body_of(operation, things)
            answer = hospital.admin.call(operation.method, operation.address(things), body, headers=headers)
            assert answer.status != 412, str(answer)


def test_a_repeat_is_answered_although_its_version_is_outdated_now(hospital: Hospital) -> None:
    slot = hospital.slot()
    headers = {"Idempotency-Key": "once", "If-Match": f'"{slot["version"]}"'}
    first = hospital.desk.post(f"slots/{slot['id']}/close/", headers=headers).expect(200)
    again = hospital.desk.post(f"slots/{slot['id']}/close/", headers=headers)
    assert again.expect(200) == first
    assert again.headers["Idempotency-Replayed"] == "true"

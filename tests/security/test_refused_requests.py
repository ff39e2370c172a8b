"""A refused request changes no row and writes no event, at every endpoint and for every reason."""

import uuid
from collections.abc import Callable
from typing import Any

import pytest

from accounts.access.permission_table import PERMISSIONS, Reach
from accounts.access.roles import Role
from tests.factories import first_admin
from tests.security.openapi_operations import (
    OPEN,
    SIGNED_IN,
    Operation,
    authorization_of,
    contents,
    create_objects,
    operations,
    writes,
)
from tests.support.api import Answer, Api, in_process
from tests.support.hospital import PASSWORD, Hospital


@pytest.fixture
def hospital(db: None) -> Hospital:
    return Hospital(in_process(), first_admin(PASSWORD).username, PASSWORD)


@pytest.fixture
def things(hospital: Hospital) -> dict[str, str]:
    return create_objects(hospital)


def refused(answer: Answer) -> bool:
    return 400 <= answer.status < 500


def send(api: Api, operation: Operation, things: dict[str, str], body: Any = None, **rest: Any) -> Answer:
    return api.call(operation.method, operation.address(things), body, **rest)


def test_without_credentials(hospital: Hospital, things: dict[str, str]) -> None:
    before = contents()
    for operation in operations():
        if operation.capability != OPEN:
            for authorization in ("", "Bearer x.y.z", "Api-Key opd_nobody_nothing", "Basic YTpi"):
                answer = send(Api(hospital.wire, authorization), operation, things, operation.example)
                answer.expect(401, "not-authenticated")
    assert contents() == before


@pytest.mark.parametrize("role", [Role.FRONT_DESK, Role.DOCTOR, Role.PATIENT])
def test_for_another_role(hospital: Hospital, things: dict[str, str], role: Role) -> None:
    facts = {Role.DOCTOR: {"doctor": hospital.doctor()["id"]}, Role.PATIENT: {"patients": [hospital.patient()["id"]]}}
    caller = hospital.user(role, **facts.get(role, {}))
    before, tried = contents(), 0
    for operation in writes():
        reach = PERMISSIONS.get(operation.capability, {}).get(role)
        if reach is Reach.NONE or (reach is Reach.OWN and "{" in operation.path):
            assert refused(send(caller, operation, things, operation.example)), operation
            tried += 1
    assert tried > 5
    assert contents() == before


MALFORMED: dict[str, Callable[[Operation], dict[str, Any]]] = {
    "not JSON": lambda _: {"content": b'{"name": '},
    "not an object": lambda _: {"content": b"[1, 2]"},
    "not UTF-8": lambda _: {"content": b'{"name": "\xff"}'},
    "too deep": lambda _: {"content": b'{"a": ' * 40 + b"1" + b"}" * 40},
    "another type": lambda _: {"content": b"name=x", "content_type": "text/csv"},
    "an unknown field": lambda operation: {"json_body": {**operation.example, "no_such_field": 1}},
    "too many fields": lambda operation: {"json_body": {**operation.example, **{f"x{i}": i for i in range(500)}}},
    "too long": lambda _: {"content": b'{"a": "' + b"x" * 300_000 + b'"}'},
    "every field a list": lambda operation: {"json_body": {name: [[]] for name, _ in operation.fields} or {"a": []}},
}


@pytest.mark.parametrize("what", MALFORMED)
def test_with_a_malformed_body(hospital: Hospital, things: dict[str, str], what: str) -> None:
    for kind in ("board", "kiosk"):
        hospital.device(kind)
    before = contents()
    for operation in writes():
        if operation.capability == SIGNED_IN or not operation.fields:
            continue  # the caller's own account is the administrator's here; and some take no body
        sent = MALFORMED[what](operation)
        caller = Api(hospital.wire, authorization_of(operation, hospital))
        answer = caller.call(operation.method, operation.address(things), sent.pop("json_body", None), **sent)
        assert refused(answer), (str(operation), str(answer))
    assert contents() == before


def test_with_an_id_that_does_not_exist(hospital: Hospital, things: dict[str, str]) -> None:
    before = contents()
    nothing = {collection: str(uuid.uuid4()) for collection in things}
    for operation in operations():
        if "{" in operation.path:
            answer = send(hospital.admin, operation, nothing, None if operation.method == "GET" else operation.example)
            # 415: a logo is not sent as JSON
            assert answer.status in (400, 404, 415), (str(operation), str(answer))
    assert contents() == before

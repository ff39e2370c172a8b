"""Filters of every list are as strict as bodies: what can't be meant is refused, not dropped."""

from functools import cache
from typing import Any

import pytest

from tests.factories import first_admin
from tests.security.openapi_operations import create_objects
from tests.support.api import in_process
from tests.support.hospital import PASSWORD, Hospital

pytestmark = pytest.mark.django_db


@cache
def reads() -> tuple[tuple[str, tuple[str, ...], tuple[str, ...]], ...]:
    """Return the path, the parameters and the required parameters of each GET that takes a query."""
    from drf_spectacular.generators import SchemaGenerator

    document = SchemaGenerator().get_schema(request=None, public=True)
    shared = document["components"]["parameters"]
    found = []
    for path, methods in document["paths"].items():
        listed: list[dict[str, Any]] = methods.get("get", {}).get("parameters", [])
        resolved = [shared[each["$ref"].split("/")[-1]] if "$ref" in each else each for each in listed]
        query = [each for each in resolved if each["in"] == "query"]
        if query and path.startswith("/api/v1/"):
            required = tuple(each["name"] for each in query if each.get("required"))
            found.append((path, tuple(each["name"] for each in query), required))
    return tuple(found)


@pytest.fixture
def hospital(db: None) -> Hospital:
    return Hospital(in_process(), first_admin(PASSWORD).username, PASSWORD)


def address(path: str, things: dict[str, str]) -> str:
    collection = path.removeprefix("/api/v1/").split("/")[0]
    return path.split("{")[0] + (things[collection] + path.split("}")[1] if "{" in path else "")


@pytest.mark.parametrize("text", ["\0", "a\0", "\0a"])
def test_a_character_that_no_text_has_is_refused_in_every_filter(hospital: Hospital, text: str) -> None:
    things = create_objects(hospital)
    known, tried = {"slot_id": things["slots"]}, 0
    for path, names, required in reads():
        for name in names:
            rest = {each: known[each] for each in required if each != name}
            answer = hospital.admin.call("GET", address(path, things), query={**rest, name: text})
            assert answer.status == 400, (path, name, str(answer))
            tried += 1
    assert tried > 30


def test_a_filter_that_does_not_exist_is_refused_in_every_list(hospital: Hospital) -> None:
    things = create_objects(hospital)
    known = {"slot_id": things["slots"]}
    for path, _, required in reads():
        rest = {each: known[each] for each in required}
        answer = hospital.admin.call("GET", address(path, things), query={**rest, "no_such_filter": "1"})
        answer.expect(400, "validation-error")
        assert answer.codes == {"no_such_filter": "unknown-field"}, path


def test_a_filter_that_is_given_twice_is_refused(hospital: Hospital) -> None:
    things = create_objects(hospital)
    known = {"slot_id": things["slots"]}
    for path, names, required in reads():
        rest = {each: known[each] for each in required}
        for name in names:
            twice = f"{name}={known.get(name, 1)}&{name}={known.get(name, 1)}"
            answer = hospital.admin.call("GET", f"{address(path, things)}?{twice}", query=rest)
            assert (answer.status, set(answer.body["errors"][0].items()) >= {("code", "repeated")}) == (400, True), path


@pytest.mark.parametrize(
    "order", ["dry_run=true&dry_run=false", "dry_run=false&dry_run=true", "dry_run=true&dry_run=true"]
)
def test_a_write_is_not_both_dry_and_real(hospital: Hospital, order: str) -> None:
    slot = hospital.slot()
    for method, path, body in (
        ("PUT", f"slots/{slot['id']}/delay/", {"delay_minutes": 5}),
        ("POST", f"slots/{slot['id']}/cancel/", {}),
        ("POST", "slots/cancel/", {"doctor": slot["doctor"], "from": "2026-01-01", "to": "2027-01-01"}),
    ):
        hospital.desk.call(method, f"{path}?{order}", body).expect(400, "validation-error")
    assert hospital.slot_now(slot) == slot


def test_a_search_that_is_too_long_is_refused(hospital: Hospital) -> None:
    for path, names, _ in reads():
        if "search" in names:
            hospital.admin.get(path, search="a" * 255).expect(400, "validation-error")

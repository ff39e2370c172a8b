"""Ids in paths are read as in bodies and filters, in any letter case; a malformed id gives 404."""

import re
from collections.abc import Iterator

import pytest
from django.urls import URLPattern, URLResolver, get_resolver
from django.urls.converters import UUIDConverter

from core.api.converters import IdConverter
from tests.support.hospital import Hospital

pytestmark = pytest.mark.django_db(transaction=True)


def patterns(below: URLResolver | None = None) -> Iterator[URLPattern]:
    for each in (below or get_resolver()).url_patterns:
        if isinstance(each, URLResolver):
            yield from patterns(each)
        else:
            yield each


def test_every_route_with_an_id_takes_any_letter_case() -> None:
    converters = [
        converter
        for each in patterns()
        for converter in getattr(each.pattern, "converters", {}).values()
        if isinstance(converter, UUIDConverter)
    ]
    assert len(converters) > 20
    assert [each for each in converters if not isinstance(each, IdConverter)] == []


def test_an_id_in_capitals_is_the_same_id(hospital: Hospital) -> None:
    slot = hospital.slot()
    token, other = hospital.token(slot), hospital.token(slot)
    desk, admin = hospital.desk, hospital.admin
    there = {
        "slots": slot["id"],
        "tokens": token["id"],
        "patients": token["patient"],
        "doctors": slot["doctor"],
        "facilities": hospital.facility["id"],
    }
    for collection, each in there.items():
        assert desk.get(f"{collection}/{each.upper()}/").expect(200)["id"] == each
    upper = slot["id"].upper()
    queue = desk.get(f"slots/{slot['id']}/tokens/").expect(200)
    assert desk.get(f"slots/{upper}/tokens/").expect(200) == queue
    assert len(queue) == 2
    assert desk.post(f"tokens/{token['id'].upper()}/check_in/").expect(200)["id"] == token["id"]
    assert desk.post(f"slots/{upper}/call_next/").expect(200)["id"] == token["id"]
    assert desk.delete(f"tokens/{other['id'].title()}/").expect(200)["token"]["id"] == other["id"]
    user = desk.get("auth/me/").expect(200)["id"]
    assert admin.get(f"users/{user.upper()}/").expect(200)["id"] == user
    body = {"slot_id": upper, "patient_id": hospital.patient()["id"].upper(), "category": "WALKIN"}
    assert desk.post("tokens/", body).expect(201)["slot"] == slot["id"]


@pytest.mark.parametrize("spoil", ["{hex}", "{{{id}}}", "urn:uuid:{id}", "{id}0", "g{short}", "%20{id}"])
def test_what_is_no_id_is_not_found(hospital: Hospital, spoil: str) -> None:
    slot = hospital.slot()["id"]
    path = spoil.format(id=slot, hex=re.sub("-", "", slot), short=slot[1:])
    for tail in ("", "tokens/"):
        hospital.desk.get(f"slots/{path}/{tail}").expect(404, "not-found")
    hospital.desk.post(f"slots/{path}/call_next/").expect(404, "not-found")


def test_a_repeat_with_the_id_in_capitals_is_the_same_request(hospital: Hospital) -> None:
    slot = hospital.slot()
    token = hospital.token(slot)
    once = {"Idempotency-Key": "any-case"}
    first = hospital.desk.post(f"tokens/{token['id']}/check_in/", headers=once).expect(200)
    for spelled in (token["id"].upper(), token["id"].title(), token["id"].replace("-", "%2D")):
        again = hospital.desk.post(f"tokens/{spelled}/check_in/", headers=once)
        assert again.expect(200) == first
        assert again.headers["Idempotency-Replayed"] == "true"
    hospital.desk.post(f"tokens/{token['id']}/call/", headers=once).expect(422, "idempotency-mismatch")

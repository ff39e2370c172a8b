"""Bad input never causes a 500: each malformed value is sent to every endpoint with a body and every filter."""

import json
from typing import Any

import pytest

from tests.support.api import Api
from tests.support.hospital import Hospital, phone, unique

Json = dict[str, Any]
DEEP = b"[" * 100_000 + b"]" * 100_000

BODIES: dict[str, bytes] = {
    "broken": b'{"name": ',
    "array": b"[]",
    "array-of-objects": b'[{"name": "x"}]',
    "number": b"12",
    "text": b'"name"',
    "null": b"null",
    "true": b"true",
    "empty-text": b"   ",
    "nan": b'{"name": NaN}',
    "infinity": b'{"max_capacity": Infinity, "acuity": -Infinity}',
    "latin-1": '{"name": "Zoë"}'.encode("latin-1"),
    "utf-16": '{"name": "x"}'.encode("utf-16"),
    "deep": DEEP,
    "deep-value": b'{"name": ' + DEEP + b"}",
    "deep-objects": b'{"a":' * 20_000 + b"1" + b"}" * 20_000,
    "digits": b'{"name": ' + b"9" * 300 + b', "max_capacity": ' + b"9" * 300 + b', "acuity": ' + b"9" * 5000 + b"}",
    "exponent": b'{"delay_minutes": 1e400, "max_capacity": 1e308, "acuity": 1E-999}',
    "nul": b'{"name": "a\\u0000b", "phone": "1\\u0000", "reason": "\\u0000", "slot_id": "\\u0000"}',
    "surrogate": b'{"name": "a\\ud800b", "phone": "\\udfff12345", "reason": "\\ud83d", "category": "\\ud800"}',
    "surrogate-key": b'{"\\ud800": 1, "a\\u0000": 2}',
    "many-keys": json.dumps({f"k{n}": n for n in range(5000)}).encode(),
    "twice": b'{"name": "a", "name": "b", "name": ["c"]}',
    "objects": b'{"name": {}, "phone": [], "slot_id": {}, "patient_id": [], "category": {}, "doctor": {}}',
}
PLACES = [
    ("POST", "doctors/"), ("POST", "patients/"), ("POST", "slots/"), ("POST", "slots/bulk/"), ("POST", "tokens/"),
    ("POST", "tokens/emergency/"), ("POST", "users/"), ("POST", "api-keys/"), ("POST", "auth/token/"),
    ("POST", "auth/token/refresh/"), ("PUT", "slots/{slot}/delay/"), ("POST", "tokens/{token}/triage/"),
    ("PATCH", "slots/{slot}/"), ("PATCH", "patients/{patient}/"), ("PATCH", "doctors/{doctor}/"),
    ("PUT", "slots/{slot}/"),
]  # fmt: skip


@pytest.fixture(scope="module")
def things(hospital: Hospital) -> Json:
    """One object of each kind, which no bad input may change."""
    slot, patient = hospital.slot(), hospital.patient()
    return {"slot": slot, "patient": patient, "token": hospital.emergency(slot, patient)}


@pytest.mark.parametrize("trap", BODIES)
def test_no_body_breaks_it(hospital: Hospital, things: Json, trap: str) -> None:
    """Every response is a 4xx problem, but a body without relevant fields may be accepted."""
    names = {k: v["id"] for k, v in things.items()} | {"doctor": things["slot"]["doctor"]}
    before = [hospital.slot_now(things["slot"]), hospital.read(things["token"])]
    for method, path in PLACES:
        answer = hospital.admin.call(method, path.format(**names), content=BODIES[trap])
        if method == "PATCH" and answer.status == 200:
            assert trap in ("twice", "empty-text"), str(answer)
            continue
        assert 400 <= answer.status < 500, str(answer)
    assert [hospital.slot_now(things["slot"]), hospital.read(things["token"])] == before


@pytest.mark.parametrize(
    "trap", ["broken", "array", "number", "text", "null", "deep", "utf-16", "surrogate-key", "nan"]
)
def test_no_body_breaks_an_action(hospital: Hospital, things: Json, trap: str) -> None:
    token, slot = things["token"]["id"], things["slot"]["id"]
    before = hospital.read(things["token"])
    for path in (
        f"tokens/{token}/confirm/",
        f"tokens/{token}/start/",
        f"tokens/{token}/complete/",
        f"slots/{slot}/call_next/",
    ):
        answer = hospital.desk.call("POST", path, content=BODIES[trap])
        assert 400 <= answer.status < 500, str(answer)
    assert hospital.read(things["token"]) == before


@pytest.mark.parametrize(
    "name",
    ["a\x00b", "a\ud800b", "x" * 10_000, "\u202e", "\n", "\u0000", " "],
    ids=["nul", "surrogate", "long", "rtl", "newline", "only-nul", "blank"],
)
def test_a_name_that_is_no_name(hospital: Hospital, name: str) -> None:
    answer = hospital.desk.post("patients/", {"name": name, "phone": phone()})
    answer.expect(400, "validation-error")
    assert set(answer.codes) == {"name"}


@pytest.mark.parametrize(
    "name", ["Zoë Ñandú", "अनिल कुमार", "O'Brien; DROP TABLE", "<b>x</b>", "👩‍⚕️ Asha", "\uff21\uff53\uff48\uff41"]
)
def test_any_name_of_a_person_is_kept_as_it_is(hospital: Hospital, name: str) -> None:
    whole = unique(name)
    made = hospital.desk.post("patients/", {"name": whole, "phone": phone()}).expect(201)
    assert hospital.desk.get(f"patients/{made['id']}/").expect(200)["name"] == whole


QUERIES = [
    "slots/?doctor=1", "slots/?doctor=%00", "slots/?date=2026-02-30", "slots/?date=20260101T", "slots/?status=active",
    "slots/?available=%F0%9F%98%80", "tokens/?slot=%27%20OR%201=1", "tokens/?date=0000-00-00", "tokens/?category=",
    "tokens/?patient=[]", "patients/?search=%00", "patients/?search=" + "x" * 5000, "patients/?search=%FF%FE",
    "doctors/?search=%5C", "doctors/?is_active=2", "doctors/?specialization=%00", "waiting-list/?status=,,,",
    "waiting-list/?slot=x", "waiting-list/by_slot/?slot_id=%00", "events/?after=-1", "events/?after=" + "9" * 300,
    "events/?slot=x", "reports/daily/?date=99999-01-01", "reports/daily/?date=9999-12-31",
    "reports/daily/?date=0001-01-01", "reports/daily/?doctor_id=%ED%A0%80", "slots/?date=9999-12-31",
    "slots/?date=0001-01-01",    "tokens/?date=9999-12-31",
    "tokens/?page=1&page=2", "tokens/?page_size=0x10", "tokens/?ordering=password", "tokens/?ordering=--id",
    "tokens/?format=csv", "slots/?format=html", "tokens/?colour=blue", "patients/?" + "a=1&" * 2000,
]  # fmt: skip


@pytest.mark.parametrize("query", QUERIES, ids=lambda text: text[:40])
def test_no_query_breaks_it(hospital: Hospital, query: str) -> None:
    answer = hospital.desk.call("GET", query)
    assert answer.status == 200 or 400 <= answer.status < 500, str(answer)


def test_no_header_breaks_it(hospital: Hospital) -> None:
    slot = hospital.slot()
    for headers in (
        {"Accept": "a" * 5000}, {"If-Match": "é"}, {"If-Match": "W/"},
        {"If-Match": '"' + "9" * 5000 + '"'},
        {"X-Request-ID": "x" * 5000}, {"X-Request-ID": "a\tb"}, {"X-Forwarded-For": "nonsense, '; --"},
        {"Authorization": "Bearer " + "." * 50}, {"Accept-Language": "xx-" * 300}, {"Range": "bytes=0-1"},
    ):  # fmt: skip
        answer = hospital.desk.call("PATCH", f"slots/{slot['id']}/", {"max_capacity": 5}, headers=headers)
        assert answer.status < 500, str(answer)


@pytest.mark.parametrize(
    "kind",
    ["application/json; charset=nonsense", "application/json; charset=utf-16", "json", "", "application/", "a" * 3000],
)
def test_no_content_type_breaks_it(hospital: Hospital, kind: str) -> None:
    answer = hospital.desk.call("POST", "patients/", content=b'{"name": "x", "phone": "1234567"}', content_type=kind)
    assert answer.status in (201, 400, 409, 415), str(answer)


def test_a_surrogate_in_a_query_or_path_is_no_500(hospital: Hospital) -> None:
    for path in ("patients/?search=%ED%A0%80", "doctors/%ED%A0%80/", "slots/%E2%80%AE/", "tokens/%2e%2e/", "tokens//"):
        answer = hospital.desk.call("GET", path)
        assert answer.status < 500, str(answer)


def test_signing_in_with_a_huge_password_is_no_500(hospital: Hospital) -> None:
    for body in ({"username": "x" * 10_000, "password": "y"}, {"username": "x", "password": "y" * 100_000}):
        answer = hospital.nobody.post("auth/token/", body)
        assert answer.status in (400, 401), str(answer)
    answer = Api(hospital.wire).call("POST", "auth/token/", content=DEEP)
    assert answer.status == 400, str(answer)


@pytest.mark.parametrize("method", ["GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS", "TRACE", "FROB"])
@pytest.mark.parametrize("path", ["tokens", "slots/bulk", "auth/token", "tokens/", "waiting-list/by_slot/", "healthz"])
def test_no_method_and_no_missing_slash_breaks_it(hospital: Hospital, method: str, path: str) -> None:
    """A body sent to a path without its slash is refused or redirected, never a 500."""
    wire = hospital.wire
    headers = {"Authorization": hospital.desk.authorization, "Content-Type": "application/json"}
    reply = wire(method, f"/api/v1/{path}", b"" if method in ("GET", "HEAD", "TRACE") else b"{}", headers)
    assert reply.status_code < 500, reply.text
    if reply.status_code >= 400 and method != "HEAD":
        assert reply.headers["content-type"].startswith("application/problem+json"), reply.headers

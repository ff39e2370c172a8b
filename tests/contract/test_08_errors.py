"""Section 8: every error code, as an RFC 9457 problem (all other tests check that format too)."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from uuid import uuid4

import psycopg
import pytest

from tests.support.api import Api
from tests.support.hospital import Hospital


def test_without_credentials_401(hospital: Hospital) -> None:
    for path in (
        "facilities/",
        "doctors/",
        "patients/",
        "slots/",
        "tokens/",
        "waiting-list/",
        "reports/daily/",
        "events/",
        "users/",
        "api-keys/",
        "auth/me/",
    ):
        answer = hospital.nobody.get(path)
        answer.expect(401, "not-authenticated")
        assert answer.headers.get("www-authenticate"), "RFC 9110 wants a challenge"
    hospital.nobody.post("tokens/", {}).expect(401, "not-authenticated")
    hospital.nobody.delete("tokens/6f1c2f0e-0000-4000-8000-000000000000/").expect(401, "not-authenticated")


@pytest.mark.parametrize(
    "credentials",
    [
        "Bearer nonsense",
        "Bearer",
        "Bearer a.b.c",
        "Api-Key nonsense",
        "Api-Key",
        "Basic YTpi",
        "Bearer " + "x" * 9000,
        "Bearer é",
    ],
    ids=lambda text: text[:14],
)
def test_with_bad_credentials_401(hospital: Hospital, credentials: str) -> None:
    sent = credentials.encode("latin-1").decode("latin-1")
    Api(hospital.wire, sent).get("doctors/").expect(401, "not-authenticated")


def test_method_not_allowed(hospital: Hospital) -> None:
    answer = hospital.desk.call("PATCH", "doctors/", {})
    answer.expect(405, "method-not-allowed")
    assert "GET" in answer.headers["allow"]


def test_not_acceptable(hospital: Hospital) -> None:
    answer = hospital.desk.call("GET", "doctors/", headers={"Accept": "text/csv"})
    answer.expect(406, "not-acceptable")


@pytest.mark.parametrize(
    "accept", ["*/*", "application/json", "application/problem+json, application/json", "text/html, */*;q=0.1"]
)
def test_acceptable(hospital: Hospital, accept: str) -> None:
    hospital.desk.call("GET", "doctors/", headers={"Accept": accept}).expect(200)


@pytest.mark.parametrize(
    "kind", ["text/plain", "application/xml", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x"]
)
def test_unsupported_media_type(hospital: Hospital, kind: str) -> None:
    answer = hospital.desk.call("POST", "patients/", content=b"name=x", content_type=kind)
    answer.expect(415, "unsupported-media-type")


def test_json_with_a_charset_is_supported(hospital: Hospital) -> None:
    body = '{"name": "Zoë Ñandú", "phone": "+91 99 1234 5678"}'.encode()
    made = hospital.desk.call("POST", "patients/", content=body, content_type="application/json; charset=utf-8")
    assert made.status in (201, 409), str(made)


@pytest.mark.parametrize("path", ["nothing/", "", "doctors/nothing/else/", "tokens/emergency/x/"])
def test_an_unknown_address_is_a_problem_too(hospital: Hospital, path: str) -> None:
    hospital.desk.get(path).expect(404, "not-found")


@pytest.mark.parametrize("size", [257 * 1024, 8 * 1024 * 1024])
def test_payload_too_large(hospital: Hospital, size: int) -> None:
    body = b'{"name": "' + b"x" * size + b'", "phone": "1"}'
    slot = hospital.slot()
    for method, path in (
        ("POST", "patients/"),
        ("POST", "tokens/"),
        ("POST", "slots/"),
        ("PATCH", f"slots/{slot['id']}/"),
        ("POST", "auth/token/"),
    ):
        hospital.desk.call(method, path, content=body).expect(413, "payload-too-large")


def test_a_body_below_256_kb_is_judged_by_its_fields(hospital: Hospital) -> None:
    body = b'{"name": "' + b"x" * (250 * 1024) + b'", "phone": "1234567"}'
    hospital.desk.call("POST", "patients/", content=body).expect(400, "validation-error")


def test_several_bad_fields_are_reported_at_once(hospital: Hospital) -> None:
    answer = hospital.desk.post("tokens/", {"category": "VIP", "slot_id": "x", "colour": 1})
    answer.expect(400, "validation-error")
    assert set(answer.codes) == {"category", "slot_id", "patient_id", "colour"}


def test_a_problem_has_a_type_that_names_its_kind(hospital: Hospital) -> None:
    one = hospital.desk.get("slots/6f1c2f0e-0000-4000-8000-000000000000/").expect(404, "not-found")
    two = hospital.ask(hospital.full_slot(1)[0], join_waiting_list=False).expect(409, "slot-full")
    assert one["type"] != two["type"] or one["type"] == "about:blank"
    assert "errors" not in two


@pytest.mark.parametrize("path", ["/healthz/live", "/healthz/ready", "/api/schema/", "/api/docs/"])
def test_what_is_open_to_everybody(hospital: Hospital, path: str) -> None:
    hospital.nobody.get(path).expect(200)


def test_readiness_and_metrics_and_admin_answer(hospital: Hospital) -> None:
    ready = hospital.nobody.get("/healthz/ready")
    assert ready.status == 200
    assert hospital.nobody.call("GET", "/admin/").status in (200, 302)
    metrics = hospital.wire("GET", "/metrics", b"", {})
    assert metrics.status_code in (200, 401, 403)


def test_no_answer_of_a_desk_leaks_how_it_was_made(hospital: Hospital) -> None:
    for path in (
        "slots/%00/",
        "tokens/?slot=%00",
        "patients/?search=%00",
        "doctors/?search=%EF%BF%BF",
        "events/?after=%00",
    ):
        answer = hospital.desk.call("GET", path)
        assert answer.status in (200, 400, 404), str(answer)


def test_the_schema_names_every_address_of_the_contract(hospital: Hospital) -> None:
    reply = hospital.wire("GET", "/api/schema/", b"", {"Accept": "application/json"})
    assert reply.status_code == 200
    paths: set[str] = {re.sub(r"\{\w+\}", "{id}", path) for path in reply.json()["paths"]}
    for wanted in (
        "doctors/", "patients/", "slots/", "slots/bulk/", "slots/{id}/delay/", "slots/{id}/cancel/",
        "slots/{id}/close/", "slots/{id}/tokens/", "slots/{id}/call_next/", "tokens/", "tokens/{id}/",
        "tokens/emergency/", "tokens/{id}/explain/",
        "tokens/{id}/triage/", "waiting-list/", "waiting-list/by_slot/", "reports/daily/", "events/", "facilities/",
        "auth/token/", "auth/me/",
    ):  # fmt: skip
        assert f"/api/v1/{wanted}" in paths, wanted


@contextmanager
def slot_locked_by_somebody_else(slot_id: str) -> Iterator[None]:
    """Another connection to the database holds the slot's row until the block ends."""
    from django.db import connection

    facts = connection.get_connection_params()
    names = ("host", "port", "user", "password", "dbname")
    with psycopg.connect(**{name: facts[name] for name in names if facts.get(name)}) as other:
        other.execute("SELECT 1 FROM clinics_slot WHERE id = %s FOR UPDATE", [slot_id])
        yield
        other.rollback()


def test_a_slot_whose_lock_is_not_had_in_time_is_busy_and_nothing_is_changed(hospital: Hospital, settings: Any) -> None:
    settings.OPD_LOCK_WAIT_SECONDS = 0.2
    slot, patient = hospital.slot(), hospital.patient()
    token = hospital.token(slot)
    sent = {"Idempotency-Key": str(uuid4())}
    body = {"slot_id": slot["id"], "patient_id": patient["id"], "category": "WALKIN"}
    before = hospital.tokens_of(slot)
    with slot_locked_by_somebody_else(slot["id"]):
        for answer in (
            hospital.desk.post("tokens/", body, headers=sent),
            hospital.desk.post("tokens/", body),
            hospital.do(token, "check_in"),
            hospital.do(token, "cancel"),
            hospital.desk.post("tokens/emergency/", {"slot_id": slot["id"], "patient_id": patient["id"]}),
            hospital.desk.post(f"slots/{slot['id']}/call_next/"),
            hospital.desk.put(f"slots/{slot['id']}/delay/", {"delay_minutes": 5}),
            hospital.desk.patch(f"slots/{slot['id']}/", {"max_capacity": 9}),
        ):
            answer.expect(503, "slot-busy")
        assert hospital.tokens_of(slot) == before, "reading waits for nobody"
    hospital.desk.post("tokens/", body, headers=sent).expect(201)

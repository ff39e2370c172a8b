"""Handling of every request outside the view: problem responses, limits, headers, request ids."""

import json
import logging
import re
import uuid
from collections.abc import Iterator
from typing import Any

import pytest
from django.http import HttpResponse
from django.test import Client, override_settings
from django.urls import path

from core.observability import health

pytestmark = pytest.mark.django_db

HTTPS = {"secure": True}


@pytest.fixture
def client() -> Client:
    return Client(raise_request_exception=False)


def problem(response: HttpResponse, status: int, code: str) -> dict[str, Any]:
    assert response.status_code == status, response.content[:500]
    assert response["Content-Type"] == "application/problem+json"
    told: dict[str, Any] = json.loads(response.content)
    assert (told["status"], told["code"]) == (status, code)
    assert {"type", "title", "detail"} <= told.keys()
    return told


def boom(request: Any) -> HttpResponse:
    raise ZeroDivisionError("patient Asha Rao, +91 98450")


class Broken:
    """The engine's URLs, and one that raises an error."""

    from config.urls import handler400, handler403, handler404, handler500, urlpatterns

    urlpatterns = [*urlpatterns, path("boom/", boom)]


@pytest.mark.parametrize("address", ["/nowhere", "/api/v1/nothing/", "/api/v1/doctors/not-a-uuid/", "/api/v1/doctors"])
def test_unknown_addresses(client: Client, address: str) -> None:
    problem(client.get(address), 404, "not-found")


def test_without_credentials(client: Client) -> None:
    answer = client.get("/api/v1/doctors/")
    problem(answer, 401, "not-authenticated")
    assert answer["WWW-Authenticate"].startswith("Bearer")


def test_wrong_method(client: Client) -> None:
    problem(client.put("/api/v1/auth/token/", "{}", content_type="application/json"), 405, "method-not-allowed")
    problem(client.post("/healthz/live"), 405, "method-not-allowed")


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        (b"{", 400, "validation-error"),
        (b"[]", 400, "validation-error"),
        (b'"text"', 400, "validation-error"),
        (b"null", 400, "validation-error"),
        (b"[" * 100_000, 400, "validation-error"),
        (b'{"username": "\\ud800", "password": "x"}', 400, "validation-error"),
        (b'{"username": "a\\u0000b", "password": "x"}', 400, "validation-error"),
        (b'{"username": NaN, "password": "x"}', 400, "validation-error"),
        (b'{"username": {}, "password": []}', 400, "validation-error"),
        (b"{}", 400, "validation-error"),
        (b"", 400, "validation-error"),
        (b'"' + b"x" * (8 * 1024 * 1024) + b'"', 413, "payload-too-large"),
    ],
)
def test_bad_bodies(client: Client, body: bytes, status: int, code: str) -> None:
    told = problem(client.post("/api/v1/auth/token/", body, content_type="application/json"), status, code)
    assert (status == 400) == bool(told.get("errors"))


def test_other_media_types(client: Client) -> None:
    problem(client.post("/api/v1/auth/token/", {"username": "a"}), 415, "unsupported-media-type")
    problem(client.get("/api/v1/auth/token/", headers={"Accept": "text/html"}), 406, "not-acceptable")
    problem(client.post("/api/v1/auth/token/", b"{}", content_type="nonsense"), 415, "unsupported-media-type")


def test_a_lying_content_length(client: Client) -> None:
    for length in ("9" * 30, "-1", "abc"):
        answer = client.post("/api/v1/auth/token/", b"{}", content_type="application/json", CONTENT_LENGTH=length)
        assert answer.status_code in {400, 413}
        assert answer["Content-Type"] == "application/problem+json"


def test_unknown_hosts(client: Client) -> None:
    problem(client.get("/api/v1/doctors/", headers={"Host": "evil.example"}), 400, "validation-error")


@override_settings(ROOT_URLCONF=Broken)
def test_a_bug_tells_nothing(client: Client, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO):
        answer = client.get("/boom/")
    problem(answer, 500, "internal-error")
    assert b"Asha" not in answer.content
    assert "ZeroDivisionError" in caplog.text
    assert "Asha" not in caplog.text


def test_request_ids(client: Client) -> None:
    given = "desk-3.2026_03"
    assert client.get("/healthz/live", headers={"X-Request-ID": given})["X-Request-ID"] == given
    for bad in ("short", "x" * 129, "a b c d e f", "line\nbreak-break", "ключключ"):
        assert uuid.UUID(client.get("/healthz/live", headers={"X-Request-ID": bad})["X-Request-ID"]).version == 7


def test_the_access_line_names_the_route_and_nothing_personal(client: Client, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO):
        client.get(
            f"/api/v1/patients/{uuid.uuid4()}/?search=Asha&phone=98450", headers={"Authorization": "Bearer s3cret"}
        )
    assert "api/v1/patients/<id:" in caplog.text
    for secret in ("Asha", "98450", "s3cret"):
        assert secret not in caplog.text


def test_security_headers(client: Client) -> None:
    answer = client.get("/api/v1/doctors/")
    assert answer["Cache-Control"] == "no-store"
    assert answer["X-Content-Type-Options"] == "nosniff"
    assert answer["Referrer-Policy"] == "same-origin"
    assert answer["X-Frame-Options"] == "DENY"
    assert "frame-ancestors 'none'" in answer["Content-Security-Policy"]
    assert "default-src 'none'" in answer["Content-Security-Policy"]


def test_docs_need_no_script_in_the_page_and_no_other_host(client: Client) -> None:
    page = client.get("/api/docs/").content.decode()
    assert "https://" not in page.replace("https://www.w3.org", "")
    for part in page.split("<script")[1:]:
        assert "src=" in part.split(">")[0], "an inline script"
    for address in re.findall(r'(?:src|href)="([^"]+)"', page):
        answer = client.get(address)
        assert answer.status_code == 200, address
    assert "<style" not in page


def test_the_schema_is_there_in_json_too(client: Client) -> None:
    document = client.get("/api/schema/", headers={"Accept": "application/vnd.oai.openapi+json"}).json()
    assert document["openapi"].startswith("3.")
    assert "Problem" in document["components"]["schemas"]
    token = document["paths"]["/api/v1/auth/token/"]["post"]
    assert {"400", "401", "413", "415", "429", "503"} <= token["responses"].keys()


def test_live_and_ready(client: Client) -> None:
    assert client.get("/healthz/live").json() == {"status": "ok"}
    assert client.get("/healthz/ready").json() == {"status": "ok", "database": "ok", "redis": "ok"}


@override_settings(REDIS_URL="redis://127.0.0.1:1/0")
def test_without_redis_it_is_degraded_and_ready(client: Client) -> None:
    answer = client.get("/healthz/ready")
    assert (answer.status_code, answer.json()["redis"]) == (200, "degraded")


def test_without_a_database_it_is_not_ready(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    from django.db import OperationalError

    class Away:
        def cursor(self) -> Any:
            raise OperationalError("connection refused: host=10.0.0.5 user=opd")

    monkeypatch.setattr(health, "connection", Away())
    answer = client.get("/healthz/ready")
    told = problem(answer, 503, "unavailable")
    assert answer["Retry-After"]
    assert told["database"] == "unavailable"
    assert b"10.0.0.5" not in answer.content


def test_metrics_name_routes_and_no_ids(client: Client) -> None:
    patient = uuid.uuid4()
    client.get(f"/api/v1/patients/{patient}/")
    client.get(f"/nowhere/{patient}")
    client.generic("BREW", "/healthz/live")
    text = client.get("/metrics").content.decode()
    assert 'route="api/v1/patients/<id:patient_id>/"' in text
    assert 'method="other"' in text
    assert "opd_gate_circuit_open" in text
    assert str(patient) not in text


@pytest.fixture
def hospital() -> Iterator[None]:
    with override_settings(
        OPD_REQUIRE_HTTPS=True, OPD_INTERNAL_NETWORKS=["10.0.0.0/8"], OPD_NUM_PROXIES=1, SECURE_HSTS_SECONDS=60,
        SECURE_PROXY_SSL_HEADER=("HTTP_X_FORWARDED_PROTO", "https"),
    ):  # fmt: skip
        yield


@pytest.mark.usefixtures("hospital")
def test_plain_http_is_refused_not_redirected(client: Client) -> None:
    problem(client.get("/api/v1/doctors/"), 403, "permission-denied")
    assert client.get("/healthz/live").status_code == 200
    answer = client.get("/api/v1/doctors/", headers={"X-Forwarded-Proto": "https"})
    problem(answer, 401, "not-authenticated")
    assert answer["Strict-Transport-Security"] == "max-age=60"


@pytest.mark.usefixtures("hospital")
def test_metrics_and_admin_are_for_the_house(client: Client) -> None:
    for address in ("/metrics", "/admin/login/"):
        outside = {"X-Forwarded-For": "10.0.0.1, 8.8.8.8", "X-Forwarded-Proto": "https"}
        problem(client.get(address, headers=outside), 403, "permission-denied")
        inside = {"X-Forwarded-For": "8.8.8.8, 10.0.0.1", "X-Forwarded-Proto": "https"}
        assert client.get(address, headers=inside).status_code == 200


def test_other_origins_are_not_invited(client: Client) -> None:
    asked = {"Origin": "https://evil.example", "Access-Control-Request-Method": "POST"}
    answer = client.options("/api/v1/auth/token/", headers=asked)
    assert not answer.has_header("Access-Control-Allow-Origin")
    with override_settings(CORS_ALLOWED_ORIGINS=["https://desk.example"]):
        asked["Origin"] = "https://desk.example"
        assert client.options("/api/v1/auth/token/", headers=asked)["Access-Control-Allow-Origin"] == asked["Origin"]

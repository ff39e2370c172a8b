"""The API endpoint class: what every route does before and after its handler."""

import json
from typing import Any

import pytest
from django.http import HttpRequest, HttpResponse
from django.test import Client, override_settings
from django.urls import include, path
from rest_framework.authentication import BaseAuthentication
from rest_framework.permissions import BasePermission
from rest_framework.throttling import BaseThrottle

from config.urls import handler400, handler403, handler404, handler500
from core.api.answers import Answer
from core.api.endpoint import Endpoint
from core.api.request import ApiRequest


class ByHeader(BaseAuthentication):
    """Authenticate as whatever the header says."""

    def authenticate(self, request: Any) -> tuple[Any, Any] | None:
        actor = request.META.get("HTTP_X_ACTOR")
        return (actor, actor) if actor else None


class NoStrangers(BasePermission):
    message = "This is for friends."

    def has_permission(self, request: Any, view: Any) -> bool:
        return request.auth == "friend"


class OnceOnly(BaseThrottle):
    """A throttle that refuses requests marked as repeated."""

    def allow_request(self, request: Any, view: Any) -> bool:
        return "HTTP_X_AGAIN" not in request.META

    def wait(self) -> float:
        return 6.5


class Echo(Endpoint):
    """Return what was sent."""

    authentication_classes = []
    permission_classes = []
    throttle_classes = []

    def get(self, request: ApiRequest) -> Answer:
        return Answer(200, {"query": request.query_params.dict()}, {"ETag": '"1"'})

    def post(self, request: ApiRequest) -> Answer:
        return Answer(201, {"sent": request.data})

    def delete(self, request: ApiRequest) -> Answer:
        return Answer(204)


class Form(Echo):
    """Accept a form, like the OAuth token endpoint."""

    def post(self, request: ApiRequest) -> Answer:
        return Answer(200, {"sent": request.form})


class Ready(Echo):
    """Return a ready-made HttpResponse; set a header in `finish`."""

    def get(self, request: ApiRequest) -> HttpResponse:  # type: ignore[override]
        return HttpResponse(b"{}", content_type="application/json", headers={"Cache-Control": "private"})

    def finish(self, request: ApiRequest, response: Any) -> None:
        response["X-Finished"] = str(response.status_code)


class Broken(Echo):
    def get(self, request: ApiRequest) -> Answer:
        raise ZeroDivisionError("patient Asha Rao")


class Guarded(Echo):
    authentication_classes = [ByHeader]
    permission_classes = [NoStrangers]
    throttle_classes = [OnceOnly]


def what_ran(request: HttpRequest) -> HttpResponse:
    """Return which page middleware ran on the request."""
    marks = {name: hasattr(request, name) for name in ("session", "_messages", "csrf_processing_done")}
    return HttpResponse(json.dumps(marks), content_type="application/json")


class Routes:
    handler400, handler403, handler404, handler500 = handler400, handler403, handler404, handler500
    api = [
        path("echo/", Echo.as_view()),
        path("form/", Form.as_view()),
        path("ready/", Ready.as_view()),
        path("broken/", Broken.as_view()),
        path("guarded/", Guarded.as_view()),
        path("what-ran/", what_ran),
    ]
    urlpatterns = [path("api/v1/", include(api)), path("api/v1-notes/", what_ran), path("page/", what_ran)]


@pytest.fixture(autouse=True)
def _routes() -> Any:
    with override_settings(ROOT_URLCONF=Routes):
        yield


@pytest.fixture
def client() -> Client:
    return Client(raise_request_exception=False, enforce_csrf_checks=True)


def problem(response: Any, status: int, code: str) -> dict[str, Any]:
    assert response.status_code == status, response.content[:500]
    assert response["Content-Type"] == "application/problem+json"
    told: dict[str, Any] = json.loads(response.content)
    assert (told["status"], told["code"]) == (status, code)
    return told


def send(client: Client, where: str, body: bytes, kind: str) -> Any:
    return client.post(f"/api/v1/{where}/", body, content_type=kind)


# Negotiation


@pytest.mark.parametrize(
    "accept",
    [
        "application/json",
        "application/*",
        "*/*",
        "",
        "text/html, application/json",
        "text/html,application/xhtml+xml,*/*;q=0.8",
        "application/json; charset=utf-8",
        "APPLICATION/JSON",
        "application/problem+json, application/json;q=0.9",
        "application/problem+json",
        "text/html;q=0, */*;q=0.1",
        "*/*;q=0, application/json",
        "application/*;q=0.001",
        "application/json;q=0, application/problem+json",
    ],
)
def test_who_takes_json_gets_json(client: Client, accept: str) -> None:
    response = client.get("/api/v1/echo/?a=1", headers={"Accept": accept})
    assert (response.status_code, response["Content-Type"]) == (200, "application/json")
    assert response.json() == {"query": {"a": "1"}}


@pytest.mark.parametrize(
    "accept",
    [
        "text/html",
        "application/xml",
        "text/*",
        "application/jsonp",
        "json",
        ",",
        "image/*,a",
        "*/*;q=0",
        "application/json; Q=0.000",
        "application/json;q=0, */*",
        "application/*;q=0.;level=1, */*",
    ],
)
def test_who_takes_no_json_is_refused_before_anything_is_done(client: Client, accept: str) -> None:
    for where in ("echo", "broken", "guarded"):
        problem(client.get(f"/api/v1/{where}/", headers={"Accept": accept}), 406, "not-acceptable")


# Bodies


@pytest.mark.parametrize("kind", ["application/json", "application/json; charset=utf-8", "Application/JSON"])
def test_a_body_of_json(client: Client, kind: str) -> None:
    response = send(client, "echo", b'{"a": [1, "\xc3\xbc"]}', kind)
    assert (response.status_code, response.content) == (201, '{"sent":{"a":[1,"ü"]}}'.encode())


@pytest.mark.parametrize("kind", ["application/json", "", "text/plain"])
def test_no_body_is_an_empty_object_of_whatever_type(client: Client, kind: str) -> None:
    assert send(client, "echo", b"", kind).json() == {"sent": {}}


@pytest.mark.parametrize(
    "kind",
    ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x", "nonsense", "", "json"],
)
def test_another_type_of_body_is_refused(client: Client, kind: str) -> None:
    problem(send(client, "echo", b"{}", kind), 415, "unsupported-media-type")


@pytest.mark.parametrize("body", [b"{", b"[]", b"null", b'"text"', b'{"a": NaN}'])
def test_a_body_that_is_no_json_object_is_refused(client: Client, body: bytes) -> None:
    assert problem(send(client, "echo", body, "application/json"), 400, "validation-error")["errors"]


def test_a_form(client: Client) -> None:
    kind = "application/x-www-form-urlencoded"
    assert send(client, "form", b"a=2&b=x%20y", kind).json() == {"sent": {"a": "2", "b": "x y"}}
    twice = problem(send(client, "form", b"a=1&b=x%20y&a=2", kind), 400, "validation-error")
    assert [(each["field"], each["code"]) for each in twice["errors"]] == [("a", "repeated")]
    assert send(client, "form", b"a=1", f"{kind}; charset=utf-8").json() == {"sent": {"a": "1"}}
    problem(send(client, "form", b"{}", "application/json"), 415, "unsupported-media-type")


# Methods

ALLOW = "GET, POST, DELETE, HEAD, OPTIONS"


def test_another_method_gets_the_allowed_methods(client: Client) -> None:
    response = client.put("/api/v1/echo/", b"{}", content_type="application/json")
    problem(response, 405, "method-not-allowed")
    assert response["Allow"] == ALLOW


@pytest.mark.parametrize("method", ["TRACE", "BREW", "DISPATCH", "ADMIT", "FINISH", "__CLASS__"])
def test_an_unknown_method_calls_nothing(client: Client, method: str) -> None:
    """Also if the class has an attribute of that name."""
    response = client.generic(method, "/api/v1/echo/")
    problem(response, 405, "method-not-allowed")
    assert "GET" in response["Allow"]


def test_head_is_get_without_the_body(client: Client) -> None:
    got, head = client.get("/api/v1/echo/?a=1"), client.head("/api/v1/echo/?a=1")
    assert (head.status_code, head.content) == (200, b"")
    same = ("Content-Type", "Content-Length", "ETag", "Cache-Control", "Vary", "Content-Security-Policy")
    assert {name: head.headers.get(name) for name in same} == {name: got.headers.get(name) for name in same}


def test_options_outside_of_cors_is_answered_with_the_methods_only(client: Client) -> None:
    """The OpenAPI document describes the routes."""
    response = client.options("/api/v1/echo/")
    problem(response, 405, "method-not-allowed")
    assert response["Allow"] == ALLOW


@override_settings(CORS_ALLOWED_ORIGINS=["https://desk.example"])
def test_options_is_for_cors(client: Client) -> None:
    asked = {"Origin": "https://desk.example", "Access-Control-Request-Method": "DELETE"}
    response = client.options("/api/v1/guarded/", headers=asked)
    assert (response.status_code, response["Access-Control-Allow-Origin"]) == (200, "https://desk.example")
    assert "DELETE" in response["Access-Control-Allow-Methods"]


def test_no_content_has_no_body(client: Client) -> None:
    response = client.delete("/api/v1/echo/")
    assert (response.status_code, response.content) == (204, b"")


# Authentication and permissions


def test_the_checks_run_in_order(client: Client) -> None:
    """Authentication, then permissions, then throttles, and only then the body."""
    address, again = "/api/v1/guarded/", {"X-Again": "1"}
    problem(client.get(address, headers=again), 401, "not-authenticated")
    told = problem(client.get(address, headers={"X-Actor": "stranger", **again}), 403, "permission-denied")
    assert told["detail"] == "This is for friends."
    throttled = client.put(address, headers={"X-Actor": "friend", **again})
    problem(throttled, 429, "throttled")
    assert throttled["Retry-After"] == "7"
    problem(client.put(address, headers={"X-Actor": "friend"}), 405, "method-not-allowed")
    assert client.get(address, headers={"X-Actor": "friend"}).status_code == 200


def test_without_credentials_the_way_to_sign_in_is_named(client: Client) -> None:
    assert client.get("/api/v1/guarded/")["WWW-Authenticate"].startswith("Bearer")


def test_a_caller_is_known_for_one_request_only(client: Client) -> None:
    assert client.get("/api/v1/guarded/", headers={"X-Actor": "friend"}).status_code == 200
    assert client.get("/api/v1/guarded/").status_code == 401


# Responses


def test_a_bug_tells_nothing(client: Client, caplog: pytest.LogCaptureFixture) -> None:
    response = client.get("/api/v1/broken/")
    problem(response, 500, "internal-error")
    assert b"Asha" not in response.content
    assert "Asha" not in caplog.text
    assert "ZeroDivisionError" in caplog.text


def test_a_finished_response_goes_out_as_it_is(client: Client) -> None:
    response = client.get("/api/v1/ready/")
    assert (response.content, response["Cache-Control"], response["X-Finished"]) == (b"{}", "private", "200")
    assert client.put("/api/v1/ready/")["X-Finished"] == "405"


@pytest.mark.parametrize(("where", "status"), [("echo", 200), ("broken", 500), ("guarded", 401), ("nowhere", 404)])
def test_every_answer_of_the_api_has_the_headers_that_protect_it(client: Client, where: str, status: int) -> None:
    response = client.get(f"/api/v1/{where}/")
    assert response.status_code == status
    policy = response["Content-Security-Policy"]
    assert "default-src 'none'" in policy
    assert "frame-ancestors 'none'" in policy
    assert response["X-Content-Type-Options"] == "nosniff"
    assert response["X-Frame-Options"] == "DENY"
    assert response["Referrer-Policy"] == "same-origin"
    assert response["Cross-Origin-Opener-Policy"] == "same-origin"
    assert response["Cache-Control"] == "no-store"
    assert "origin" in [each.strip().lower() for each in response["Vary"].split(",")]
    assert response["X-Request-ID"]
    assert "Set-Cookie" not in response.headers
    assert not response.cookies


@override_settings(SECURE_HSTS_SECONDS=60)
def test_strict_transport_security_is_sent_over_https_only() -> None:
    client = Client()  # a middleware chain built with these settings
    for _ in range(2):
        assert client.get("/api/v1/echo/", secure=True)["Strict-Transport-Security"] == "max-age=60"
        assert "Strict-Transport-Security" not in client.get("/api/v1/echo/").headers


@override_settings(CORS_ALLOWED_ORIGINS=["https://desk.example"])
def test_only_origins_of_the_house_are_invited(client: Client) -> None:
    for origin, invited in (("https://desk.example", True), ("https://evil.example", False)):
        response = client.get("/api/v1/echo/", headers={"Origin": origin})
        assert response.has_header("Access-Control-Allow-Origin") == invited
        assert response["X-Content-Type-Options"] == "nosniff"
        assert response["Vary"].lower().count("origin") == 1


# Pages


def test_an_answer_of_the_api_is_the_same_headers_as_a_page_has(client: Client) -> None:
    """API responses have the headers that the page middleware sets, without running it."""
    page, api = client.get("/page/"), client.get("/api/v1/what-ran/")
    own = {"Cache-Control", "Content-Length", "X-Request-ID", "Vary"}
    assert {name: api.headers.get(name) for name in page.headers if name not in own} == {
        name: value for name, value in page.headers.items() if name not in own
    }


def test_a_page_has_sessions_messages_and_csrf_and_the_api_has_not(client: Client) -> None:
    on_page, on_api = client.get("/page/").json(), client.get("/api/v1/what-ran/").json()
    assert on_page == {"session": True, "_messages": True, "csrf_processing_done": True}
    assert on_api == {"session": False, "_messages": False, "csrf_processing_done": False}


@pytest.mark.parametrize("address", ["/page/", "/api/v1-notes/"])
def test_a_form_on_a_page_needs_its_csrf_token(client: Client, address: str) -> None:
    """Also at a path that only resembles an API path."""
    problem(client.post(address), 403, "permission-denied")


def test_a_change_through_the_api_needs_no_csrf_token(client: Client) -> None:
    assert send(client, "echo", b"{}", "application/json").status_code == 201


@pytest.mark.parametrize("address", ["/api/v1/echo/", "/page/"])
def test_a_host_that_is_not_ours_is_refused(client: Client, address: str) -> None:
    problem(client.get(address, headers={"Host": "evil.example"}), 400, "validation-error")

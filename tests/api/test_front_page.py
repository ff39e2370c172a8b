"""The page at `/`."""

import re

import pytest
from django.test import Client


def test_the_front_page_leads_to_everything() -> None:
    answer = Client().get("/")
    assert answer.status_code == 200
    assert answer["Content-Type"] == "text/html; charset=utf-8"
    links = re.findall(r'href="([^"]+)"', answer.content.decode())
    assert links == ["/admin/", "/api/docs/", "/api/schema/", "/healthz/ready"]


def test_the_front_page_runs_and_styles_nothing() -> None:
    answer = Client().get("/")
    policy = dict(part.strip().split(" ", 1) for part in answer["Content-Security-Policy"].split(";"))
    for source in ("default-src", "script-src", "style-src", "connect-src", "form-action", "frame-ancestors"):
        assert policy[source] == "'none'"
    assert not re.search(rb"<script|<style|style=|\son\w+=", answer.content)


def test_the_front_page_is_only_read() -> None:
    assert Client().head("/").status_code == 200
    refused = Client().post("/")
    assert (refused.status_code, refused["Content-Type"]) == (405, "application/problem+json")


@pytest.mark.parametrize("path", ["/", "/api/docs/", "/api/schema/", "/healthz/live", "/healthz/ready", "/metrics"])
@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE"])
def test_read_only_routes_refuse_other_methods(path: str, method: str) -> None:
    refused = Client(enforce_csrf_checks=True).generic(method, path)
    assert (refused.status_code, refused.json()["code"]) == (405, "method-not-allowed")
    assert "GET" in refused["Allow"]


def test_the_files_of_the_pages_are_served_without_being_collected() -> None:
    for file in ("drf_spectacular_sidecar/swagger-ui-dist/swagger-ui.css", "admin/css/base.css"):
        answer = Client().get(f"/static/{file}")
        assert answer.status_code == 200
        assert b"".join(answer.streaming_content)

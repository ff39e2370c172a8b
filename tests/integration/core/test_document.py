"""The OpenAPI document as a whole: nothing undocumented, nothing without a name, every write safe to repeat."""

from collections.abc import Iterator
from typing import Any

import pytest
from django.conf import settings
from drf_spectacular.generators import SchemaGenerator
from drf_spectacular.validation import validate_schema

WRITES = {"post", "put", "patch", "delete"}


@pytest.fixture(scope="module")
def document() -> dict[str, Any]:
    made: dict[str, Any] = SchemaGenerator().get_schema(request=None, public=True)
    return made


def operations(document: dict[str, Any]) -> Iterator[tuple[str, str, dict[str, Any]]]:
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            yield path, method, operation


def test_it_is_valid(document: dict[str, Any]) -> None:
    validate_schema(document)


def test_every_operation_has_a_summary_a_known_group_and_its_errors(document: dict[str, Any]) -> None:
    groups = {tag["name"] for tag in document["tags"]}
    used = set()
    for path, method, operation in operations(document):
        where = f"{method} {path}"
        assert operation.get("summary"), where
        assert len(operation["tags"]) == 1, where
        used.update(operation["tags"])
        expected = {"400", "401", "403", "404", "406", "429", "503"} | ({"413", "415"} if method in WRITES else set())
        assert expected <= operation["responses"].keys(), where
        for status, response in operation["responses"].items():
            if status >= "400":
                assert list(response["content"]) == ["application/problem+json"], where
                assert ("headers" in response) or status not in {"429", "503"}, where
    assert used == groups


def test_every_write_of_the_engine_takes_a_key(document: dict[str, Any]) -> None:
    kept = tuple(f"/api/v1/{path}" for path in settings.OPD_RETRY_SAFE_PATHS)
    for path, method, operation in operations(document):
        names = {parameter["name"] for parameter in operation.get("parameters", [])}
        takes_key = method in WRITES and path.startswith(kept)
        assert ("Idempotency-Key" in names) == takes_key, f"{method} {path}"
        assert ("422" in operation["responses"]) == takes_key, f"{method} {path}"


def test_only_what_is_open_says_so(document: dict[str, Any]) -> None:
    for path, method, operation in operations(document):
        if not operation.get("security"):
            assert path.startswith("/api/v1/auth/"), f"{method} {path}"

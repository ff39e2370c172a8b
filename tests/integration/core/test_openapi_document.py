"""The OpenAPI document: complete, valid, small and suitable for client generation."""

import re
from collections.abc import Iterator
from typing import Any

import pytest
from django.conf import settings
from django.test import Client
from drf_spectacular.generators import SchemaGenerator
from drf_spectacular.validation import validate_schema
from openapi_schema_validator import OAS30ReadValidator, OAS30WriteValidator, oas30_format_checker
from openapi_spec_validator import OpenAPIV30SpecValidator

from config import VERSION

WRITES = {"post", "put", "patch", "delete"}
PROBLEM_JSON = "application/problem+json"
OPEN = ("/api/v1/auth/", "/api/v1/track/", "/api/v1/board/pairing/", "/api/v1/kiosk/pairing/")
FOR_DEVICES = ("/api/v1/board/", "/api/v1/kiosk/")
LARGEST = 2_200  # bytes for each operation


@pytest.fixture(scope="module")
def document() -> dict[str, Any]:
    made: dict[str, Any] = SchemaGenerator().get_schema(request=None, public=True)
    return made


def operations(document: dict[str, Any]) -> Iterator[tuple[str, str, dict[str, Any]]]:
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            yield path, method, operation


def resolved(document: dict[str, Any], part: dict[str, Any]) -> dict[str, Any]:
    """Return the part, or the component that its `$ref` names."""
    while "$ref" in part:
        _, section, name = part["$ref"].removeprefix("#/").split("/")
        part = document["components"][section][name]
    return part


def test_it_is_valid(document: dict[str, Any]) -> None:
    validate_schema(document)
    assert [str(error) for error in OpenAPIV30SpecValidator(document).iter_errors()] == []


@pytest.mark.parametrize("media_type", ["application/vnd.oai.openapi", "application/vnd.oai.openapi+json"])
def test_it_is_small(client: Client, document: dict[str, Any], media_type: str) -> None:
    size = len(client.get("/api/schema/", headers={"Accept": media_type}).content)
    assert size < LARGEST * len(list(operations(document)))


def test_errors_share_their_components(document: dict[str, Any]) -> None:
    for path, method, operation in operations(document):
        for status, response in operation["responses"].items():
            if status < "400":
                continue
            content = resolved(document, response)["content"][PROBLEM_JSON]
            name = "ValidationProblem" if status == "400" else "Problem"
            assert content["schema"] == {"$ref": f"#/components/schemas/{name}"}, f"{method} {path} {status}"
            for code, example in content["examples"].items():
                shown = resolved(document, example)["value"]
                assert (shown["code"], str(shown["status"])) == (code, status), f"{method} {path}"
                assert f"`{code}`" in resolved(document, response)["description"]


def test_an_operation_names_the_codes_it_can_answer(document: dict[str, Any]) -> None:
    conflict = document["paths"]["/api/v1/tokens/"]["post"]["responses"]["409"]
    assert set(resolved(document, conflict)["content"][PROBLEM_JSON]["examples"]) == {
        "doctor-inactive",
        "duplicate-booking",
        "idempotency-in-progress",
        "patient-inactive",
        "slot-full",
        "slot-not-open",
    }


def test_components_are_called_as_in_the_glossary(document: dict[str, Any]) -> None:
    names = set(document["components"]["schemas"])
    wanted = {
        *("Booking", "BulkSlots", "Category", "Doctor", "DoctorChanges", "DoctorInput", "Emergency", "Event"),
        *("Patient", "PatientInput", "Problem", "Slot", "SlotChanges", "SlotInput", "SlotPage", "SlotStatus"),
        *("Token", "TokenPage", "TokenStatus", "ValidationProblem", "WaitingListEntry"),
    }
    assert wanted <= names
    clumsy = re.compile(r"Request|Shape|Serializer|Body|Enum|Paginated|Patched")
    assert {name for name in names if clumsy.search(name)} == set()


def test_every_body_has_an_example_that_is_true(document: dict[str, Any]) -> None:
    """Every request and response body has an example that its own schema accepts."""
    for path, method, operation in operations(document):
        bodies = [(OAS30WriteValidator, resolved(document, operation.get("requestBody", {})))]
        bodies += [(OAS30ReadValidator, resolved(document, response)) for response in operation["responses"].values()]
        for validator, body in bodies:
            for content in body.get("content", {}).values():
                schema = {"allOf": [content["schema"]], "components": document["components"]}
                check = validator(schema, format_checker=oas30_format_checker)
                for example in examples_of(document, content):
                    assert [error.message for error in check.iter_errors(example)] == [], f"{method} {path}: {example}"


def examples_of(document: dict[str, Any], content: dict[str, Any]) -> list[Any]:
    """Return a media type's examples, or that of its schema, or one composed from nested examples as tools do."""
    named = [resolved(document, example)["value"] for example in content.get("examples", {}).values()]
    return named or [composed(document, content["schema"])]


def composed(document: dict[str, Any], schema: dict[str, Any]) -> Any:
    schema = resolved(document, schema)
    if "example" in schema or "enum" in schema:
        return schema.get("example", schema.get("enum", [None])[0])
    if schema["type"] == "array":
        return [composed(document, schema["items"])]
    if schema["type"] == "object" and "additionalProperties" in schema:
        return {}
    if schema["type"] == "object":
        assert any("$ref" in str(each) or "example" in each for each in schema["properties"].values()), schema
        return {name: composed(document, each) for name, each in schema["properties"].items()}
    formatted = {"uuid": "0192e0c5-7b1a-7c3e-9f00-2b6d3a1c4e5f", "date-time": "2026-03-02T09:00:00+05:30"}
    scalars = {"string": "text", "integer": 1, "number": 1.5, "boolean": True}
    return formatted.get(schema.get("format", ""), scalars[schema["type"]])


def test_it_says_where_it_is_served_and_which_version_it_describes(document: dict[str, Any]) -> None:
    assert document["info"]["version"] == VERSION
    assert document["servers"][0]["url"] == "/"
    assert document["info"]["license"]["name"]


def test_it_is_made_once_and_a_client_that_has_it_gets_304(client: Client) -> None:
    first = client.get("/api/schema/")
    assert first.status_code == 200
    assert first["Content-Type"].startswith("application/vnd.oai.openapi")
    again = client.get("/api/schema/", headers={"If-None-Match": first["ETag"]})
    assert (again.status_code, again.content) == (304, b"")
    json = client.get("/api/schema/", headers={"Accept": "application/json"})
    assert json["ETag"] != first["ETag"]
    assert "Accept" in json["Vary"]
    assert client.get("/api/schema/", headers={"Accept": "text/csv"}).status_code == 406


def test_every_operation_has_a_summary_a_known_group_and_its_errors(document: dict[str, Any]) -> None:
    groups = {tag["name"] for tag in document["tags"]}
    used = set()
    for path, method, operation in operations(document):
        where = f"{method} {path}"
        assert operation.get("summary"), where
        assert len(operation["tags"]) == 1, where
        used.update(operation["tags"])
        expected = {"400", "401", "403", "404", "429", "503"}
        if "requestBody" in operation:
            expected |= {"413", "415"}
        assert expected <= operation["responses"].keys(), where
        for status, response in operation["responses"].items():
            if status >= "400":
                shared = resolved(document, response)
                assert list(shared["content"]) == [PROBLEM_JSON], where
                assert ("headers" in shared) or status not in {"429", "503"}, where
    assert used == groups


def test_every_write_of_the_engine_takes_a_key(document: dict[str, Any]) -> None:
    kept = tuple(f"/api/v1/{path}" for path in settings.OPD_RETRY_SAFE_PATHS)
    for path, method, operation in operations(document):
        names = {resolved(document, parameter)["name"] for parameter in operation.get("parameters", [])}
        takes_key = method in WRITES and path.startswith(kept)
        assert ("Idempotency-Key" in names) == takes_key, f"{method} {path}"
        assert ("422" in operation["responses"]) == takes_key, f"{method} {path}"


def test_only_what_is_open_says_so(document: dict[str, Any]) -> None:
    for path, method, operation in operations(document):
        if operation.get("security") == []:
            assert path.startswith(OPEN), f"{method} {path}"
        elif "security" in operation:
            assert path.startswith(FOR_DEVICES), f"{method} {path}"
            assert all(name.startswith(path.split("/")[3]) for each in operation["security"] for name in each)
    assert document["security"] == [{"signIn": []}, {"bearer": []}, {"apiKey": []}]

"""Errors in the OpenAPI document: two schemas, one example for each code, and responses that operations share."""

from collections.abc import Iterable
from typing import Any

from drf_spectacular.plumbing import ComponentRegistry, ResolvedComponent
from drf_spectacular.utils import OpenApiResponse

from core.api import problem_details
from core.api.problem_details import CONTENT_TYPE, RETRY_AFTER, STATUS, title_of

PROBLEM: dict[str, Any] = {
    "type": "object",
    "description": (
        "A problem as in RFC 9457. `code` is for programs, `title` and `detail` are for people. Some codes add members "
        "of their own. New codes may be added: handle unknown ones by their `status`."
    ),
    "required": ["type", "title", "status", "detail", "code"],
    "properties": {
        "type": {"type": "string"},
        "title": {"type": "string"},
        "status": {"type": "integer"},
        "detail": {"type": "string"},
        "code": {"type": "string"},
    },
    "additionalProperties": True,
}
FIELD_ERROR: dict[str, Any] = {
    "type": "object",
    "description": "A field that was refused. Nested fields are dotted paths.",
    "required": ["field", "code", "detail"],
    "properties": {"field": {"type": "string"}, "code": {"type": "string"}, "detail": {"type": "string"}},
}
VALIDATION_PROBLEM: dict[str, Any] = {
    "type": "object",
    "description": "The problem `validation-error`, with each field that was refused.",
    "required": [*PROBLEM["required"], "errors"],
    "properties": {
        **PROBLEM["properties"],
        "errors": {"type": "array", "items": {"$ref": "#/components/schemas/FieldError"}},
    },
    "additionalProperties": True,
}
_SCHEMAS = {"Problem": PROBLEM, "FieldError": FIELD_ERROR, "ValidationProblem": VALIDATION_PROBLEM}

# Members that an error adds, or facts that stand in its detail.
_FACTS: dict[str, dict[str, Any]] = {
    "validation-error": {"errors": [{"field": "category", "code": "required", "detail": "This field is required."}]},
    "duplicate-patient": {"existing_id": "0192e0c5-8c2b-7d4f-8a11-3c7e4b2d5f60"},
    "check-in-not-open": {"opens_at": "2026-03-02T08:00:00+05:30"},
    "duplicate-booking": {"existing_token_id": "0192e0c5-9d3c-7e50-9b22-4d8f5c3e6071"},
    "invalid-transition": {"current_status": "COMPLETED", "action": "cancel"},
}
_RETRY_HEADER = {"Retry-After": {"description": "Seconds to wait.", "schema": {"type": "integer", "minimum": 1}}}


def problems(*codes: str) -> dict[tuple[int, str], OpenApiResponse]:
    """Return the problems of an operation, for `extend_schema(responses={201: X, **problems("slot-full")})`.

    `OperationSchema` replaces these placeholders with references to shared components.
    """
    by_status: dict[int, set[str]] = {}
    for code in codes:
        by_status.setdefault(STATUS[code], set()).add(code)
    return {(status, CONTENT_TYPE): OpenApiResponse({"enum": sorted(known)}) for status, known in by_status.items()}


def codes_of(response: dict[str, Any]) -> set[str]:
    """Return the codes of a placeholder made by `problems`."""
    return set(response.get("content", {}).get(CONTENT_TYPE, {}).get("schema", {}).get("enum", ()))


def problem_response(codes: Iterable[str], *, registry: ComponentRegistry) -> dict[str, Any]:
    """Return a reference to the shared response for these codes of one status."""
    codes = sorted(codes)
    for name, schema in _SCHEMAS.items():
        component(registry, ResolvedComponent.SCHEMA, name, schema)
    schema_name = "ValidationProblem" if codes == ["validation-error"] else "Problem"
    response: dict[str, Any] = {
        "description": " or ".join(f"`{code}`" for code in codes),
        "content": {
            CONTENT_TYPE: {
                "schema": {"$ref": f"#/components/schemas/{schema_name}"},
                "examples": {
                    code: component(registry, ResolvedComponent.EXAMPLE, code, _example_of(code)) for code in codes
                },
            }
        },
    }
    if any(code in RETRY_AFTER for code in codes):
        response["headers"] = _RETRY_HEADER
    naming = [code for code in codes if code != "idempotency-in-progress"] or codes
    name = "Or".join(code.title().replace("-", "") for code in naming)
    return component(registry, ResolvedComponent.RESPONSE, name, response)


def component(registry: ComponentRegistry, kind: str, name: str, schema: dict[str, Any]) -> dict[str, Any]:
    """Register a component if it is new, and return a reference to it."""
    made = ResolvedComponent(name=name, type=kind, schema=schema, object=name)
    registry.register_on_missing(made)
    reference: dict[str, Any] = made.ref
    return reference


class _Named(dict[str, Any]):
    """The facts of a detail; a fact without an example is shown by its name."""

    def __missing__(self, name: str) -> str:
        return name


def _example_of(code: str) -> dict[str, Any]:
    facts = _FACTS.get(code, {})
    error = problem_details.error_of(code)
    detail = error.template.format_map(_Named(facts)) if error and error.template else title_of(code)
    return {"value": problem_details.body(code, detail=detail, **facts)}

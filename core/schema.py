"""The OpenAPI description's shared parts: what every operation can answer besides its success, how to retry safely."""

from collections.abc import Iterable, Mapping
from typing import Any

from django.conf import settings
from drf_spectacular.extensions import OpenApiSerializerFieldExtension
from drf_spectacular.openapi import AutoSchema
from drf_spectacular.utils import Direction, OpenApiParameter, OpenApiResponse

from core.problem_details import CONTENT_TYPE, RETRY_AFTER, STATUS, title_of

PROBLEM: dict[str, Any] = {
    "type": "object",
    "description": "A problem after RFC 9457. `code` is for programs, `title` and `detail` are for people.",
    "required": ["type", "title", "status", "detail", "code"],
    "properties": {
        "type": {"type": "string", "example": "urn:opd:problem:slot-full"},
        "title": {"type": "string"},
        "status": {"type": "integer"},
        "detail": {"type": "string"},
        "code": {"type": "string", "enum": sorted(STATUS)},
        "errors": {
            "type": "array",
            "description": "With `validation-error`: each field that was refused. Nested fields are dotted paths.",
            "items": {
                "type": "object",
                "required": ["field", "code", "detail"],
                "properties": {
                    "field": {"type": "string"},
                    "code": {"type": "string"},
                    "detail": {"type": "string"},
                },
            },
        },
    },
}

_WRITES = frozenset({"POST", "PUT", "PATCH", "DELETE"})
_ALWAYS = (
    "validation-error",
    "not-authenticated",
    "permission-denied",
    "not-found",
    "not-acceptable",
    "throttled",
    "unavailable",
)
_WITH_A_BODY = ("request-timeout", "payload-too-large", "unsupported-media-type")
_WITH_A_KEY = ("idempotency-in-progress", "idempotency-mismatch", "slot-busy")
_KEY_PARAMETER: dict[str, Any] = {
    "in": "header",
    "name": "Idempotency-Key",
    "required": False,
    "description": (
        "Chosen by the client for one request and sent again with its repetitions: the first answer comes back with "
        "`Idempotency-Replayed: true`, and nothing happens twice. Kept 24 hours for each caller."
    ),
    "schema": {"type": "string", "minLength": 1, "maxLength": 255, "pattern": r"^[\x21-\x7E]+$"},
}
_RETRY_HEADER = {"Retry-After": {"description": "Seconds to wait.", "schema": {"type": "integer", "minimum": 1}}}

NOT_MODIFIED = OpenApiResponse(description="What you have is what you would get.")
CONDITIONAL = [
    OpenApiParameter(
        "If-None-Match", str, OpenApiParameter.HEADER, description="ETags of what you have, in quotes, or `*`."
    ),
    OpenApiParameter(
        "ETag", str, OpenApiParameter.HEADER, response=[200, 304], description="Stands for this answer, byte by byte."
    ),
]
"""For `extend_schema(parameters=...)` of a read that answers 304."""


def problems(*codes: str) -> dict[tuple[int, str], OpenApiResponse]:
    """The problems that an operation can answer, for `extend_schema(responses={201: X, **problems("slot-full")})`."""
    by_status: dict[int, set[str]] = {}
    for code in codes:
        by_status.setdefault(STATUS[code], set()).add(code)
    return {(status, CONTENT_TYPE): OpenApiResponse(_schema_of(known)) for status, known in by_status.items()}


def _schema_of(codes: Iterable[str]) -> dict[str, Any]:
    narrowed = {"type": "object", "properties": {"code": {"type": "string", "enum": sorted(codes)}}}
    return {"allOf": [{"$ref": "#/components/schemas/Problem"}, narrowed]}


def _description(codes: Iterable[str]) -> str:
    return "\n".join(f"- `{code}`: {title_of(code)}" for code in sorted(codes))


def _codes_in(response: Mapping[str, Any]) -> set[str]:
    schema = response.get("content", {}).get(CONTENT_TYPE, {}).get("schema", {})
    return {
        code for part in schema.get("allOf", ()) for code in part.get("properties", {}).get("code", {}).get("enum", ())
    }


class OperationSchema(AutoSchema):
    """An operation with the problems that every operation can answer and, for retry-safe writes, the key."""

    def get_operation(self, *args: Any, **kwargs: Any) -> dict[str, Any] | None:
        """The operation as drf-spectacular makes it, completed."""
        operation = super().get_operation(*args, **kwargs)
        if operation is None:
            return None
        codes = set(_ALWAYS)
        if self.method in _WRITES:
            codes.update(_WITH_A_BODY)
        if self.method in _WRITES and self._is_retry_safe():
            codes.update(_WITH_A_KEY)
            operation.setdefault("parameters", []).append(_KEY_PARAMETER)
        responses = operation["responses"]
        codes.update(code for response in responses.values() for code in _codes_in(response))
        for status in {STATUS[code] for code in codes}:
            responses[str(status)] = self._problem({code for code in codes if STATUS[code] == status})
        operation["responses"] = dict(sorted(responses.items()))
        return operation

    def get_summary(self) -> str | None:
        """The summary given, or else the first line of the view's docstring."""
        given = super().get_summary()
        return given or (self.get_description() or "").strip().split("\n")[0].rstrip(".") or None

    def _is_retry_safe(self) -> bool:
        below = self.path.removeprefix("/api/v1/")
        return below.startswith(tuple(settings.OPD_RETRY_SAFE_PATHS))

    @staticmethod
    def _problem(codes: set[str]) -> dict[str, Any]:
        response: dict[str, Any] = {
            "description": _description(codes),
            "content": {CONTENT_TYPE: {"schema": _schema_of(codes)}},
        }
        if codes & RETRY_AFTER.keys():
            response["headers"] = _RETRY_HEADER
        return response


def add_problem(result: dict[str, Any], generator: Any, request: Any, public: bool) -> dict[str, Any]:
    """Put the one form of all errors beside the other components."""
    result.setdefault("components", {}).setdefault("schemas", {})["Problem"] = PROBLEM
    return result


class LocalDateTimeExtension(OpenApiSerializerFieldExtension):
    """Times are ISO 8601; without an offset they are read in the facility's zone."""

    target_class = "core.serializers.LocalDateTimeField"
    match_subclasses = True

    def map_serializer_field(self, auto_schema: AutoSchema, direction: Direction) -> dict[str, Any]:
        """A string in the format date-time."""
        return {"type": "string", "format": "date-time"}

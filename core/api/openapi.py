"""The shared parts of the OpenAPI document: names, common problems, and how to retry safely."""

from typing import Any

from django.conf import settings
from drf_spectacular.extensions import OpenApiSerializerFieldExtension
from drf_spectacular.openapi import AutoSchema
from drf_spectacular.plumbing import ResolvedComponent, is_patched_serializer
from drf_spectacular.utils import Direction, OpenApiParameter, OpenApiResponse

from core.api.problem_details import STATUS
from core.api.problem_schema import codes_of, component, problem_response, problems

__all__ = ["CONDITIONAL", "NOT_MODIFIED", "OperationSchema", "problems"]

_WRITES = frozenset({"POST", "PUT", "PATCH", "DELETE"})
_ALWAYS = (
    "validation-error",
    "not-authenticated",
    "permission-denied",
    "not-found",
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
        "Chosen by the client for one request and sent again with its repetitions: they get the first answer with "
        "`Idempotency-Replayed: true`, and nothing happens twice. Kept 24 hours for each caller."
    ),
    "schema": {"type": "string", "minLength": 1, "maxLength": 255, "pattern": r"^[\x21-\x7E]+$"},
}
_IF_MATCH: dict[str, Any] = {
    "in": "header",
    "name": "If-Match",
    "required": False,
    "description": "ETags of the resource, in quotes: change it only if its current one is among them, else 412.",
    "schema": {"type": "string"},
}
_SHARED_PARAMETERS = frozenset({"Idempotency-Key", "If-Match", "If-None-Match", "page", "page_size"})
_SUFFIXES = ("Message", "Request", "Body")

NOT_MODIFIED = OpenApiResponse(description="Your copy is current.")
CONDITIONAL = [
    OpenApiParameter(
        "If-None-Match", str, OpenApiParameter.HEADER, description="ETags of your copies, in quotes, or `*`."
    ),
    OpenApiParameter(
        "ETag", str, OpenApiParameter.HEADER, response=[200, 304], description="Identifies this answer, byte by byte."
    ),
]
"""For `extend_schema(parameters=...)` of a read that can return 304."""


class OperationSchema(AutoSchema):
    """An operation with the problems that every operation can answer and, for retry-safe writes, the key."""

    def get_operation(self, *args: Any, **kwargs: Any) -> dict[str, Any] | None:
        """Return the operation as drf-spectacular makes it, completed."""
        operation = super().get_operation(*args, **kwargs)
        if operation is None:
            return None
        operation.setdefault("security", [])  # no sign-in; without the key the default of the document would apply
        codes = set(_ALWAYS)
        if "requestBody" in operation:
            codes.update(_WITH_A_BODY)
        if self.method in _WRITES and self._is_retry_safe():
            codes.update(_WITH_A_KEY)
            operation.setdefault("parameters", []).append(_KEY_PARAMETER)
        responses = operation["responses"]
        for response in responses.values():
            codes.update(codes_of(response))
        if "version-conflict" in codes:
            operation.setdefault("parameters", []).append(_IF_MATCH)
        if "parameters" in operation:
            operation["parameters"] = [self._shared(parameter) for parameter in operation["parameters"]]
        for status in {STATUS[code] for code in codes}:
            known = {code for code in codes if STATUS[code] == status}
            responses[str(status)] = problem_response(known, registry=self.registry)
        for response in responses.values():
            if response.get("description") == "":
                response["description"] = "Done."
        operation["responses"] = dict(sorted(responses.items()))
        return operation

    def get_summary(self) -> str | None:
        """Return the summary given, or else the first line of the view's docstring."""
        given = super().get_summary()
        return given or (super().get_description() or "").strip().split("\n")[0].rstrip(".") or None

    def get_description(self) -> str:  # type: ignore[override]  # as drf-spectacular has it
        """Return no description by default: docstrings are for readers of the code."""
        return ""

    def get_paginated_name(self, serializer_name: str) -> str:
        """Name a page of things: `TokenPage`."""
        return f"{serializer_name}Page"

    def _get_serializer_name(self, serializer: Any, direction: Direction, bypass_extensions: bool = False) -> str:
        """Name a component: `Doctor` is answered, `DoctorInput` is sent, `DoctorChanges` is sent with PATCH.

        A component that is only sent, such as `Booking`, has no suffix.
        """
        name: str = super()._get_serializer_name(serializer, "response", bypass_extensions)
        for suffix in _SUFFIXES:
            name = name.removesuffix(suffix) or name
        if direction == "response":
            return name
        if is_patched_serializer(serializer, direction):
            return name.removesuffix("Input") + "Changes"
        fields = getattr(serializer, "child", serializer).fields.values()
        return f"{name}Input" if any(field.read_only for field in fields) else name

    def _map_serializer(self, serializer: Any, direction: Direction, bypass_extensions: bool = False) -> dict[str, Any]:
        """Describe a serializer; in responses, with the `example` of its Meta class."""
        schema: dict[str, Any] = super()._map_serializer(serializer, direction, bypass_extensions)
        example = getattr(getattr(serializer, "Meta", None), "example", None)
        return {**schema, "example": example} if example and direction == "response" else schema

    def _shared(self, parameter: dict[str, Any]) -> dict[str, Any]:
        """Return a reference for a parameter that many operations have."""
        name = parameter["name"]
        if parameter["in"] != "path" and name not in _SHARED_PARAMETERS:
            return parameter
        title = name.replace("-", "_").title().replace("_", "")
        return component(self.registry, ResolvedComponent.PARAMETER, title, parameter)

    def _is_retry_safe(self) -> bool:
        below = self.path.removeprefix("/api/v1/")
        return below.startswith(tuple(settings.OPD_RETRY_SAFE_PATHS))


class LocalDateTimeExtension(OpenApiSerializerFieldExtension):
    """Times are ISO 8601; without an offset they are read in the facility's zone."""

    target_class = "core.api.serializers.LocalDateTimeField"
    match_subclasses = True

    def map_serializer_field(self, auto_schema: AutoSchema, direction: Direction) -> dict[str, Any]:
        """Return a string in the format date-time."""
        return {"type": "string", "format": "date-time"}


class ClockTimeExtension(OpenApiSerializerFieldExtension):
    """A clock time such as 09:00 lacks the seconds and the offset that the format `time` requires."""

    target_class = "rest_framework.serializers.TimeField"
    match_subclasses = True

    def map_serializer_field(self, auto_schema: AutoSchema, direction: Direction) -> dict[str, Any]:
        """Return a string with a pattern."""
        return {"type": "string", "pattern": "^([01][0-9]|2[0-3]):[0-5][0-9](:[0-5][0-9])?$", "example": "09:00"}


def state_security_once(result: dict[str, Any], generator: Any, request: Any, public: bool) -> dict[str, Any]:
    """Move the security requirement that most operations share from the operations to the document."""
    operations = [operation for methods in result["paths"].values() for operation in methods.values()]
    usual: list[dict[str, list[str]]] = max((each["security"] for each in operations), key=len, default=[])
    for operation in operations:
        if operation["security"] == usual:
            del operation["security"]
    return {**result, "security": usual}

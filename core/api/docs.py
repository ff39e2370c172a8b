"""The OpenAPI document and Swagger UI."""

import hashlib
import json
import threading
from collections.abc import Callable
from functools import cache
from typing import Any, NamedTuple

import yaml
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.cache import get_conditional_response
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_safe
from drf_spectacular.generators import SchemaGenerator
from drf_spectacular.renderers import (
    OpenApiJsonRenderer,
    OpenApiJsonRenderer2,
    OpenApiYamlRenderer,
    OpenApiYamlRenderer2,
)
from rest_framework.permissions import AllowAny
from rest_framework.request import Request
from rest_framework.views import APIView

from core.api import problem_details
from core.api.renderers import to_json

_MAX_LINE = 200  # shorter values are written in one line of YAML, which saves a third of the bytes
_rendering = threading.Lock()


class _Rendered(NamedTuple):
    content: bytes
    etag: str


class SchemaView(APIView):
    """GET api/schema/: the document as YAML or JSON, generated once in each process."""

    authentication_classes: list[Any] = []
    permission_classes = [AllowAny]
    throttle_classes: list[Any] = []
    renderer_classes = [OpenApiYamlRenderer, OpenApiYamlRenderer2, OpenApiJsonRenderer, OpenApiJsonRenderer2]
    schema = None

    def get(self, request: Request) -> HttpResponse:
        """Return the document in the format that the client accepts, or 304."""
        renderer, media_type = request.accepted_renderer, request.accepted_media_type
        with _rendering:
            rendered = _rendered(renderer.format)
        headers = {"Cache-Control": "public, max-age=300", "ETag": rendered.etag, "Vary": "Accept"}
        content_type = f"{media_type.split(';')[0]}; charset=utf-8"
        response = HttpResponse(rendered.content, content_type=content_type, headers=headers)
        return get_conditional_response(request._request, etag=rendered.etag, response=response) or response

    def handle_exception(self, exc: Exception) -> HttpResponse:  # type: ignore[override]  # finished already
        """Return a problem as JSON, whichever format of the document the client accepts."""
        return problem_details.of_failure(exc)


@csrf_exempt
@require_safe
def swagger_ui(request: HttpRequest) -> HttpResponse:
    """Return the page of Swagger UI, whose files this server serves itself."""
    return render(request, "core/swagger_ui.html")


@cache
def _rendered(form: str) -> _Rendered:
    content = _FORMS[form](_document())
    return _Rendered(content, f'"{hashlib.sha256(content).hexdigest()[:32]}"')


@cache
def _document() -> Any:
    schema = SchemaGenerator().get_schema(request=None, public=True)
    return json.loads(to_json(schema))  # plain values without shared references, which YAML would write as aliases


class _Dumper(yaml.CSafeDumper):
    def represent_mapping(self, tag: str, mapping: Any, flow_style: bool | None = None) -> Any:
        return super().represent_mapping(tag, mapping, _is_short(mapping))

    def represent_sequence(self, tag: str, sequence: Any, flow_style: bool | None = None) -> Any:
        return super().represent_sequence(tag, sequence, _is_short(sequence))


def _is_short(value: Any) -> bool:
    return len(to_json(value)) < _MAX_LINE


def _to_yaml(document: Any) -> bytes:
    return yaml.dump(
        document, Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=_MAX_LINE * 2, encoding="utf-8"
    )


_FORMS: dict[str, Callable[[Any], bytes]] = {"yaml": _to_yaml, "json": to_json}

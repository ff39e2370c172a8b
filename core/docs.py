"""The OpenAPI document and Swagger UI."""

from functools import cache
from typing import Any

from drf_spectacular.generators import SchemaGenerator
from drf_spectacular.views import SpectacularAPIView, SpectacularSwaggerSplitView
from rest_framework.request import Request
from rest_framework.response import Response


@cache
def _document() -> dict[str, Any]:
    return SchemaGenerator().get_schema(request=None, public=True)


class SchemaView(SpectacularAPIView):
    """The document, made once for the life of the process: it is open to all and costs a second of work."""

    def _get_schema_response(self, request: Request) -> Response:
        return Response(_document(), headers={"Cache-Control": "public, max-age=300"})


class DocsView(SpectacularSwaggerSplitView):
    """Swagger UI from our own files, with its script apart from the page, as the content security policy wants it."""

    url_name = "schema"

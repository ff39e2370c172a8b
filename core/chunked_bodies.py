"""Bodies sent in chunks, without a length: Django would take them for empty."""

from collections.abc import Callable, Iterable
from io import BytesIO
from typing import Any

from core.parsers import MAX_BYTES

App = Callable[..., Iterable[bytes]]


def with_length(app: App) -> App:
    """The application, with a chunked body read and counted before it; at most one byte more than a body may have."""

    def door(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        chunked = "chunked" in environ.get("HTTP_TRANSFER_ENCODING", "").lower()
        if chunked and not environ.get("CONTENT_LENGTH"):
            body = environ["wsgi.input"].read(MAX_BYTES + 1)
            environ["wsgi.input"] = BytesIO(body)
            environ["CONTENT_LENGTH"] = str(len(body))
        return app(environ, start_response)

    return door

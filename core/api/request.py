"""The request object of the API's endpoints."""

import hashlib
from collections.abc import Callable, Sequence
from functools import cached_property
from typing import Any

from django.contrib.auth.models import AnonymousUser
from django.http import HttpRequest, QueryDict

from core.api import json_body, multipart
from core.api.answers import JSON
from core.db.shared_reads import Row, Wanted
from core.errors import UnsupportedMediaType, ValidationFailed

FORM = "application/x-www-form-urlencoded"


class ApiRequest:
    """A request: the caller (`auth`, `user`), the JSON object of the body, the query. Else like Django's request.

    `first_reads` returns what the endpoint reads first; `rows` are the rows of those that were read with the caller.
    """

    def __init__(self, http: HttpRequest) -> None:
        self._request = http
        self.method = http.method or ""
        self.META = http.META
        self.auth: Any = None
        self.user: Any = AnonymousUser()
        self.first_reads: Callable[[], Sequence[Wanted]] = tuple
        self.rows: dict[Wanted, Row | None] = {}

    def __getattr__(self, name: str) -> Any:
        return getattr(self._request, name)

    @property
    def query_params(self) -> Any:
        """The query string, as a QueryDict."""
        return self._request.GET

    @cached_property
    def data(self) -> dict[str, Any]:
        """The JSON object of the body; an empty one without a body.

        Raise UnsupportedMediaType for another content type, ValidationFailed for a body that is not a JSON object.
        """
        raw = self._body(JSON)
        return json_body.object_of(raw) if raw else {}

    @cached_property
    def form(self) -> dict[str, str]:
        """The fields of a body that is a form (application/x-www-form-urlencoded).

        Raise ValidationFailed for a field that is given more than once (RFC 6749, section 3.2).
        """
        fields = QueryDict(self._body(FORM))
        for name, values in fields.lists():
            if len(values) > 1:
                raise ValidationFailed.of(name[: json_body.MAX_NAME], "repeated", json_body.REPEATED)
        return fields.dict()

    def upload(self, field: str) -> bytes:
        """Return the file in the only field of a body that is multipart/form-data.

        `data` is then the digest of the file, by which an Idempotency-Key tells requests apart: the boundary between
        the parts differs in a repetition.
        """
        raw = self._body(multipart.MULTIPART)
        content = multipart.file_of(raw, headers=self.META, field=field) if raw else b""
        if not raw:
            raise ValidationFailed.of(field, "required", "Send this field as a file.")
        self.data = {field: hashlib.sha256(content).hexdigest()}
        return content

    def _body(self, media_type: str) -> bytes:
        """Return the body; raise UnsupportedMediaType if it is not empty and of another media type."""
        raw: bytes = self._request.body
        kind = self.META.get("CONTENT_TYPE", "")
        if raw and kind != media_type and kind.partition(";")[0].strip().lower() != media_type:
            raise UnsupportedMediaType(f"Send {media_type}.")
        return raw

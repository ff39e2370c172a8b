"""Read the one file of a multipart body (RFC 7578). Only uploads are multipart; all other bodies are JSON."""

from collections.abc import Mapping
from io import BytesIO
from typing import Any

from django.core.exceptions import SuspiciousOperation
from django.core.files.uploadhandler import MemoryFileUploadHandler
from django.http import QueryDict
from django.http.multipartparser import MultiPartParser, MultiPartParserError
from django.utils.datastructures import MultiValueDict

from core.api.json_body import MAX_NAME, REPEATED
from core.errors import ValidationFailed

MULTIPART = "multipart/form-data"


def file_of(raw: bytes, *, headers: Mapping[str, Any], field: str) -> bytes:
    """Return the content of the file in this field, the only field of a body; raise ValidationFailed."""
    fields, files = _parse(raw, headers)
    unknown = [name for name in (*fields, *files) if name != field]
    if unknown:
        raise ValidationFailed.of(unknown[0][:MAX_NAME], "unknown-field", "There is no such field.")
    if len(fields.getlist(field)) + len(files.getlist(field)) > 1:
        raise ValidationFailed.of(field, "repeated", REPEATED)
    if field not in files:
        raise ValidationFailed.of(field, "required", "Send this field as a file.")
    content: Any = files[field]
    return bytes(content.read())


def _parse(raw: bytes, headers: Mapping[str, Any]) -> tuple[QueryDict, MultiValueDict[str, Any]]:
    """Return the fields and the files of a multipart body, which are kept in memory."""
    length = {"CONTENT_TYPE": headers.get("CONTENT_TYPE", ""), "CONTENT_LENGTH": str(len(raw))}
    try:
        return MultiPartParser(length, BytesIO(raw), [MemoryFileUploadHandler()], "utf-8").parse()
    except (MultiPartParserError, SuspiciousOperation, ValueError) as error:
        raise ValidationFailed.of("body", "invalid-multipart", "The body is not a form with a file.") from error

"""Conditional reads: who names the tag of what they have is told that it is still so (RFC 9110, section 13.1.2)."""

from django.http import HttpResponse, HttpResponseNotModified
from django.utils.http import parse_etags

JSON = "application/json"


def answer(*, tag: str, body: bytes) -> HttpResponse:
    """Answer with the body and its tag; no cache stores it, for it names persons. A client may keep both itself."""
    return _tagged(HttpResponse(body, content_type=JSON), tag)


def not_modified(*, tag: str) -> HttpResponse:
    """304: what you have is what you would get."""
    return _tagged(HttpResponseNotModified(), tag)


def is_named(tag: str, header: str | None) -> bool:
    """Whether If-None-Match names this tag: alone, in a list, as a weak tag (which is as good here), or by `*`."""
    if not header:
        return False
    quoted = f'"{tag}"'
    if header == quoted or header.strip() == "*":
        return True
    return quoted in (each.removeprefix("W/") for each in parse_etags(header))


def _tagged(response: HttpResponse, tag: str) -> HttpResponse:
    response["ETag"] = f'"{tag}"'
    response["Cache-Control"] = "no-store"
    response["Vary"] = "Authorization"
    return response

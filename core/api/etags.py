"""Conditional reads: who names the tag of what they have is told that it is still so (RFC 9110, section 13.1.2)."""

import re

from django.utils.http import parse_etags

from core.api.answers import Answer

_STRONG_VERSION = re.compile(r'"[0-9]{1,9}"')


def answer(*, tag: str, body: bytes) -> Answer:
    """Answer with the body and its tag; no cache stores it, for it names persons. A client may keep both itself."""
    return Answer(200, body, _headers(tag))


def not_modified(*, tag: str) -> Answer:
    """304: what you have is what you would get."""
    return Answer(304, None, _headers(tag))


def named_versions(header: str | None) -> frozenset[int] | None:
    """The versions that an If-Match header names, one of which must be the thing's (RFC 9110, 13.1.1: weak tags never
    match).

    None without the header or with `*`.
    """
    if header is None or header.strip() == "*":
        return None
    tags = (tag.strip() for tag in header.split(","))
    return frozenset(int(tag[1:-1]) for tag in tags if _STRONG_VERSION.fullmatch(tag))


def is_named(tag: str, header: str | None) -> bool:
    """Whether If-None-Match names this tag: alone, in a list, as a weak tag (which is as good here), or by `*`."""
    if not header:
        return False
    quoted = f'"{tag}"'
    if header == quoted or header.strip() == "*":
        return True
    return quoted in (each.removeprefix("W/") for each in parse_etags(header))


def _headers(tag: str) -> dict[str, str]:
    return {"ETag": f'"{tag}"', "Cache-Control": "no-store", "Vary": "Authorization"}

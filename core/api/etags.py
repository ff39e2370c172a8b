"""Conditional requests with ETags (RFC 9110, section 13.1)."""

import re

from django.utils.http import parse_etags

from core.api.answers import Answer

_STRONG_VERSION = re.compile(r'"[0-9]{1,9}"')


def answer(*, tag: str, body: bytes) -> Answer:
    """Return an answer with an ETag. HTTP caches must not store it, because it names persons; a client may keep it."""
    return Answer(200, body, _headers(tag))


def not_modified(*, tag: str) -> Answer:
    """Return 304: the client's copy is current."""
    return Answer(304, None, _headers(tag))


def named_versions(header: str | None) -> frozenset[int] | None:
    """Return the versions in an If-Match header, one of which must be the current one; None without header or for `*`.

    Weak tags never match (RFC 9110, section 13.1.1).
    """
    if header is None or header.strip() == "*":
        return None
    tags = (tag.strip() for tag in header.split(","))
    return frozenset(int(tag[1:-1]) for tag in tags if _STRONG_VERSION.fullmatch(tag))


def is_named(tag: str, header: str | None) -> bool:
    """Return whether If-None-Match names this tag: alone, in a list, as a weak tag (equivalent here), or by `*`."""
    if not header:
        return False
    quoted = f'"{tag}"'
    if header == quoted or header.strip() == "*":
        return True
    return quoted in (each.removeprefix("W/") for each in parse_etags(header))


def _headers(tag: str) -> dict[str, str]:
    return {"ETag": f'"{tag}"', "Cache-Control": "no-store", "Vary": "Authorization"}

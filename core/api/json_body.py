"""A strict JSON parser: it refuses values that could not be stored or compared later."""

import json
import math
import re
from collections.abc import Iterator, Mapping
from itertools import islice
from typing import Any

from core.errors import PayloadTooLarge, ValidationFailed

MAX_BYTES = 256 * 1024
MAX_DEPTH = 32
MAX_FIELDS = 200
MAX_ITEMS = 1_000
MAX_NAME = 100
MAX_ERRORS = 20
REPEATED = "This is given more than once."
_MAX_DIGITS = 40
_SURROGATE = re.compile("[\ud800-\udfff]")
# A string, up to its end or that of the body, or a bracket. The quantifiers are possessive (`*+`, `?+`): without
# backtracking each byte is read once, even in a string that has no end.
_TOKEN = re.compile(rb'"(?:[^"\\]++|\\.)*+"?+|[\[{]|[\]}]', re.DOTALL)


def _refuse(code: str, detail: str, field: str = "body") -> ValidationFailed:
    return ValidationFailed.of(field, code, detail)


def _integer(digits: str) -> int:
    # Cut to 40 digits, a number is still out of range for every field, so that the field reports it; Python refuses to
    # convert thousands of digits.
    return int(digits[:_MAX_DIGITS])


def _real(digits: str) -> float:
    value = float(digits)
    if not math.isfinite(value):
        raise _refuse("invalid-number", "A number is out of range.")
    return value


def _constant(name: str) -> float:
    raise _refuse("invalid-number", f"{name} is not JSON.")


def _object_of_pairs(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """Return the object; refuse one that names a field twice, which parsers of other programs read differently."""
    value = dict(pairs)
    if len(value) != len(pairs):
        seen: set[str] = set()
        name = next(name for name, _ in pairs if name in seen or seen.add(name))  # type: ignore[func-returns-value]
        field = "body" if _bad_text(name) else name[:MAX_NAME]
        raise _refuse("repeated", REPEATED, field)
    return value


def _check_depth(raw: bytes) -> None:
    if raw.count(b"[") + raw.count(b"{") <= MAX_DEPTH:
        return
    depth = 0
    for found in _TOKEN.finditer(raw):
        mark = found.group()[:1]
        if mark in (b"[", b"{"):
            depth += 1
            if depth > MAX_DEPTH:
                raise _refuse("too-deep", f"JSON may be nested {MAX_DEPTH} levels deep at most.")
        elif mark in (b"]", b"}"):
            depth -= 1


def _bad_texts(value: Any) -> Iterator[tuple[list[str], str]]:
    """Yield the path (innermost name first) and the error code of each text that PostgreSQL could not store."""
    if isinstance(value, str):
        if reason := _bad_text(value):
            yield [], reason
    elif isinstance(value, Mapping):
        for key, inner in value.items():
            if _bad_text(key):
                yield [], "invalid-name"
            else:
                yield from _prefixed(str(key), inner)
    elif isinstance(value, list):
        for index, inner in enumerate(value):
            yield from _prefixed(str(index), inner)


def _prefixed(name: str, value: Any) -> Iterator[tuple[list[str], str]]:
    for path, reason in _bad_texts(value):
        path.append(name[:MAX_NAME])
        yield path, reason


def _bad_text(text: str) -> str | None:
    if "\x00" in text:
        return "null-character"
    return None if _SURROGATE.search(text) is None else "lone-surrogate"


_TEXT_DETAILS = {
    "null-character": "A NUL character is not allowed.",
    "lone-surrogate": "Half of a surrogate pair is not a character.",
    "invalid-name": "The name of a field holds a character that is not allowed.",
}


def _has_long_list(value: Any) -> bool:
    """Return whether a list in the value has more than MAX_ITEMS items, each of which would have to be validated."""
    if isinstance(value, list):
        return len(value) > MAX_ITEMS or any(map(_has_long_list, value))
    return isinstance(value, dict) and any(map(_has_long_list, value.values()))


_DECODER = json.JSONDecoder(
    object_pairs_hook=_object_of_pairs, parse_int=_integer, parse_float=_real, parse_constant=_constant
)


def parse(raw: bytes) -> Any:
    """Return the value of a JSON text, in time proportional to its length.

    Raise PayloadTooLarge above 256 KB, ValidationFailed for text that is not strict JSON or exceeds a limit above.
    """
    if len(raw) > MAX_BYTES:
        raise PayloadTooLarge()
    _check_depth(raw)
    try:
        text = raw.decode("utf-8")
    except UnicodeDecodeError as error:
        raise _refuse("invalid-utf-8", "The body is not UTF-8.") from error
    try:
        value = _DECODER.decode(text)
    except (ValueError, RecursionError) as error:
        raise _refuse("invalid-json", "The body is not JSON.") from error
    if b"\\u" in raw:
        bad = [
            {"field": ".".join(reversed(path)) or "body", "code": code, "detail": _TEXT_DETAILS[code]}
            for path, code in islice(_bad_texts(value), MAX_ERRORS)
        ]
        if bad:
            raise ValidationFailed(bad)
    if raw.count(b",") >= MAX_ITEMS and _has_long_list(value):
        raise _refuse("too-many-items", f"A list may have at most {MAX_ITEMS} items.")
    if isinstance(value, dict) and len(value) > MAX_FIELDS:
        raise _refuse("too-many-fields", f"An object may have at most {MAX_FIELDS} fields.")
    return value


def object_of(raw: bytes) -> dict[str, Any]:
    """Return the JSON object of a body, of at most 200 fields; an empty body counts as an empty object.

    Raise ValidationFailed for a body that is not a JSON object, PayloadTooLarge above 256 KB.
    """
    if not raw.strip():
        return {}
    value = parse(raw)
    if not isinstance(value, dict):
        raise _refuse("not-an-object", "The body must be a JSON object.")
    return value

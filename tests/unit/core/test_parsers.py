"""The strict JSON parser: what it accepts, and what it refuses with a validation error."""

import json
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.api.json_body import MAX_BYTES, MAX_DEPTH, parse
from core.errors import PayloadTooLarge, ValidationFailed

PLAIN_TEXT = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\x00"), max_size=20)
NUMBERS = st.integers(-(10**30), 10**30) | st.floats(allow_nan=False, allow_infinity=False)
VALUES = st.recursive(
    st.none() | st.booleans() | NUMBERS | PLAIN_TEXT,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(PLAIN_TEXT, inner, max_size=4),
    max_leaves=20,
)


def refusal(raw: bytes) -> tuple[str, str]:
    with pytest.raises(ValidationFailed) as caught:
        parse(raw)
    return caught.value.errors[0]["field"], caught.value.errors[0]["code"]


@given(VALUES)
def test_valid_json_is_parsed_unchanged(value: object) -> None:
    assert parse(json.dumps(value).encode()) == value
    assert parse(json.dumps(value, ensure_ascii=False).encode()) == value


def test_depth_is_limited_without_recursion() -> None:
    assert parse(b"[" * MAX_DEPTH + b"]" * MAX_DEPTH)
    for raw in (b"[" * (MAX_DEPTH + 1) + b"]" * (MAX_DEPTH + 1), b"[" * 100_000, b'{"a":' * 30_000):
        assert refusal(raw) == ("body", "too-deep")


def test_brackets_inside_of_text_are_text() -> None:
    text = "[{\\" * 100 + '"'
    assert parse(json.dumps({"note": text, "list": [{} for _ in range(100)]}).encode())["note"] == text


@pytest.mark.parametrize(
    ("raw", "expected"),
    [
        (b'{"a": {"b": ["x", "\\u0000"]}}', ("a.b.1", "null-character")),
        (b'{"name": "\\ud800"}', ("name", "lone-surrogate")),
        (b'{"name": "ok \\udc00 ok"}', ("name", "lone-surrogate")),
        (b'{"\\ud800": 1}', ("body", "invalid-name")),
        (b'{"a\\u0000": 1}', ("body", "invalid-name")),
        (b'{"a": "\x00"}', ("body", "invalid-json")),
        (b'{"a": "\xff"}', ("body", "invalid-utf-8")),
        (b'{"a": "\xed\xa0\x80"}', ("body", "invalid-utf-8")),
        (b"{", ("body", "invalid-json")),
        (b"{'a': 1}", ("body", "invalid-json")),
        (b'{"a": 1} x', ("body", "invalid-json")),
        (b'\xef\xbb\xbf{"a": 1}', ("body", "invalid-json")),
        (b'{"a": NaN}', ("body", "invalid-number")),
        (b'{"a": -Infinity}', ("body", "invalid-number")),
        (b'{"a": 1e999}', ("body", "invalid-number")),
        (b'{"a": 1, "a": 1}', ("a", "repeated")),
        (b'{"a": 1, "b": 2, "\\u0061": 3}', ("a", "repeated")),
        (b'{"a": [{"b": {"c": 1, "d": 2, "c": 3}}]}', ("c", "repeated")),
        (b'{"a\\u0000": 1, "a\\u0000": 1}', ("body", "repeated")),
        (b"{%b}" % b",".join([b'"a": 1'] * 20_000), ("a", "repeated")),
        (b'{"%b": 1, "%b": 2}' % (b"x" * 500, b"x" * 500), ("x" * 100, "repeated")),
    ],
)
def test_refused(raw: bytes, expected: tuple[str, str]) -> None:
    assert refusal(raw) == expected


def test_surrogate_pairs_are_characters() -> None:
    assert parse(b'{"name": "\\ud83d\\ude00"}') == {"name": "\U0001f600"}


def test_numbers_of_any_length_stay_out_of_bounds_and_cheap() -> None:
    for digits in (300, 5_000, 200_000):
        value = parse(b'{"a": ' + b"9" * digits + b"}")["a"]
        assert value > 2**100
        assert not math.isinf(value)


def test_size_is_limited() -> None:
    with pytest.raises(PayloadTooLarge):
        parse(b'"' + b"x" * MAX_BYTES + b'"')

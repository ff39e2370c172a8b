"""JSON output."""

import uuid
from collections import OrderedDict
from datetime import UTC, date, datetime
from decimal import Decimal

import pytest
from django.utils.functional import lazystr
from rest_framework.exceptions import ErrorDetail
from rest_framework.utils.serializer_helpers import ReturnDict

from core.api.answers import Answer, json_of, response_of
from core.api.renderers import to_json


def test_plain_values() -> None:
    value = {
        "priority": Decimal("3.80"),
        "id": uuid.UUID(int=1),
        "at": datetime(2026, 3, 2, 9, tzinfo=UTC),
        "day": date(2026, 3, 2),
        "lazy": lazystr("text"),
        "detail": ErrorDetail("wrong", code="invalid"),
        "row": ReturnDict({"a": (1, 2)}, serializer=None),
        "pairs": OrderedDict(b=1),
        "each": (n for n in (1, 2)),
        "set": {7},
        3: "ü",
    }
    assert to_json(value).decode() == (
        '{"priority":3.8,"id":"00000000-0000-0000-0000-000000000001","at":"2026-03-02T09:00:00Z","day":"2026-03-02",'
        '"lazy":"text","detail":"wrong","row":{"a":[1,2]},"pairs":{"b":1},"each":[1,2],"set":[7],"3":"ü"}'
    )


def test_nothing_is_an_empty_body() -> None:
    assert json_of(Answer(204)) == b""
    assert response_of(Answer(204)).content == b""


def test_an_empty_list_or_object_is_no_empty_body() -> None:
    assert [json_of(Answer(200, body)) for body in ([], {})] == [b"[]", b"{}"]


def test_bytes_are_json_already() -> None:
    assert json_of(Answer(200, b'{"a":1}')) == b'{"a":1}'


def test_an_answer_as_a_response() -> None:
    response = response_of(Answer(201, {"a": Decimal("3.80")}, {"ETag": '"1"'}))
    assert (response.status_code, response.content) == (201, b'{"a":3.8}')
    assert (response["Content-Type"], response["ETag"]) == ("application/json", '"1"')


def test_what_has_no_form_is_a_bug_and_not_a_guess() -> None:
    with pytest.raises(TypeError):
        to_json(object())

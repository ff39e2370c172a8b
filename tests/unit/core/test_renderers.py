"""What goes out as JSON."""

import uuid
from collections import OrderedDict
from datetime import UTC, date, datetime
from decimal import Decimal

import pytest
from django.utils.functional import lazystr
from rest_framework.exceptions import ErrorDetail
from rest_framework.utils.serializer_helpers import ReturnDict

from core.api.renderers import FastJSONRenderer, to_json


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
    assert FastJSONRenderer().render(None) == b""


def test_what_has_no_form_is_a_bug_and_not_a_guess() -> None:
    with pytest.raises(TypeError):
        to_json(object())

"""A time of day is hours and minutes, perhaps seconds, and nothing else."""

from datetime import time

import pytest
from rest_framework.exceptions import ValidationError

from core.api.serializers import ClockTimeField


@pytest.mark.parametrize(
    ("text", "meant"), [("09:00", time(9)), ("00:00", time(0)), ("23:59", time(23, 59)), ("09:00:30", time(9, 0, 30))]
)
def test_a_time_of_day(text: str, meant: time) -> None:
    assert ClockTimeField().run_validation(text) == meant


@pytest.mark.parametrize(
    ("value", "code"),
    [
        ("0" * 64_000, "invalid"),
        ("1" * 3_000, "invalid"),
        ("09000099", "invalid"),
        ("9:00", "invalid"),
        ("0900", "invalid"),
        ("09", "invalid"),
        ("09:00:00.5", "invalid"),
        ("\u0660\u0669:\u0660\u0660", "invalid"),
        ("25:00", "invalid"),
        (" 09:00", "invalid"),
        (9, "invalid"),
        (None, "null"),
        ("09:00Z", "offset"),
        ("09:00+05:30", "offset"),
    ],
)
def test_anything_else_is_refused(value: object, code: str) -> None:
    with pytest.raises(ValidationError) as refused:
        ClockTimeField().run_validation(value)
    assert [each.code for each in refused.value.detail] == [code]

"""Components shared by all operations of the OpenAPI document."""

import pytest

from core.api.openapi import problems


def test_problems_are_grouped_by_status() -> None:
    described = problems("slot-full", "slot-not-open", "version-conflict")
    assert [status for status, _ in described] == [409, 412]
    assert {media_type for _, media_type in described} == {"application/problem+json"}
    assert described[409, "application/problem+json"].response["enum"] == ["slot-full", "slot-not-open"]


def test_a_code_that_nobody_answers_is_a_mistake() -> None:
    with pytest.raises(KeyError):
        problems("slot-fool")

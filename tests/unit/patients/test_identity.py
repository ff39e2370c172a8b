# ruff: noqa: RUF001 - letters that look alike are the subject
"""When two registrations look like one person."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from patients.identity import name_key, phone_digits, phone_key


@pytest.mark.parametrize(
    "name", ["Asha Rao", "  asha   rao ", "ASHA RAO", "asha\u00a0rao", "Ａｓｈａ Rao", "asha\trao"]
)
def test_spelling_that_does_not_matter(name: str) -> None:
    assert name_key(name) == "asha rao"


@pytest.mark.parametrize("name", ["Asha Rau", "Asha", "Rao Asha", "Āsha Rao", "आशा राव"])
def test_spelling_that_does_matter(name: str) -> None:
    assert name_key(name) != "asha rao"


@pytest.mark.parametrize(
    ("phone", "key"),
    [
        ("+91 98765-43210", "+919876543210"),
        ("(080) 2345.678", "0802345678"),
        ("９８７６５", "98765"),
        ("९८७६५", "98765"),
        (" ＋91 1", "+911"),
    ],
)
def test_phones_are_their_digits(phone: str, key: str) -> None:
    assert phone_key(phone) == key


@given(st.text(max_size=200))
def test_a_key_is_its_own_key_and_fits_its_column(name: str) -> None:
    key = name_key(name)
    assert name_key(key) == key
    assert len(key) <= 400


@given(st.text(max_size=40))
def test_a_phone_key_fits_whatever_is_typed(text: str) -> None:
    assert set(phone_key(text)) <= set("+0123456789")


def test_a_name_is_not_searched_for_among_phones() -> None:
    assert phone_digits("Ward 7") == ""
    assert phone_digits("98 76") == "9876"

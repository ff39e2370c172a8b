# ruff: noqa: RUF001 - letters that look alike are the subject
"""Detection of duplicate registrations."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from patients.identity import name_key, phone_digits, phone_key


@pytest.mark.parametrize(
    "name",
    [
        "Asha Rao",
        "  asha   rao ",
        "ASHA RAO",
        "asha\u00a0rao",
        "Ａｓｈａ Rao",
        "asha\trao",
        "Rao Asha",
        "Rao, Asha",
        "Āsha Rao",
        "A\u0304sha Rao",
        "Asha-Rao",
        "As'ha Ra’o",
        "As\u200bha \u202eRao",
    ],
)
def test_spelling_that_does_not_matter(name: str) -> None:
    assert name_key(name) == "asha rao"


@pytest.mark.parametrize("name", ["Asha Rau", "Asha", "Asha A Rao", "आशा राव"])
def test_spelling_that_does_matter(name: str) -> None:
    assert name_key(name) != "asha rao"


def test_marks_that_are_part_of_the_spelling_matter() -> None:
    assert name_key("राव") != name_key("रव")
    assert name_key("क्षमा") != name_key("कषमा")


@pytest.mark.parametrize(("name", "key"), [("Łukasz Ørsted", "lukasz orsted"), ("Strauß", "strauss"), ("🙂", "🙂"),
                                          ("İlkay Işık", "ilkay isik"), ("مُحَمَّد", "محمد")])  # fmt: skip
def test_letters_of_other_alphabets(name: str, key: str) -> None:
    assert name_key(name) == key


@pytest.mark.parametrize(
    ("phone", "key"),
    [
        ("+91 98765-43210", "+919876543210"),
        ("098765 43210", "+919876543210"),
        ("0091 98765 43210", "+919876543210"),
        ("91 98765 43210", "+919876543210"),
        ("(080) 2345.6789", "+918023456789"),
        ("９８７６５ ４３２１０", "+919876543210"),
        ("९८७६५ ४३२१०", "+919876543210"),
        ("+44 20 7946 0958", "+442079460958"),
        ("+999 123", "+999123"),
        (" ＋91 1", "+911"),
        ("7", "7"),
    ],
)
def test_phones_are_numbers(phone: str, key: str) -> None:
    assert phone_key(phone) == key


def test_the_country_is_a_setting(settings: Any) -> None:
    settings.OPD_PHONE_REGION = "GB"
    assert phone_key("020 7946 0958") == "+442079460958"
    settings.OPD_PHONE_REGION = None
    assert phone_key("020 7946 0958") == "02079460958"
    assert phone_key("+44 20 7946 0958") == "+442079460958"


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

"""The normal form of user names and e-mail addresses."""

import sys
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.normal_form import identity_key, is_normal, normal_form


@pytest.mark.parametrize(
    ("text", "form"),
    [
        ("Desk", "desk"),
        ("Desk@Hospital.EXAMPLE", "desk@hospital.example"),
        ("\u212aim", "kim"),
        ("de\u017fk", "desk"),
        ("\uff24esk", "desk"),
        ("de\u00adsk", "desk"),
        ("Jose\u0301", "jos\u00e9"),
        ("stra\u00dfe", "strasse"),
        ("h\u0131t", "h\u0131t"),
    ],
)
def test_what_is_compared(text: str, form: str) -> None:
    assert normal_form(text) == form


@pytest.mark.parametrize(
    "text", ["", "desk", "DESK", "Jos\u00c9", "h\u0131t", "\u03a3\u039f\u03a3", "\u0906\u0936\u093e"]
)
def test_case_alone_is_normal(text: str) -> None:
    assert is_normal(text)
    assert identity_key(text) == normal_form(text)


@pytest.mark.parametrize(
    "text", ["\u212aim", "de\u017fk", "\uff24esk", "de\u00adsk", "Jose\u0301", "stra\u00dfe", "a\u3164b", "\ufb01n"]
)
def test_other_forms_of_letters_are_not_normal_and_find_nobody(text: str) -> None:
    assert not is_normal(text)
    assert identity_key(text) == text != normal_form(text)


@given(st.text())
def test_the_normal_form_is_its_own_and_case_does_not_change_it(text: str) -> None:
    form = normal_form(text)
    assert normal_form(form) == form
    assert is_normal(form)
    assert normal_form(unicodedata.normalize("NFD", text)) == form


def test_each_letter_of_unicode_reaches_a_normal_form() -> None:
    for letter in map(chr, range(sys.maxunicode + 1)):
        form = normal_form(letter)
        assert normal_form(form) == form
        assert is_normal(form), hex(ord(letter))

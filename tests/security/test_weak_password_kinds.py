"""Kinds of passwords that a guesser tries first, and passwords that only resemble them."""

import datetime
import time
from collections.abc import Sequence

import pytest
from django.apps import apps

from accounts.auth.guessable_words import unit_of, without_runs
from accounts.auth.passwords import Person, check_password
from accounts.models import User
from core.errors import ValidationFailed

pytestmark = pytest.mark.django_db

BOLI = Person("Bo Li", "98450", datetime.date(2001, 12, 1))
WEAK = {
    "a repeated word": [
        "secretsecret", "dragondragon", "Secret-Secret-1", "1secretsecret!", "terces-terces", "lotus lotus",
    ],
    "a repeated number or pattern": ["48274827", "x7qkd x7qkd", "ab12ab12ab12", "abcde-edcba"],
    "a word of the hospital": [
        "waiting12", "facility1", "cardiology", "Cardiology-7", "paracetamol", "Dolo650-99", "p@racetamol!",
    ],
    "a well known phrase": ["correcthorse", "Correct Horse 1", "changeme-99", "changeit1", "diwali2026"],
    "an order of digits": ["13579135", "24680246", "97531975", "0369258147"],
    "an order of letters or keys": [
        "abcdefghij", "zyxwvuts", "acegikmo", "qwertyuiop", "asdfghjkl1", "qwert-asdfg", "poiuytre",
    ],
    "a name written together": ["boli2001", "BoLi-2001", "ilob2001", "bo.li.99"],
    "a date": [
        "1st december 2001", "1dez2001", "fourteenmarch", "14.März.1961", "2001-dezember-1", "1er-decembre-2001",
        "3rd of may 1999", "Twenty First June", "23 agosto 1975", "17 दिसंबर 1999", "12 maggio 1980", "november2026",
    ],
}  # fmt: skip
GOOD = [
    "quiet-harbour-42", "seven-white-lotus", "eight-blue-lotus", "nine-black-crows-9", "hospital-x7qkd",
    "doctor-pass-1",
    "opd 83920174", "blue-kettle-on-the-third-shelf", "white-door-1764-noon", "green-lamp-09041961-evening",
    "marmaladium-37", "quietharbour-quietharbour", "may-kettle-june", "nurse-qwrtpsx", "tractor-abcdef-moss",
]  # fmt: skip


def errors_of(password: str, *, people: Sequence[Person] = (BOLI,)) -> set[str]:
    """Return the codes of the errors of a password; none if it is good."""
    try:
        check_password(password=password, user=User(username="u-4417", email="x@mail.example"), people=people)
    except ValidationFailed as error:
        return {each["code"] for each in error.errors}
    return set()


@pytest.mark.parametrize("kind", WEAK)
def test_passwords_of_a_weak_kind_are_refused(kind: str) -> None:
    assert [each for each in WEAK[kind] if errors_of(each) != {"weak-password"}] == []


def test_passwords_that_resemble_them_are_good() -> None:
    assert [each for each in GOOD if errors_of(each)] == []


@pytest.mark.parametrize(
    ("text", "unit"),
    [("secretsecret", "secret"), ("ababab", "ab"), ("abcba", "abcba"), ("abba", "ab"), ("abcab", "abcab"), ("", "")],
)
def test_the_unit_of_a_repetition(text: str, unit: str) -> None:
    assert unit_of(text) == unit


@pytest.mark.parametrize(
    ("text", "rest"),
    [("13579135", "1 "), ("x1234y", "x1 y"), ("123x", "123x"), ("abcdwxyz", "a w "), ("aaaa", "a "), ("rewq", "r ")],
)
def test_a_run_counts_as_one_character(text: str, rest: str) -> None:
    assert without_runs(text) == rest


def test_the_longest_password_takes_little_time() -> None:
    names = apps.get_model("patients.Patient")._meta.get_field("name").max_length or 200
    person = Person("a " * (names // 2), "98450")
    for text in ("a" * 64 + "b" * 64, "ab" * 64, "qwertyuiop" * 12, "1st" * 42, "secret" * 21, "maymaymay" * 14):
        began = time.process_time()
        errors_of(text, people=[person] * 8)
        assert time.process_time() - began < 0.2, text

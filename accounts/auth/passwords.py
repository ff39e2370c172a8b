"""Password rules: refuse passwords that can be guessed from facts about the hospital or the user.

Only the letters and digits of a password are compared, in normal form, without blanks, punctuation and invisible
characters. A second comparison removes accents and replaces digits and signs by the letters they resemble.
"""

import calendar
import re
import unicodedata
from collections.abc import Iterable, Iterator
from datetime import date
from difflib import SequenceMatcher
from itertools import pairwise, permutations, product
from typing import Any, NamedTuple

from django.apps import apps
from django.conf import settings
from django.contrib.auth.password_validation import (
    CommonPasswordValidator,
    MinimumLengthValidator,
    validate_password,
)
from django.core.exceptions import ValidationError

from accounts.auth import guessable_words
from accounts.models import User
from core.api.visible_text import visible_letters
from core.errors import ValidationFailed
from core.normal_form import normal_form

_LEET = str.maketrans("013457@$!", "oieastasi")
_MIN_WEIGHT = 4.0
"""The minimum weight of a password without its known words: a letter weighs 1, a digit 1/2."""
_MIN_LENGTH = 8
_MIN_DISTINCT = 5
_MIN_NUMBER_MATCH = 6
"""The number of consecutive digits that count as a part of a known phone number."""


class Person(NamedTuple):
    """Facts about the person of a user that an attacker may know."""

    name: str
    phone: str | None = None
    born: date | None = None


class VisibleLengthValidator(MinimumLengthValidator):
    """Require a minimum number of visible characters, blanks not counted."""

    def validate(self, password: str, user: Any = None) -> None:
        """Raise Django's ValidationError for a password that is too short."""
        super().validate(visible_letters(password), user)

    def get_error_message(self) -> str:
        """Return the message for a password that is too short."""
        return f"This password is too short. It must contain at least {self.min_length} characters, blanks not counted."


class GuessablePasswordValidator:
    """Refuse blank passwords, few distinct characters, and common words or facts about the hospital or the user.

    This includes such words with a few digits or marks added, repeated words, words written backwards, dates with the
    name of a month, characters in the order of the alphabet or a keyboard, and phone numbers and birth dates in any
    common spelling.
    """

    def __init__(self) -> None:
        self._common = CommonPasswordValidator().passwords

    def validate(self, password: str, user: Any = None) -> None:
        """Raise Django's ValidationError for such a password."""
        plain = visible_letters(normal_form(password))
        if not plain:
            raise ValidationError("This password is blank.", code="password_blank")
        if len(set(plain)) < _MIN_DISTINCT:
            raise ValidationError(
                f"This password has fewer than {_MIN_DISTINCT} different characters.",
                code="password_repeats",
            )
        words = {*guessable_words.WORDS, *_words(*_facility_names(), *_user_texts(user)), *_birth_dates(user)}
        numbers = _numbers(user)
        if self._is_guessable(_alphanumeric(plain), words, numbers) or self._is_guessable(
            _without_look_alikes(plain), words | set(map(_without_look_alikes, words)), numbers
        ):
            raise ValidationError(
                "This password is easy to guess for anyone who knows the hospital or you.", code="password_guessable"
            )

    def get_help_text(self) -> str:
        """Return the rule, as the help text of a form."""
        return (
            f"The password has at least {_MIN_DISTINCT} different characters. It can't be a common word, or a "
            "name, a phone number or a birth date of the hospital or of the user, with a few digits added."
        )

    def _is_guessable(self, text: str, words: set[str], numbers: set[str]) -> bool:
        base = re.sub(r"^[\W\d_]+|[\W\d_]+$", "", text) or text
        unit = guessable_words.unit_of(base)
        is_common = not self._common.isdisjoint((unit, unit[::-1])) or (unit != base and len(unit) < _MIN_LENGTH)
        if is_common and _weight(text.replace(base, "", 1)) < _MIN_WEIGHT:
            return True
        text = text.replace(base, unit, 1)
        rests = (
            _remove_known(text, words, numbers),
            _remove_known(guessable_words.without_runs(text), words, numbers),
            guessable_words.without_dates(text),
        )
        return any(rest != text and _weight(rest) < _MIN_WEIGHT for rest in rests)


def check_password(*, password: str, user: User, people: Iterable[Person] = (), field: str = "password") -> None:
    """Raise ValidationFailed (`weak-password`) for a weak password; `people` are the persons of this user."""
    try:
        validate_for(password=password, user=user, people=people)
    except ValidationError as error:
        found = [{"field": field, "code": "weak-password", "detail": message} for message in error.messages]
        raise ValidationFailed(found) from error


def validate_for(*, password: str, user: User, people: Iterable[Person] = ()) -> None:
    """Run Django's password validators with all known facts about the user; raise Django's ValidationError."""
    user.people = tuple(people)
    user.person_names = " ".join(person.name for person in user.people)
    validate_password(password, user)


def _facility_names() -> list[str]:
    rows = apps.get_model("clinics", "Facility")._default_manager.values_list("name", "code")
    return [settings.OPD_FACILITY_NAME, *(text for row in rows for text in row)]


def _user_texts(user: Any) -> list[str]:
    return [getattr(user, name, "") for name in ("username", "email", "person_names")]


def _words(*texts: str) -> set[str]:
    """Return the words of the texts, each two neighbours as one word, and all words of a text as one.

    They have at least three letters, in the form in which they are compared.
    """
    found: set[str] = set()
    for text in texts:
        spaced = "".join(letter if _is_letter(letter) else " " for letter in normal_form(text))
        words = [_alphanumeric(part) for part in spaced.split()]
        found.update(words, map("".join, pairwise(words)), ["".join(words)])
    return {word for word in found if len(word) >= 3}


def _birth_dates(user: Any) -> Iterator[str]:
    """Return the birth dates of the user's persons, with day, month and year in every order and spelling."""
    for born in {person.born for person in getattr(user, "people", ()) if person.born}:
        month = calendar.month_name[born.month].lower()
        days = {f"{born.day}", f"{born.day:02}"}
        months = {f"{born.month}", f"{born.month:02}", month, month[:3]}
        years = {f"{born.year}", f"{born.year % 100:02}"}
        for parts in product(days, months, years):
            yield from map("".join, permutations(parts))


def _numbers(user: Any) -> set[str]:
    """Return the phone numbers of the user's persons, and numbers of six or more digits in the user's names."""
    texts = [_alphanumeric(normal_form(person.phone or "")) for person in getattr(user, "people", ())]
    return {number for text in (*texts, *_user_texts(user)) for number in re.findall(r"\d{6,}", text)}


def _remove_known(text: str, words: set[str], numbers: set[str]) -> str:
    """Remove the words, longest first, and parts of the numbers from the text; both also when written backwards."""
    for word in sorted({*words, *(word[::-1] for word in words)}, key=lambda word: (-len(word), word)):
        text = text.replace(word, " ")
    for number in sorted({*numbers, *(number[::-1] for number in numbers)}):
        found = SequenceMatcher(None, text, number, autojunk=False).find_longest_match()
        if found.size >= _MIN_NUMBER_MATCH:
            text = f"{text[: found.a]} {text[found.a + found.size :]}"
    return text


def _is_letter(letter: str) -> bool:
    """Return whether the character is a letter or a combining mark."""
    return unicodedata.category(letter)[0] in "LM"


def _alphanumeric(text: str) -> str:
    """Return the letters and digits of a text, with the digits of all scripts as 0 to 9."""
    return "".join(
        str(unicodedata.decimal(letter)) if letter.isdecimal() else letter for letter in text if letter.isalnum()
    )


def _without_look_alikes(text: str) -> str:
    """Return the letters and digits of a text without accents, with look-alike digits and signs as letters."""
    return _alphanumeric(unicodedata.normalize("NFKD", text).translate(_LEET))


def _weight(text: str) -> float:
    return sum(0.5 if letter.isdigit() else 1 for letter in text if letter.isalnum())

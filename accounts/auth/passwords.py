"""What a password may be: not what a stranger who knows the hospital and the user would try first.

A password is compared as its letters and digits alone: without blanks, marks between them and characters that show
nothing, in normal form, and once more with accents removed and digits and signs read as the letters they resemble.
"""

import calendar
import re
import unicodedata
from collections.abc import Iterable, Iterator
from datetime import date
from difflib import SequenceMatcher
from itertools import permutations, product
from typing import Any, NamedTuple

from django.apps import apps
from django.conf import settings
from django.contrib.auth.password_validation import (
    CommonPasswordValidator,
    MinimumLengthValidator,
    validate_password,
)
from django.core.exceptions import ValidationError

from accounts.models import User
from core.api.visible_text import visible_letters
from core.errors import ValidationFailed
from core.normal_form import normal_form

_PRODUCT = (
    "admin administrator ambulance appointment billing care casualty clinic desk doctor emergency engine frontdesk "
    "health hospital laboratory login matron medical medicine nurse opd outpatient password patient pharmacy "
    "physician queue radiology reception receptionist staff surgeon surgery theatre token treatment ward welcome"
)
_LEET = str.maketrans("013457@$!", "oieastasi")
_ENOUGH = 4.0
"""What must be left beside the known words: letters count 1, digits 1/2 (a year and a `!` are not enough)."""
_FEWEST_DIFFERENT = 5
_PART_OF_A_NUMBER = 6
"""So many digits in a row are recognised as a part of a known phone number."""


class Person(NamedTuple):
    """What a stranger may know of the person behind a user."""

    name: str
    phone: str = ""
    born: date | None = None


class VisibleLengthValidator(MinimumLengthValidator):
    """Count the characters that can be seen, without blanks."""

    def validate(self, password: str, user: Any = None) -> None:
        """Raise Django's ValidationError for a password that is too short."""
        super().validate(visible_letters(password), user)

    def get_error_message(self) -> str:
        """What is wrong with a password that is too short."""
        return f"This password is too short. It must contain at least {self.min_length} characters, blanks not counted."


class GuessablePasswordValidator:
    """Refuse blanks, few different characters, and common words or facts about the hospital or the user.

    A few digits or marks added to such words, words written backwards, or a phone number or a birth date in any common
    spelling are no better.
    """

    def __init__(self) -> None:
        self._common = CommonPasswordValidator().passwords

    def validate(self, password: str, user: Any = None) -> None:
        """Raise Django's ValidationError for such a password."""
        plain = visible_letters(normal_form(password))
        if not plain:
            raise ValidationError("This password is blank.", code="password_blank")
        if len(set(plain)) < _FEWEST_DIFFERENT:
            raise ValidationError(
                f"This password has fewer than {_FEWEST_DIFFERENT} different characters.", code="password_repeats"
            )
        words = {*_words(_PRODUCT, *_facility_names(), *_about(user)), *_birth_dates(user)}
        numbers = _numbers(user)
        if self._is_guessable(_solid(plain), words, numbers) or self._is_guessable(
            _bare(plain), words | set(map(_bare, words)), numbers
        ):
            raise ValidationError(
                "This password is easy to guess for anybody who knows the hospital or you.", code="password_guessable"
            )

    def get_help_text(self) -> str:
        """The rule, for a form."""
        return (
            f"The password has at least {_FEWEST_DIFFERENT} different characters. It can't be a common word, or a "
            "name, a phone number or a birth date of the hospital or of the user, with a few digits added."
        )

    def _is_guessable(self, text: str, words: set[str], numbers: set[str]) -> bool:
        base = re.sub(r"^[\W\d_]+|[\W\d_]+$", "", text) or text
        if not self._common.isdisjoint((base, base[::-1])) and _weight(text.replace(base, "", 1)) < _ENOUGH:
            return True
        rest = _without(text, words, numbers)
        return rest != text and _weight(rest) < _ENOUGH


def check_password(*, password: str, user: User, people: Iterable[Person] = (), field: str = "password") -> None:
    """Refuse a weak password for this user (ValidationFailed, `weak-password`); `people` are the persons behind it."""
    try:
        validate_for(password=password, user=user, people=people)
    except ValidationError as error:
        found = [{"field": field, "code": "weak-password", "detail": message} for message in error.messages]
        raise ValidationFailed(found) from error


def validate_for(*, password: str, user: User, people: Iterable[Person] = ()) -> None:
    """Run Django's password validators with all that is known of the user; raises Django's ValidationError."""
    user.people = tuple(people)
    user.person_names = " ".join(person.name for person in user.people)
    validate_password(password, user)


def _facility_names() -> list[str]:
    rows = apps.get_model("clinics", "Facility")._default_manager.values_list("name", "code")
    return [settings.OPD_FACILITY_NAME, *(text for row in rows for text in row)]


def _about(user: Any) -> list[str]:
    return [getattr(user, name, "") for name in ("username", "email", "person_names")]


def _words(*texts: str) -> set[str]:
    """The words of at least three letters in the texts, as they are compared."""
    apart = "".join(letter if _is_letter(letter) else " " for letter in normal_form(" ".join(texts)))
    return {word for part in apart.split() if len(word := _solid(part)) >= 3}


def _birth_dates(user: Any) -> Iterator[str]:
    """The birth dates of the persons behind the user, with the parts in every order and spelling."""
    for born in {person.born for person in getattr(user, "people", ()) if person.born}:
        month = calendar.month_name[born.month].lower()
        days = {f"{born.day}", f"{born.day:02}"}
        months = {f"{born.month}", f"{born.month:02}", month, month[:3]}
        years = {f"{born.year}", f"{born.year % 100:02}"}
        for parts in product(days, months, years):
            yield from map("".join, permutations(parts))


def _numbers(user: Any) -> set[str]:
    """The phone numbers of the persons behind the user, and long numbers in the user's own names."""
    texts = [_solid(normal_form(person.phone)) for person in getattr(user, "people", ())]
    return {number for text in (*texts, *_about(user)) for number in re.findall(r"\d{6,}", text)}


def _without(text: str, words: set[str], numbers: set[str]) -> str:
    """The text without the words, the longest first, and without parts of the numbers, also written backwards."""
    for word in sorted({*words, *(word[::-1] for word in words)}, key=lambda word: (-len(word), word)):
        text = text.replace(word, " ")
    for number in sorted({*numbers, *(number[::-1] for number in numbers)}):
        found = SequenceMatcher(None, text, number, autojunk=False).find_longest_match()
        if found.size >= _PART_OF_A_NUMBER:
            text = f"{text[: found.a]} {text[found.a + found.size :]}"
    return text


def _is_letter(letter: str) -> bool:
    """Whether this is a letter or a mark of one."""
    return unicodedata.category(letter)[0] in "LM"


def _solid(text: str) -> str:
    """The letters and digits of a text, digits of all scripts as 0 to 9."""
    return "".join(
        str(unicodedata.decimal(letter)) if letter.isdecimal() else letter for letter in text if letter.isalnum()
    )


def _bare(text: str) -> str:
    """The letters and digits of a text without accents, with look-alike digits and signs as letters."""
    return _solid(unicodedata.normalize("NFKD", text).translate(_LEET))


def _weight(text: str) -> float:
    return sum(0.5 if letter.isdigit() else 1 for letter in text if letter.isalnum())

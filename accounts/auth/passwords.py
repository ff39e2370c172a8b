"""What a password may be: not what a stranger who knows the hospital and the user would try first."""

import re
from collections.abc import Iterable
from typing import Any

from django.apps import apps
from django.conf import settings
from django.contrib.auth.password_validation import CommonPasswordValidator, validate_password
from django.core.exceptions import ValidationError

from accounts.models import User
from core.errors import ValidationFailed
from core.normal_form import normal_form

_PRODUCT = (
    "admin administrator appointment clinic desk doctor engine frontdesk health hospital login nurse opd outpatient "
    "password patient queue reception token welcome"
)
_LEET = str.maketrans("013457@$!", "oieastasi")
_ENOUGH = 4.0
"""What must be left beside the known words: letters count 1, digits 1/2 (a year and a `!` are not enough)."""


class GuessablePasswordValidator:
    """Refuse blanks, and common words or words about the hospital or the user with a few digits or marks added."""

    def __init__(self) -> None:
        self._common = CommonPasswordValidator().passwords

    def validate(self, password: str, user: Any = None) -> None:
        """Raise Django's ValidationError for such a password."""
        if not any(letter.isprintable() and not letter.isspace() for letter in password):
            raise ValidationError("This password is blank.", code="password_blank")
        plain = normal_form(password)
        words = _words(_PRODUCT, *_facility_names(), *_about(user))
        if any(self._is_guessable(text, words) for text in (plain, plain.translate(_LEET))):
            raise ValidationError(
                "This password is easy to guess for anybody who knows the hospital or you.", code="password_guessable"
            )

    def get_help_text(self) -> str:
        """The rule, for a form."""
        return "The password can't be a common word or a name of the hospital or of the user with a few digits added."

    def _is_guessable(self, text: str, words: list[str]) -> bool:
        base = re.sub(r"^[\W\d_]+|[\W\d_]+$", "", text)
        if base in self._common and _weight(text.replace(base, "", 1)) < _ENOUGH:
            return True
        rest = text
        for word in words:
            rest = rest.replace(word, " ")
        return rest != text and _weight(rest) < _ENOUGH


def check_password(*, password: str, user: User, names: Iterable[str] = (), field: str = "password") -> None:
    """Refuse a weak password for this user (ValidationFailed, `weak-password`); `names` are the person's names."""
    try:
        validate_for(password=password, user=user, names=names)
    except ValidationError as error:
        found = [{"field": field, "code": "weak-password", "detail": message} for message in error.messages]
        raise ValidationFailed(found) from error


def validate_for(*, password: str, user: User, names: Iterable[str] = ()) -> None:
    """Run Django's password validators with all that is known of the user; raises Django's ValidationError."""
    user.person_names = " ".join(names)
    validate_password(password, user)


def _facility_names() -> list[str]:
    rows = apps.get_model("clinics", "Facility")._default_manager.values_list("name", "code")
    return [settings.OPD_FACILITY_NAME, *(text for row in rows for text in row)]


def _about(user: Any) -> list[str]:
    return [getattr(user, name, "") for name in ("username", "email", "person_names")]


def _words(*texts: str) -> list[str]:
    """The words of the texts in normal form, the longest first."""
    words = {word for text in texts for word in re.findall(r"[^\W\d_]{3,}", normal_form(text))}
    return sorted(words, key=lambda word: (-len(word), word))


def _weight(text: str) -> float:
    return sum(0.5 if letter.isdigit() else 1 for letter in text if letter.isalnum())

"""A person's name and phone, as every part of the engine takes them in."""

import re
import unicodedata
from typing import Any

from rest_framework import serializers

from core.serializers import StrictCharField

_PHONE = r"^\+?[0-9 ().\-/]{3,31}$"


def check_visible_text(text: str) -> None:
    """Refuses control characters, and text in which nothing can be seen."""
    if any(unicodedata.category(letter) == "Cc" for letter in text):
        raise serializers.ValidationError("Control characters are not allowed.", code="control-character")
    if not any(letter.isprintable() and not letter.isspace() for letter in text):
        raise serializers.ValidationError("This field may not be blank.", code="blank")


def check_phone(text: str) -> None:
    """Refuses what nobody could dial: between 3 and 20 digits, with the marks that people put between them."""
    if not re.fullmatch(_PHONE, text) or not 3 <= sum(letter.isdigit() for letter in text) <= 20:
        raise serializers.ValidationError(
            "A phone number has 3 to 20 digits, a + in front if it is international, and only ( ) . - / between.",
            code="invalid-phone",
        )


class VisibleCharField(StrictCharField):
    """One line of text in which something can be seen."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.validators.append(check_visible_text)


class NameField(VisibleCharField):
    """A name of 1 to 200 characters."""

    def __init__(self, **kwargs: Any) -> None:
        kwargs.setdefault("max_length", 200)
        super().__init__(**kwargs)


class PhoneField(StrictCharField):
    """A phone number as people write it, at most 32 characters."""

    def __init__(self, **kwargs: Any) -> None:
        kwargs.setdefault("max_length", 32)
        super().__init__(**kwargs)
        self.validators.append(check_phone)

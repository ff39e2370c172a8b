"""A person's name and phone, as every part of the engine takes them in."""

from typing import Any

from django.core.validators import RegexValidator
from rest_framework import serializers

from core.serializers import StrictCharField

# As patterns these stand in the API's description too.
_NO_CONTROLS = RegexValidator(
    r"^[^\x00-\x1f\x7f-\x9f]*\Z", "Control characters are not allowed.", code="control-character"
)
# What somebody could dial, with the marks that people put between the digits.
_PHONE = RegexValidator(
    r"^\+?[ ().\-/]*([0-9][ ().\-/]*){3,20}\Z",
    "A phone number has 3 to 20 digits, a + in front if it is international, and only ( ) . - / between.",
    code="invalid-phone",
)


def check_visible_text(text: str) -> None:
    """Refuses text in which nothing can be seen."""
    if not any(letter.isprintable() and not letter.isspace() for letter in text):
        raise serializers.ValidationError("This field may not be blank.", code="blank")


class VisibleCharField(StrictCharField):
    """One line of text in which something can be seen."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.validators.extend([_NO_CONTROLS, check_visible_text])


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
        self.validators.append(_PHONE)

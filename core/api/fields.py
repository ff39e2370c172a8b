"""Fields for text that people write and read: names, reasons, phone numbers, e-mail addresses."""

from typing import Any

from django.core.validators import RegexValidator
from rest_framework import serializers

from core.api.serializers import StrictCharField
from core.api.visible_text import refuse_invisible

# The patterns are also part of the OpenAPI document.
_NO_CONTROLS = RegexValidator(
    r"^[^\x00-\x1f\x7f-\x9f]*\Z", "Control characters are not allowed.", code="control-character"
)
_NO_CONTROLS_BUT_LINES = RegexValidator(
    r"^[^\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f]*\Z", "Control characters are not allowed.", code="control-character"
)
# Digits with the separators that people write between them.
_PHONE = RegexValidator(
    r"^\+?[ ().\-/]*([0-9][ ().\-/]*){3,20}\Z",
    "A phone number has 3 to 20 digits, a + in front if it is international, and only ( ) . - / between.",
    code="invalid-phone",
)


def check_visible_text(text: str) -> None:
    """Refuse text without any visible character, or with an invisible one."""
    if not any(letter.isprintable() and not letter.isspace() for letter in text):
        raise serializers.ValidationError("This field may not be blank.", code="blank")
    refuse_invisible(text)


class VisibleCharField(StrictCharField):
    """One line of text with a visible character and no invisible ones."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.validators.extend([_NO_CONTROLS, check_visible_text])


class ReasonField(StrictCharField):
    """A reason: optional free text of up to 500 characters, in lines."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**{"max_length": 500, "required": False, "default": "", "allow_blank": True, **kwargs})
        self.validators.extend([_NO_CONTROLS_BUT_LINES, refuse_invisible])


class EmailField(StrictCharField, serializers.EmailField):
    """An e-mail address of at most 254 characters, none of them invisible."""

    def __init__(self, **kwargs: Any) -> None:
        kwargs.setdefault("max_length", 254)
        super().__init__(**kwargs)
        self.validators.append(refuse_invisible)


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

"""Serializer fields shared within this app."""

from typing import Any

from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import ValidationError as DjangoValidationError
from rest_framework import serializers

from accounts.auth.login import MAX_PASSWORD_LENGTH
from core.api.serializers import StrictCharField
from core.normal_form import normal_form, validate_normal


class NewPasswordField(StrictCharField):
    """A new password: 8 to 128 characters, not common; accounts.users also compares it with facts about the user."""

    def __init__(self, **kwargs: Any) -> None:
        kwargs.update(max_length=MAX_PASSWORD_LENGTH, trim_whitespace=False, write_only=True)
        super().__init__(**kwargs)

    def to_internal_value(self, data: Any) -> str:
        """Return the password; raise ValidationError (`weak-password`) for a weak one."""
        password = super().to_internal_value(data)
        try:
            validate_password(password)
        except DjangoValidationError as error:
            raise serializers.ValidationError(error.messages, code="weak-password") from error
        return password


class StrictEmailField(StrictCharField, serializers.EmailField):
    """An e-mail address in normal form except for case; only JSON strings are accepted."""

    def __init__(self, **kwargs: Any) -> None:
        kwargs.setdefault("max_length", 254)
        super().__init__(**kwargs)
        self.validators.append(validate_normal)


class AnyEmailField(StrictEmailField):
    """An e-mail address in any form; one that is not in normal form belongs to no account."""

    def run_validators(self, value: str) -> None:
        """Validate the normal form instead of the given text."""
        super().run_validators(normal_form(value))


class OtpField(serializers.RegexField):
    """Six digits as a string, so that leading zeros are kept."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(r"^[0-9]{6}\Z", max_length=6, help_text="The 6 digits of the mail.", **kwargs)

    def to_internal_value(self, data: Any) -> str:
        """Return the digits; refuse values that are not strings."""
        if not isinstance(data, str):
            self.fail("invalid")
        return super().to_internal_value(data)

"""Serializers of sign-in, refresh and the caller's account."""

from typing import Any

from drf_spectacular.utils import OpenApiExample, extend_schema_serializer
from rest_framework import serializers

from accounts.access.roles import Role
from accounts.auth.login import MAX_IDENTIFIER_LENGTH, MAX_PASSWORD_LENGTH
from core.api.serializers import StrictCharField, StrictSerializer


@extend_schema_serializer(examples=[OpenApiExample("Desk", {"username": "desk", "password": "quiet-harbour-42"})])
class CredentialsSerializer(StrictSerializer):
    """User name (or e-mail) and password."""

    username = StrictCharField(
        max_length=MAX_IDENTIFIER_LENGTH, required=False, help_text="The user name, or the e-mail address."
    )
    email = StrictCharField(max_length=MAX_IDENTIFIER_LENGTH, required=False, help_text="In place of `username`.")
    password = StrictCharField(max_length=MAX_PASSWORD_LENGTH, trim_whitespace=False, write_only=True)
    otp = StrictCharField(
        max_length=32, required=False, help_text="The second factor, or a recovery code, of a user who has set one up."
    )

    def validate(self, attrs: dict[str, str]) -> dict[str, str]:
        """Require exactly one of the user name and the e-mail address."""
        if ("username" in attrs) == ("email" in attrs):
            raise serializers.ValidationError({"username": "Send the user name, or the e-mail address."}, "required")
        return attrs


@extend_schema_serializer(examples=[OpenApiExample("The token", {"refresh": "eyJhbGciOi..."}, request_only=True)])
class RefreshSerializer(StrictSerializer):
    """A refresh token; browsers that have it in the cookie omit it."""

    refresh = StrictCharField(max_length=4096, required=False, allow_null=True)


class AccessSerializer(serializers.Serializer[object]):
    """The tokens of a session: access is valid for 15 minutes, refresh is exchanged for the next pair."""

    access = serializers.CharField(read_only=True)
    refresh = serializers.CharField(read_only=True, allow_null=True, help_text="null if it is sent in a cookie")

    class Meta:
        example = {"access": "eyJhbGciOi...", "refresh": "eyJhbGciOi..."}


class PatientNameSerializer(serializers.Serializer[object]):
    """One of the caller's patient records."""

    id = serializers.UUIDField(read_only=True)
    name = serializers.CharField(read_only=True)


_ME: dict[str, Any] = {
    "id": "0192e0c5-c06f-7183-8e55-70b28f6193a4",
    "username": "desk",
    "email": "desk@hospital.example",
    "role": "FRONT_DESK",
    "facility": "0192e0c5-5908-7a1c-8dde-094b18202c3d",
    "doctor": None,
    "patients": [],
}


class MeSerializer(serializers.Serializer[object]):
    """The caller."""

    id = serializers.UUIDField(read_only=True)
    username = serializers.CharField(read_only=True)
    email = serializers.CharField(read_only=True)
    role = serializers.ChoiceField(choices=Role.choices, read_only=True)
    facility = serializers.UUIDField(source="facility_id", read_only=True, allow_null=True)
    doctor = serializers.UUIDField(source="doctor_id", read_only=True, allow_null=True)
    patients = PatientNameSerializer(many=True, read_only=True)

    class Meta:
        example = _ME

"""Serializers of API keys."""

import ipaddress
from datetime import datetime
from typing import Any

from drf_spectacular.utils import OpenApiExample, extend_schema_serializer
from rest_framework import serializers

from accounts.access.roles import Scope
from core import clock
from core.api.fields import VisibleCharField
from core.api.serializers import LocalDateTimeField, StrictCharField, StrictSerializer, StrictUUIDField


class NetworkField(StrictCharField):
    """A network as CIDR, or a single address."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(max_length=64, **kwargs)

    def to_internal_value(self, data: Any) -> str:
        """Return the network in canonical form."""
        try:
            return str(ipaddress.ip_network(super().to_internal_value(data), strict=False))
        except ValueError as error:
            raise serializers.ValidationError("Not a network, for example 10.20.0.0/16.", code="network") from error


_LAB = {"name": "Laboratory system", "scopes": ["read"], "allowed_networks": ["10.20.0.0/16"]}


_API_KEY = {
    **_LAB,
    "id": "0192e0c5-d170-7294-9f66-81c3907204b5",
    "facility": "0192e0c5-5908-7a1c-8dde-094b18202c3d",
    "prefix": "opd_7f3a",
    "expires_at": None,
    "created_at": "2026-03-02T09:00:00+05:30",
    "last_used_at": None,
    "revoked_at": None,
}


@extend_schema_serializer(examples=[OpenApiExample("A laboratory that only reads", _LAB, request_only=True)])
class ApiKeySerializer(StrictSerializer):
    """The key of a hospital system; its text is shown once, in the response to POST."""

    id = serializers.UUIDField(read_only=True)
    name = VisibleCharField(max_length=100)
    facility = StrictUUIDField(
        source="facility_id",
        required=False,
        help_text="The facility, by default the caller's own; only a superuser names another one.",
    )
    prefix = serializers.CharField(read_only=True, help_text="The part of the key that identifies it.")
    scopes = serializers.ListField(
        child=serializers.ChoiceField(choices=Scope.choices), allow_empty=False, max_length=8
    )
    allowed_networks = serializers.ListField(
        child=NetworkField(), required=False, max_length=50, help_text="Where it may be used; empty: anywhere."
    )
    expires_at = LocalDateTimeField(required=False, allow_null=True)
    created_at = LocalDateTimeField(read_only=True)
    last_used_at = LocalDateTimeField(read_only=True, allow_null=True, help_text="To the minute.")
    revoked_at = LocalDateTimeField(read_only=True, allow_null=True)

    class Meta:
        example = _API_KEY

    def validate_expires_at(self, value: datetime | None) -> datetime | None:
        """Refuse a time in the past."""
        if value is not None and value <= clock.now():
            raise serializers.ValidationError("This time is in the past.", code="in-the-past")
        return value


class NewApiKeySerializer(ApiKeySerializer):
    """A new key."""

    key = serializers.CharField(read_only=True, help_text="Shown only once. Send it as `Authorization: Api-Key <key>`.")

    class Meta:
        example = {**_API_KEY, "key": "opd_7f3a..."}

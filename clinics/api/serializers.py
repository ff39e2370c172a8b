"""Serializers of facilities and doctors (section 1 of the contract)."""

from typing import Any

from django.core.validators import RegexValidator
from rest_framework import serializers

from clinics.api.rules import RulesSerializer
from clinics.branding import COLOUR
from clinics.facilities import time_zones
from clinics.models import Doctor, Facility
from core.api.fields import EmailField, NameField, PhoneField, VisibleCharField
from core.api.filters import PagedQuerySerializer
from core.api.serializers import (
    LocalDateTimeField,
    StrictBooleanField,
    StrictCharField,
    StrictIntegerField,
    StrictModelSerializer,
    StrictUUIDField,
)
from core.local_time import zone_info

MAX_CONSULTATION_MINUTES = 24 * 60
MAX_EXPERIENCE = 80
_CODE = RegexValidator(r"^[A-Z0-9][A-Z0-9-]{0,15}\Z", "Use capital letters A-Z, digits and dashes.", code="invalid")


_COLOUR = RegexValidator(rf"^{COLOUR.pattern}\Z", "Use a colour such as #0b6e4f.", code="invalid")


class FacilitySerializer(StrictModelSerializer):
    """A hospital or clinic."""

    name = NameField()
    code = StrictCharField(max_length=16, validators=[_CODE], help_text="Capital letters, digits and dashes.")
    time_zone = StrictCharField(max_length=64, help_text="An IANA name, for example Asia/Kolkata.")
    display_name = NameField(required=False, allow_null=True, help_text="What patients read instead of `name`.")
    colour = StrictCharField(
        max_length=7,
        required=False,
        allow_null=True,
        validators=[_COLOUR],
        help_text="Of screens and slips; text on it is black or white, whichever contrasts more.",
    )
    rules = RulesSerializer(required=False, help_text="PATCH merges them; null takes the facility's own value back.")

    class Meta:
        example = {
            "id": "0192e0c5-5908-7a1c-8dde-094b18202c3d",
            "name": "St. Martha's Hospital",
            "code": "A1",
            "time_zone": "Asia/Kolkata",
            "display_name": "St. Martha's, Whitefield",
            "colour": "#0b6e4f",
            "rules": RulesSerializer.Meta.example,
        }
        model = Facility
        fields = ("id", "name", "code", "time_zone", "display_name", "colour", "rules")
        read_only_fields = ("id",)

    def validate_time_zone(self, value: str) -> str:
        """Accept only the names of time zones that this machine has."""
        if value not in time_zones():
            raise serializers.ValidationError("This is not the name of a time zone.", code="invalid-time-zone")
        return value


class NewFacilitySerializer(FacilitySerializer):
    """A new hospital or clinic; without a time zone it gets that of the server."""

    time_zone = StrictCharField(max_length=64, required=False, help_text="An IANA name, for example Asia/Kolkata.")


class LocalCreatedAt(LocalDateTimeField):
    """The time at which a row of a facility was created, in the facility's time zone."""

    def get_attribute(self, instance: Any) -> Any:
        return instance

    def to_representation(self, value: Any) -> str:
        return value.created_at.astimezone(zone_info(value.facility.time_zone)).isoformat()


class DoctorSerializer(StrictModelSerializer):
    """A doctor of a facility."""

    facility = StrictUUIDField(
        source="facility_id",
        required=False,
        help_text="The facility, by default the caller's own; only a superuser names another one. It never changes.",
    )
    name = NameField()
    specialization = VisibleCharField(max_length=100)
    email = EmailField(required=False, allow_null=True)
    phone = PhoneField(required=False, allow_null=True)
    experience_years = StrictIntegerField(min_value=0, max_value=MAX_EXPERIENCE, required=False, allow_null=True)
    consultation_minutes = StrictIntegerField(
        min_value=1,
        max_value=MAX_CONSULTATION_MINUTES,
        required=False,
        help_text="Planned minutes per patient; 10 by default.",
    )
    is_active = StrictBooleanField(required=False)
    created_at = LocalCreatedAt(read_only=True)

    class Meta:
        example = {
            "id": "0192e0c5-6a09-7b2d-8eef-1a5c291b3d4e",
            "facility": "0192e0c5-5908-7a1c-8dde-094b18202c3d",
            "name": "Dr. Meera Iyer",
            "specialization": "Paediatrics",
            "email": "meera.iyer@hospital.example",
            "phone": "+919845011223",
            "experience_years": 12,
            "consultation_minutes": 10,
            "is_active": True,
            "created_at": "2026-03-01T18:00:00+05:30",
        }
        model = Doctor
        fields = (
            "id",
            "facility",
            "name",
            "specialization",
            "email",
            "phone",
            "experience_years",
            "consultation_minutes",
            "is_active",
            "created_at",
        )
        read_only_fields = ("id",)


class DoctorFilters(PagedQuerySerializer):
    """The filters of the list of doctors."""

    specialization = serializers.CharField(
        required=False, allow_blank=True, max_length=100, help_text="The whole specialization; case does not matter."
    )
    search = serializers.CharField(
        required=False, allow_blank=True, max_length=200, help_text="Part of the name or the specialization."
    )
    is_active = serializers.BooleanField(required=False)
    facility = serializers.UUIDField(required=False, help_text="Only doctors of this facility.")


class FacilityFilters(PagedQuerySerializer):
    """The parameters of the list of facilities: only the page."""

"""Serializers of patients (section 1 of the contract)."""

from datetime import date
from typing import Any

from django.conf import settings
from rest_framework import serializers
from rest_framework.exceptions import ErrorDetail

from core import clock
from core.api.fields import EmailField, NameField, PhoneField
from core.api.filters import PagedQuerySerializer
from core.api.serializers import (
    LocalDateTimeField,
    StrictBooleanField,
    StrictIntegerField,
    StrictModelSerializer,
    StrictUUIDField,
)
from core.local_time import local_day
from patients.models import Patient, Sex

FIRST_YEAR = 1870
MAX_AGE_YEARS = 130


class PatientSerializer(StrictModelSerializer):
    """A registered patient."""

    facility = StrictUUIDField(
        source="facility_id",
        required=False,
        help_text="By default the caller's own; a patient names it if there are several. It never changes.",
    )
    name = NameField()
    phone = PhoneField(required=False, allow_null=True, help_text="null: the patient has none; see `no_phone`.")
    no_phone = StrictBooleanField(
        required=False, write_only=True, help_text="true: the patient has no phone. The desk and API keys can send it."
    )
    email = EmailField(required=False, allow_null=True)
    date_of_birth = serializers.DateField(required=False, allow_null=True)
    age_years = StrictIntegerField(
        min_value=0,
        max_value=MAX_AGE_YEARS,
        required=False,
        write_only=True,
        help_text="Instead of date_of_birth: the date is computed from it and marked as approximate.",
    )
    birth_date_is_approximate = serializers.BooleanField(read_only=True)
    sex = serializers.ChoiceField(choices=Sex.choices, required=False, allow_null=True)
    needs_assistance = StrictBooleanField(required=False, help_text="Gives the care bonus of section 2 at any age.")
    is_active = StrictBooleanField(
        required=False,
        help_text="false: no new bookings; existing ones stay valid, emergencies are admitted. Patients can't set it.",
    )
    allow_duplicate = StrictBooleanField(
        required=False,
        write_only=True,
        help_text="true: this is another person of the same name and phone, because families share a phone.",
    )
    created_at = LocalDateTimeField(read_only=True)

    class Meta:
        example = {
            "id": "0192e0c5-8c2b-7d4f-8a11-3c7e4b2d5f60",
            "facility": "0192e0c5-5908-7a1c-8dde-094b18202c3d",
            "name": "Lakshmi Narayanan",
            "phone": "+919876543210",
            "email": None,
            "date_of_birth": "1951-08-15",
            "birth_date_is_approximate": False,
            "sex": "F",
            "needs_assistance": True,
            "created_at": "2026-03-01T18:00:00+05:30",
        }
        model = Patient
        fields = (
            "id",
            "facility",
            "name",
            "phone",
            "no_phone",
            "email",
            "date_of_birth",
            "age_years",
            "birth_date_is_approximate",
            "sex",
            "needs_assistance",
            "is_active",
            "created_at",
            "allow_duplicate",
        )
        read_only_fields = ("id",)

    def validate_date_of_birth(self, value: date | None) -> date | None:
        """Refuse a date after today or before 1870."""
        if value is not None and not value.year >= FIRST_YEAR:
            raise serializers.ValidationError(f"The year is before {FIRST_YEAR}.", code="out-of-range")
        if value is not None and value > local_day(clock.now(), settings.TIME_ZONE):
            raise serializers.ValidationError("This date is in the future.", code="in-the-future")
        return value

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        """Require a phone or `no_phone`, and compute the date of birth from `age_years`."""
        if "phone" not in attrs and not self.partial:
            if not attrs.get("no_phone"):
                raise serializers.ValidationError({"phone": ErrorDetail("This field is required.", "required")})
            attrs["phone"] = None
        if attrs.get("no_phone") and attrs.get("phone") is not None:
            raise serializers.ValidationError({"no_phone": ErrorDetail("The patient has a phone.", "invalid")})
        age = attrs.pop("age_years", None)
        if age is not None:
            if attrs.get("date_of_birth") is not None:
                raise serializers.ValidationError(
                    {"age_years": ErrorDetail("Send date_of_birth or age_years, not both.", "invalid")}
                )
            today = local_day(clock.now(), settings.TIME_ZONE)
            attrs |= {"date_of_birth": birth_date_of(age_years=age, today=today), "birth_date_is_approximate": True}
        return attrs


def birth_date_of(*, age_years: int, today: date) -> date:
    """Return the latest date of birth of a patient who is `age_years` old today."""
    day = 28 if (today.month, today.day) == (2, 29) else today.day
    return date(today.year - age_years, today.month, day)


class PatientFilters(PagedQuerySerializer):
    """The filters of the list of patients."""

    search = serializers.CharField(
        required=False,
        allow_blank=True,
        max_length=200,
        help_text="Words of the name or their beginnings, in any order; or a phone or part of it, in any format.",
    )

"""Serializers of patients (section 1 of the contract)."""

from datetime import date

from django.conf import settings
from rest_framework import serializers

from core import clock
from core.api.fields import EmailField, NameField, PhoneField
from core.api.filters import PagedQuerySerializer
from core.api.serializers import LocalDateTimeField, StrictBooleanField, StrictModelSerializer
from core.local_time import local_day
from patients.models import Patient

FIRST_YEAR = 1870


class PatientSerializer(StrictModelSerializer):
    """A registered patient."""

    name = NameField()
    phone = PhoneField()
    email = EmailField(required=False, allow_null=True)
    date_of_birth = serializers.DateField(required=False, allow_null=True)
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
            "name": "Lakshmi Narayanan",
            "phone": "+919876543210",
            "email": None,
            "date_of_birth": "1951-08-15",
            "needs_assistance": True,
            "created_at": "2026-03-01T18:00:00+05:30",
        }
        model = Patient
        fields = (
            "id",
            "name",
            "phone",
            "email",
            "date_of_birth",
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


class PatientFilters(PagedQuerySerializer):
    """The filters of the list of patients."""

    search = serializers.CharField(
        required=False,
        allow_blank=True,
        max_length=200,
        help_text="Words of the name or their beginnings, in any order; or a phone or part of it, in any format.",
    )

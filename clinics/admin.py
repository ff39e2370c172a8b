"""Facilities and doctors on the admin site; slots are in `tokens.admin`, because their actions need its service."""

from base64 import b64encode
from typing import Any

from django.contrib import admin
from django.http import HttpRequest
from django.utils.html import format_html

from accounts.access.principal import principal_of
from accounts.access.scoping import facility_of_new_row
from accounts.admin import AttributedAdmin
from clinics.api.serializers import DoctorSerializer, FacilitySerializer
from clinics.doctors import create_doctor, update_doctor
from clinics.facilities import update_facility
from clinics.models import Doctor, Facility, FacilityLogo
from core.api.admin import CheckedForm, NoDeleteAdmin


class NamedFacilitySerializer(FacilitySerializer):
    """The fields of a facility that can be changed on the admin site."""

    time_zone = None  # type: ignore[assignment]
    rules = None  # type: ignore[assignment]

    class Meta(FacilitySerializer.Meta):
        fields = ("id", "name", "code", "display_name", "colour")  # type: ignore[assignment]


class FacilityForm(CheckedForm):
    """The form of a facility, validated by the rules of the API."""

    serializer_class = NamedFacilitySerializer

    class Meta:
        model = Facility
        fields = ("name", "code", "display_name", "colour")


@admin.register(Facility)
class FacilityAdmin(AttributedAdmin, NoDeleteAdmin):
    """Facilities can be renamed, but not added or deleted. Only the API changes time zone and rules."""

    form = FacilityForm
    list_display = ("code", "name", "time_zone", "doctors_numbered")
    search_fields = ("code", "name")
    readonly_fields = ("id", "logo_image", "time_zone", "rules", "doctors_numbered")

    @admin.display(description="logo")
    def logo_image(self, facility: Facility) -> str:
        """Show the logo, which the API sets."""
        logo = FacilityLogo.objects.filter(facility=facility).first()
        if logo is None:
            return "-"
        image = b64encode(logo.content).decode()
        return format_html('<img src="data:image/png;base64,{}" alt="Logo" height="64">', image)

    def has_add_permission(self, request: HttpRequest) -> bool:
        """Return False: superusers add facilities through the API or `manage.py create_facility`."""
        return False

    def save_model(self, request: HttpRequest, obj: Facility, form: Any, change: bool) -> None:
        """Save the facility through the service."""
        update_facility(facility_id=obj.pk, changes=form.checked)


class DoctorForm(CheckedForm):
    """The form of a doctor, validated by the rules of the API."""

    serializer_class = DoctorSerializer

    class Meta:
        model = Doctor
        fields = (
            "name",
            "specialization",
            "email",
            "phone",
            "experience_years",
            "consultation_minutes",
            "is_active",
        )


@admin.register(Doctor)
class DoctorAdmin(AttributedAdmin, NoDeleteAdmin):
    """Doctors, added and changed through the service; a doctor who has left is made inactive."""

    form = DoctorForm
    list_display = ("name", "specialization", "consultation_minutes", "is_active", "ticket_letters", "phone")
    list_filter = ("is_active", "specialization")
    search_fields = ("name", "specialization", "phone", "email")
    readonly_fields = ("id", "facility", "ticket_letters", "created_at")

    def save_model(self, request: HttpRequest, obj: Doctor, form: Any, change: bool) -> None:
        """Save the doctor through the service."""
        if change:
            update_doctor(doctor_id=obj.pk, changes=form.checked, within=principal_of(request).facility_id)
        else:
            made = create_doctor(facility_id=facility_of_new_row(principal_of(request), None), **form.checked)
            obj.pk, obj.facility_id = made.pk, made.facility_id

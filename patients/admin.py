"""Patients on the admin site; every read there is recorded in the read trail."""

from typing import Any

from django.contrib import admin
from django.contrib.admin.views.main import ChangeList
from django.http import HttpRequest

from accounts.access.principal import principal_of
from accounts.access.scoping import facility_of_new_row
from accounts.admin import AttributedAdmin
from accounts.audit.read_trail import record_read
from core.api.admin import CheckedForm, NoDeleteAdmin
from patients.api.serializers import PatientSerializer
from patients.models import Patient
from patients.selectors import search
from patients.services import register_patient, update_patient

WHERE = "patients.admin"


class PatientForm(CheckedForm):
    """The form of a patient, validated by the rules of the API."""

    serializer_class = PatientSerializer

    class Meta:
        model = Patient
        fields = ("name", "phone", "email", "date_of_birth", "sex", "needs_assistance", "is_active")

    def clean(self) -> dict[str, Any]:
        """Require a phone, except for a patient who was registered without one."""
        cleaned = super().clean()
        registered_without = not self.instance._state.adding and self.instance.phone is None
        if cleaned.get("phone") is None and "phone" not in self.errors and not registered_without:
            self.add_error("phone", "This field is required.")
        return cleaned


@admin.register(Patient)
class PatientAdmin(AttributedAdmin, NoDeleteAdmin):
    """Patients, registered and changed through the service; `manage.py erase_patient` erases one."""

    form = PatientForm
    list_display = ("name", "phone", "email", "date_of_birth", "needs_assistance", "is_active", "created_at")
    list_filter = ("needs_assistance", "is_active")
    search_fields = ("name",)
    search_help_text = "Part of the name or of the phone number."
    readonly_fields = ("id", "birth_date_is_approximate", "namesake", "version", "erased_at", "created_at")

    def get_search_results(self, request: HttpRequest, queryset: Any, search_term: str) -> tuple[Any, bool]:
        """Search in the same way as the API."""
        return (search(patients=queryset, text=search_term) if search_term.strip() else queryset), False

    def get_changelist_instance(self, request: HttpRequest) -> ChangeList:
        """Return the page of the list, and record its patients in the read trail."""
        page = super().get_changelist_instance(request)
        record_read(request, [patient.pk for patient in page.result_list], what=WHERE)
        return page

    def get_object(self, request: HttpRequest, object_id: str, from_field: str | None = None) -> Patient | None:
        """Return the patient, and record the read in the read trail."""
        patient: Patient | None = super().get_object(request, object_id, from_field)
        if patient is not None:
            record_read(request, [patient.pk], what=WHERE)
        return patient

    def has_change_permission(self, request: HttpRequest, obj: Patient | None = None) -> bool:
        """Return False for an erased patient, which cannot be changed."""
        return (obj is None or obj.erased_at is None) and bool(super().has_change_permission(request, obj))

    def save_model(self, request: HttpRequest, obj: Patient, form: Any, change: bool) -> None:
        """Save the patient through the service."""
        if change:
            update_patient(patient_id=obj.pk, changes=form.checked)
        else:
            obj.pk = register_patient(facility_id=facility_of_new_row(principal_of(request), None), **form.checked).pk

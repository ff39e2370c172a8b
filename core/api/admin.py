"""What the admin site's pages of all apps are built from: to look at everything, to change by the services alone."""

from datetime import date
from typing import Any, ClassVar
from uuid import UUID

from django import forms
from django.contrib import admin
from django.db.models import Model
from django.http import HttpRequest

from core.api.messages import StrictModelSerializer


class RestrictedLookupsAdmin(admin.ModelAdmin):  # type: ignore[type-arg]
    """A list that can be filtered in the URL by the fields of `list_filter` alone.

    Django lets the URL filter by any field of the model, so a secret could be read by its beginnings.
    """

    def lookup_allowed(self, lookup: str, value: Any, request: HttpRequest) -> bool:
        """Allow a lookup on a field of `list_filter`, as far as Django allows it."""
        return lookup.split("__")[0] in self.list_filter and bool(super().lookup_allowed(lookup, value, request))


class NoDeleteAdmin(RestrictedLookupsAdmin):
    """Nothing is deleted here: what may be removed, the API removes by its rules."""

    show_full_result_count = False
    list_per_page = 50

    def has_delete_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        """Never."""
        return False


class ReadOnlyAdmin(NoDeleteAdmin):
    """A page to look at: the engine alone writes these rows."""

    def has_add_permission(self, request: HttpRequest) -> bool:
        """Never."""
        return False

    def has_change_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        """Never."""
        return False


class CheckedForm(forms.ModelForm):  # type: ignore[type-arg]
    """A form whose values pass the same checks as a request's body; `checked` is what a service takes."""

    serializer_class: ClassVar[type[StrictModelSerializer]]
    checked: dict[str, Any]

    def clean(self) -> dict[str, Any]:
        """Ask the serializer, and tell its objections beside the fields."""
        cleaned: dict[str, Any] = super().clean() or self.cleaned_data
        serializer = self.serializer_class(data={name: _plain(value) for name, value in cleaned.items()})
        if not serializer.is_valid():
            for name, errors in serializer.errors.items():
                if name not in self.errors:
                    self.add_error(name if name in self.fields else None, [str(error) for error in errors])
        else:
            self.checked = dict(serializer.validated_data)
        return cleaned


def _plain(value: Any) -> Any:
    """The value as JSON would carry it."""
    if isinstance(value, Model):
        return str(value.pk)
    if isinstance(value, date):
        return value.isoformat()
    return str(value) if isinstance(value, UUID) else value

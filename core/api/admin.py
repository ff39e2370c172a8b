"""Base classes of the admin site: pages show everything, and services make all changes."""

from datetime import date
from typing import Any, ClassVar
from uuid import UUID

from django import forms
from django.contrib import admin
from django.db.models import Model
from django.http import HttpRequest

from core.api.serializers import StrictModelSerializer


class RestrictedLookupsAdmin(admin.ModelAdmin):  # type: ignore[type-arg]
    """A list that a URL can filter only by the fields of `list_filter`.

    Django accepts filters by any field of the model, with which a secret could be guessed prefix by prefix.
    """

    def lookup_allowed(self, lookup: str, value: Any, request: HttpRequest) -> bool:
        """Return whether the lookup is on a field of `list_filter` and Django allows it."""
        filters: Any = self.list_filter  # names, or a name and the class of its filter
        filtered = {each if isinstance(each, str) else each[0] for each in filters}
        return lookup.split("__")[0] in filtered and bool(super().lookup_allowed(lookup, value, request))


class NoDeleteAdmin(RestrictedLookupsAdmin):
    """An admin page that deletes nothing: the API deletes rows, by its rules."""

    show_full_result_count = False
    list_per_page = 50

    def has_delete_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        """Return False."""
        return False


class ReadOnlyAdmin(NoDeleteAdmin):
    """A read-only admin page, for rows that only the engine writes."""

    def has_add_permission(self, request: HttpRequest) -> bool:
        """Return False."""
        return False

    def has_change_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        """Return False."""
        return False


class CheckedForm(forms.ModelForm):  # type: ignore[type-arg]
    """A form validated by the serializer of the API; `checked` has the values for the service."""

    serializer_class: ClassVar[type[StrictModelSerializer]]
    checked: dict[str, Any]

    def clean(self) -> dict[str, Any]:
        """Validate with the serializer, and add its errors to the fields."""
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
    """Return the value as JSON represents it."""
    if isinstance(value, Model):
        return str(value.pk)
    if isinstance(value, date):
        return value.isoformat()
    return str(value) if isinstance(value, UUID) else value

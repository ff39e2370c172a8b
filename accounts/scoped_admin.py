"""Admin pages of one facility: an ADMIN never sees a row of another facility there, and a superuser sees all rows."""

from typing import Any

from django.contrib import admin
from django.http import HttpRequest

from accounts.access.principal import principal_of
from accounts.access.scoping import scoped
from accounts.models import User
from core.api.admin import RestrictedLookupsAdmin


class ScopedAdmin(RestrictedLookupsAdmin):
    """An admin page of the rows of the caller's facility."""

    def get_queryset(self, request: HttpRequest) -> Any:
        """Return the rows that lists, pages and actions may use."""
        return scoped(super().get_queryset(request), principal_of(request))

    def get_field_queryset(self, db: Any, db_field: Any, request: HttpRequest) -> Any:
        """Return the rows to which a relation may lead, as offered and as accepted by a form."""
        related = db_field.remote_field.model
        rows = super().get_field_queryset(db, db_field, request)  # None for all rows in their usual order
        if related is not User and not hasattr(related, "facility_id"):
            return rows
        return scoped(related._default_manager.all() if rows is None else rows, principal_of(request))


class ScopedRelatedFilter(admin.RelatedFieldListFilter):
    """A filter by a related row, which offers those of the caller's facility."""

    def field_choices(self, field: Any, request: HttpRequest, model_admin: Any) -> Any:
        """Return the choices."""
        within = principal_of(request).facility_id
        return field.get_choices(
            include_blank=False,
            ordering=self.field_admin_ordering(field, request, model_admin),
            limit_choices_to={} if within is None else {"facility_id": within},
        )

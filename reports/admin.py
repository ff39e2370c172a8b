"""Stored reports on the admin site."""

from django.contrib import admin

from accounts.scoped_admin import ScopedAdmin
from core.api.admin import ReadOnlyAdmin
from reports.models import DailyReport


@admin.register(DailyReport)
class DailyReportAdmin(ScopedAdmin, ReadOnlyAdmin):
    """The stored reports of closed days, read-only."""

    list_display = ("date", "facility", "stored_at")
    date_hierarchy = "date"
    search_fields = ("=date",)

from typing import Any

from django.apps import AppConfig, apps
from django.db.models.signals import post_migrate


def _make_first_facility(sender: AppConfig, **kwargs: Any) -> None:
    from clinics.facilities import ensure_default_facility

    ensure_default_facility(apps=kwargs.get("apps", apps))


class ClinicsConfig(AppConfig):
    name = "clinics"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        """Create the first facility after the migrations, and register the error of the overlap constraint."""
        from clinics.errors import SlotOverlap
        from core.api.problem_details import register_constraint

        post_migrate.connect(_make_first_facility, sender=self)
        register_constraint("slot_no_overlap", SlotOverlap)

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
        """Create the first facility after the migrations, and register constraints and ids in paths."""
        from clinics.errors import SlotOverlap
        from clinics.facilities import facility_of_doctor, facility_of_room
        from core.api.problem_details import register_constraint
        from core.api.scoped_ids import register_id

        register_id("facility_id", lambda facility_id: facility_id)
        register_id("doctor_id", facility_of_doctor)
        register_id("room_id", facility_of_room)
        post_migrate.connect(_make_first_facility, sender=self)
        register_constraint("slot_no_overlap", SlotOverlap)

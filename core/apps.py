from typing import Any

from django.apps import AppConfig
from django.core import checks
from django.db import DEFAULT_DB_ALIAS
from django.db.models.signals import post_migrate


class CoreConfig(AppConfig):
    name = "core"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        from core.checks import application_role_owns_nothing
        from core.converters import register_id
        from core.farewell import see_off_threads
        from core.liveness import watch_requests
        from core.references import check_at_once

        register_id()
        see_off_threads()
        watch_requests()
        checks.register(application_role_owns_nothing, "security", deploy=True)
        post_migrate.connect(check_at_once, sender=self)
        post_migrate.connect(_grant_rights, sender=self)


def _grant_rights(*, using: str, **_: Any) -> None:
    """Grant the application role its rights when all tables are there."""
    from core.roles import grant_application_role

    if using == DEFAULT_DB_ALIAS:
        grant_application_role()

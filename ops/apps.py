from typing import Any

from django.apps import AppConfig, apps
from django.core import checks
from django.db import DEFAULT_DB_ALIAS
from django.db.models.signals import post_migrate


class OpsConfig(AppConfig):
    name = "ops"

    def ready(self) -> None:
        from ops.checks import application_role_owns_nothing

        checks.register(application_role_owns_nothing, "security", deploy=True)
        # Django sends the signal once for each application with models, after all migrations.
        post_migrate.connect(_protect_rows, sender=apps.get_app_config("core"))
        post_migrate.connect(_name_constraints, sender=apps.get_app_config("tokens"))


def _protect_rows(*, using: str, **_: Any) -> None:
    """Grant the application role its rights on all tables, and keep it from switching triggers off."""
    from ops.database_roles import grant_application_role, keep_triggers_on

    if using == DEFAULT_DB_ALIAS:
        grant_application_role()
        keep_triggers_on()


def _name_constraints(**_: Any) -> None:
    """Give indexes of partitions the names of their parents, so that errors name the constraint that was violated."""
    from ops.partitioning import name_alike

    name_alike()

from typing import Any

from django.apps import AppConfig
from django.db.models.signals import post_migrate


def _name_alike(**kwargs: Any) -> None:
    from core.partitions import name_alike

    name_alike()


class TokensConfig(AppConfig):
    name = "tokens"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        """After a migration of parted tables a refusal bears the name of the promise again."""
        post_migrate.connect(_name_alike, sender=self)

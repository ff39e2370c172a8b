from django.apps import AppConfig
from django.db.models.signals import post_migrate


class CoreConfig(AppConfig):
    name = "core"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        from core.converters import register_id
        from core.farewell import see_off_threads
        from core.liveness import watch_requests
        from core.references import check_at_once

        register_id()
        see_off_threads()
        watch_requests()
        post_migrate.connect(check_at_once, sender=self)

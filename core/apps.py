from django.apps import AppConfig
from django.db.models.signals import post_migrate


class CoreConfig(AppConfig):
    name = "core"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        from core.api.converters import register_id
        from core.db.connections import watch_requests
        from core.db.references import check_at_once
        from core.db.thread_connections import close_on_thread_exit

        register_id()
        close_on_thread_exit()
        watch_requests()
        post_migrate.connect(check_at_once, sender=self)

from django.apps import AppConfig


class CoreConfig(AppConfig):
    name = "core"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        from core.converters import register_id
        from core.farewell import see_off_threads
        from core.liveness import watch_requests

        register_id()
        see_off_threads()
        watch_requests()

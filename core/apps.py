from django.apps import AppConfig


class CoreConfig(AppConfig):
    name = "core"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        from core.farewell import see_off_threads
        from core.liveness import watch_requests

        see_off_threads()
        watch_requests()

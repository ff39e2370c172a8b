from django.apps import AppConfig


class EventsConfig(AppConfig):
    name = "events"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        from core.observability.metrics import measured_when_asked
        from events.metrics import SubscriptionLag

        measured_when_asked.append(SubscriptionLag())

"""The engine's addresses, and an endpoint that does nothing for whoever is signed in and allowed."""

from django.urls import path

from config import urls as engine
from config.urls import handler400, handler403, handler404, handler500
from core.api.answers import Answer
from core.api.endpoint import Endpoint
from core.api.request import ApiRequest

__all__ = ["handler400", "handler403", "handler404", "handler500", "urlpatterns"]


class EmptyView(Endpoint):
    """Sign-in, permission and an empty answer: the price of a request before any work."""

    capability = "slots.read"

    def get(self, request: ApiRequest) -> Answer:
        return Answer(200, {})


urlpatterns = [path("api/v1/empty/", EmptyView.as_view()), *engine.urlpatterns]

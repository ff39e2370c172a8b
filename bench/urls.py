"""The engine's URLs, and an endpoint that does no work."""

from django.urls import path

from config import urls as engine
from config.urls import handler400, handler403, handler404, handler500
from core.api.answers import Answer
from core.api.endpoint import Endpoint
from core.api.request import ApiRequest

__all__ = ["handler400", "handler403", "handler404", "handler500", "urlpatterns"]


class EmptyView(Endpoint):
    """Checks sign-in and permission and returns an empty response: the cost of a request without any work."""

    capability = "slots.read"

    def get(self, request: ApiRequest) -> Answer:
        return Answer(200, {})


urlpatterns = [path("api/v1/empty/", EmptyView.as_view()), *engine.urlpatterns]

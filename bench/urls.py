"""The engine's addresses, and an endpoint that does nothing for whoever is signed in and allowed."""

from django.urls import path
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from config import urls as engine
from config.urls import handler400, handler403, handler404, handler500

__all__ = ["handler400", "handler403", "handler404", "handler500", "urlpatterns"]


class EmptyView(APIView):
    """Sign-in, permission and an empty answer: the price of a request before any work."""

    capability = "slots.read"

    def get(self, request: Request) -> Response:
        return Response({})


urlpatterns = [path("api/v1/empty/", EmptyView.as_view()), *engine.urlpatterns]

"""The URLs of PLAIN: those of the engine that are measured."""

from django.urls import include, path
from rest_framework.routers import DefaultRouter
from rest_framework_simplejwt.views import TokenObtainPairView

from bench.plain import views

router = DefaultRouter()
router.register("slots", views.SlotViewSet)
router.register("tokens", views.TokenViewSet)

urlpatterns = [
    path("api/v1/auth/token/", TokenObtainPairView.as_view()),
    path("api/v1/empty/", views.EmptyView.as_view()),
    path("api/v1/", include(router.urls)),
    path("healthz/live", views.live),
]
